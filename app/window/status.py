"""The status bar: cursor read-out on the left, what the engine is doing on the right, with a way to stop it."""

from collections.abc import Callable

from PySide6.QtCore import QTimer, Slot
from PySide6.QtWidgets import QProgressBar, QPushButton, QSizePolicy, QStatusBar
from superqt import QElidingLabel

from app.controllers.commands import Commands
from app.state import ViewerState

NOTICE_MS = 12_000


class StatusBar(QStatusBar):
    """Shows cursor, notice and activity."""

    def __init__(self, state: ViewerState, commands: Commands) -> None:
        super().__init__()
        self._state = state
        self._read_out: Callable[[tuple[float, float]], str] | None = None
        self.setSizeGripEnabled(False)
        self.words = QElidingLabel()
        self.words.setAccessibleName("Cursor read-out and notices")
        self.words.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.activity = QElidingLabel()
        self.activity.setObjectName("muted")
        self.progress = QProgressBar()
        self.progress.setFixedWidth(120)
        self.progress.setAccessibleName("Progress")
        self.cancel = QPushButton("Cancel")
        self.cancel.setToolTip("Stop; frames that are done stay (Ctrl+.)")
        self.cancel.setStyleSheet("QPushButton { padding: 2px 10px; }")
        self.cancel.clicked.connect(commands.cancel)
        self._can_cancel = commands.can_cancel
        self.addWidget(self.words, 1)
        for widget in (self.activity, self.progress, self.cancel):
            self.addPermanentWidget(widget)
        self._forget = QTimer(self, singleShot=True, interval=NOTICE_MS)
        self._forget.timeout.connect(self._clear_notice)
        state.activity_changed.connect(self.refresh_activity)
        state.notice_changed.connect(self._notice)
        state.cursor_changed.connect(self.refresh_words)
        state.picture_changed.connect(self.refresh_words)
        self.setMinimumHeight(32)
        self.refresh_activity()

    def set_read_out(self, read_out: Callable[[tuple[float, float]], str]) -> None:
        """Say who can put a place into words."""
        self._read_out = read_out

    @Slot()
    def refresh_activity(self) -> None:
        """Show what the engine is doing."""
        activity = self._state.activity
        for widget in (self.activity, self.progress):
            widget.setVisible(activity is not None)
        self.cancel.setVisible(activity is not None and self._can_cancel())
        if activity is None:
            return
        counted = f"{activity.title}  {activity.done} / {activity.total}"
        left = activity.left()
        words = f"{counted}, {left} left" if left else counted
        self.activity.setText(words if activity.total else f"{activity.title}\u2026")
        self.progress.setRange(0, activity.total)
        self.progress.setValue(activity.done)
        self.progress.setTextVisible(False)

    @Slot()
    def refresh_words(self) -> None:
        """Show what lies under the cursor, else the last notice."""
        cursor = self._state.cursor
        if cursor is not None and self._read_out is not None:
            self.words.setText(self._read_out(cursor))
        else:
            self.words.setText(self._state.notice)

    @Slot()
    def _notice(self) -> None:
        self._forget.start()
        self.refresh_words()

    @Slot()
    def _clear_notice(self) -> None:
        if self._state.notice:
            self._state.set_notice("")
            self._forget.stop()
