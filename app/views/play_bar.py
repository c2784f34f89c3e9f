"""Time line with its buttons: first, back, play, forward, last, speed; in two rows where there is little room."""

from collections.abc import Callable, Mapping

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QComboBox, QFrame, QHBoxLayout, QLabel, QToolButton, QWidget

from app.state.run_store import FrameSummary
from app.theme import THEME_CHANGES, icon
from app.views.time_line import TimeLine
from engine.frames import frame_place

SPEEDS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0)
ONE_ROW_PX = 560
"""From this width on the time line has room beside its buttons."""


class PlayBar(QFrame):
    """Shows where in the recording the window is; asks for frames, for playing and for a speed."""

    frame_requested = Signal(int)
    first_requested = Signal()
    step_requested = Signal(int)
    """Frames forward; negative is back."""
    play_requested = Signal()
    """Play, or pause."""
    last_requested = Signal()
    speed_requested = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self._playing = False
        self.time_line = TimeLine()
        self.time_line.valueChanged.connect(self.frame_requested)
        self.buttons = {
            "first": self._button("first", "First frame (Home)", self.first_requested.emit),
            "previous": self._button("previous", "Frame before (Left)", lambda: self.step_requested.emit(-1)),
            "play": self._button("play", "Play (Space)", self.play_requested.emit),
            "next": self._button("next", "Next frame (Right)", lambda: self.step_requested.emit(1)),
            "last": self._button("last", "Last frame (End)", self.last_requested.emit),
        }
        self.position = QLabel("\u2013")
        self.position.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.speed = QComboBox()
        self.speed.setAccessibleName("Playing speed")
        self.speed.setToolTip("Playing speed; 1\u00d7 is real time")
        for factor in SPEEDS:
            self.speed.addItem(f"{factor:g}\u00d7", factor)
        self.speed.setCurrentIndex(SPEEDS.index(1.0))
        self.speed.currentIndexChanged.connect(self._tell_speed)
        self._lay_out()
        THEME_CHANGES.changed.connect(self.restyle)

    def _lay_out(self) -> None:
        controls, place = QWidget(), QWidget()
        left, right = QHBoxLayout(controls), QHBoxLayout(place)
        for row in (left, right):
            row.setContentsMargins(0, 0, 0, 0)
            row.setSpacing(2)
        for button in self.buttons.values():
            left.addWidget(button)
        left.addStretch(1)
        right.addStretch(1)
        right.addWidget(self.position)
        right.addSpacing(4)
        right.addWidget(self.speed)
        self._lower = QHBoxLayout()
        self._lower.setSpacing(2)
        self._upper = QBoxLayout(QBoxLayout.Direction.TopToBottom, self)
        self._upper.setContentsMargins(8, 4, 8, 4)
        self._upper.setSpacing(0)
        self._parts = controls, place
        self._in_one_row: bool | None = None
        self._arrange(in_one_row=True)

    def _arrange(self, *, in_one_row: bool) -> None:
        """Put the time line between buttons and frame, or above them."""
        if in_one_row == self._in_one_row:
            return
        self._in_one_row = in_one_row
        controls, place = self._parts
        for widget in (controls, self.time_line, place):
            self._upper.removeWidget(widget)
            self._lower.removeWidget(widget)
        self._upper.removeItem(self._lower)
        if in_one_row:
            self._upper.setDirection(QBoxLayout.Direction.LeftToRight)
            for widget, stretch in ((controls, 0), (self.time_line, 1), (place, 0)):
                self._upper.addWidget(widget, stretch)
        else:
            self._upper.setDirection(QBoxLayout.Direction.TopToBottom)
            self._upper.addWidget(self.time_line)
            self._upper.addLayout(self._lower)
            self._lower.addWidget(controls, 1)
            self._lower.addWidget(place)

    def minimumSizeHint(self) -> QSize:
        """Return the width of the buttons and the frame's place: the time line goes above them."""
        controls, place = self._parts
        margins = self._upper.contentsMargins()
        width = controls.minimumSizeHint().width() + place.minimumSizeHint().width() + 2
        return QSize(width + margins.left() + margins.right(), super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Choose one row or two."""
        super().resizeEvent(event)
        self._arrange(in_one_row=event.size().width() >= ONE_ROW_PX)

    def _button(self, name: str, words: str, ask: Callable[[], object]) -> QToolButton:
        button = QToolButton()
        button.setIcon(icon(name))
        button.setIconSize(QSize(18, 18))
        button.setStyleSheet("QToolButton { padding: 4px; }")
        button.setToolTip(words)
        button.setAccessibleName(words.split(" (")[0])
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(ask)
        return button

    def show_frames(self, count: int, frame: int) -> None:
        """Show the number of frames and which one is shown."""
        self.time_line.blockSignals(True)
        self.time_line.show_frames(count)
        self.time_line.setValue(frame)
        self.time_line.blockSignals(False)
        self.time_line.update()
        self.position.setText(frame_place(frame, count) if count else "\u2013")
        if count:  # so that playing moves nothing
            self.position.setMinimumWidth(self.fontMetrics().horizontalAdvance(frame_place(count - 1, count)) + 8)
        for button in self.buttons.values():
            button.setEnabled(count > 1)
        self.speed.setEnabled(count > 1)

    def show_summaries(self, summaries: Mapping[int, FrameSummary], reference: int | None) -> None:
        """Mark the estimated frames and the reference."""
        self.time_line.show_summaries(summaries, reference)

    def choose_speed(self, factor: float) -> None:
        """Choose a speed as the user would."""
        self.speed.setCurrentIndex(max(self.speed.findData(factor), 0))

    def show_playing(self, playing: bool) -> None:
        """Turn the play button into a pause button, or back."""
        self._playing = playing
        button = self.buttons["play"]
        button.setIcon(icon("pause" if playing else "play"))
        button.setToolTip("Pause (Space)" if playing else "Play (Space)")
        button.setAccessibleName("Pause" if playing else "Play")

    def restyle(self) -> None:
        """Take the colours of the theme in force."""
        for name, button in self.buttons.items():
            button.setIcon(icon(name))
        self.show_playing(self._playing)

    def _tell_speed(self) -> None:
        self.speed_requested.emit(float(self.speed.currentData()))
