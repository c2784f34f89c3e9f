"""Time line with its buttons: first, back, play, forward, last, speed."""

from collections.abc import Mapping

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QLabel, QToolButton, QWidget

from app.state.run_store import FrameSummary
from app.theme import icon
from app.views.time_line import TimeLine
from engine.frames import frame_place

SPEEDS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0)
BUTTONS = (
    ("first", "First frame (Home)"),
    ("previous", "Frame before (Left)"),
    ("play", "Play (Space)"),
    ("next", "Next frame (Right)"),
    ("last", "Last frame (End)"),
)


class PlayBar(QFrame):
    """Shows where in the recording the window is; asks for frames, for playing and for a speed."""

    frame_requested = Signal(int)
    pressed = Signal(str)
    speed_requested = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.time_line = TimeLine()
        self.time_line.valueChanged.connect(self.frame_requested)
        self.buttons = {name: self._button(name, words) for name, words in BUTTONS}
        self.position = QLabel("\u2013")
        self.position.setMinimumWidth(self.fontMetrics().horizontalAdvance(frame_place(8888, 8889)) + 6)
        self.position.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.speed = QComboBox()
        self.speed.setAccessibleName("Playing speed")
        self.speed.setToolTip("Playing speed; 1\u00d7 is real time")
        for factor in SPEEDS:
            self.speed.addItem(f"{factor:g}\u00d7", factor)
        self.speed.setCurrentIndex(SPEEDS.index(1.0))
        self.speed.currentIndexChanged.connect(self._tell_speed)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 4, 8, 4)
        row.setSpacing(2)
        for button in self.buttons.values():
            row.addWidget(button)
        row.addWidget(self.time_line, 1)
        row.addWidget(self.position)
        row.addWidget(self.speed)

    def _button(self, name: str, words: str) -> QToolButton:
        button = QToolButton()
        button.setIcon(icon(name))
        button.setIconSize(QSize(18, 18))
        button.setToolTip(words)
        button.setAccessibleName(words.split(" (")[0])
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(self._tell_pressed)
        button.setProperty("request", name)
        return button

    def show_frames(self, count: int, frame: int) -> None:
        """Show the number of frames and which one is shown."""
        self.time_line.blockSignals(True)
        self.time_line.show_frames(count)
        self.time_line.setValue(frame)
        self.time_line.blockSignals(False)
        self.time_line.update()
        self.position.setText(frame_place(frame, count) if count else "\u2013")
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
        button = self.buttons["play"]
        button.setIcon(icon("pause" if playing else "play"))
        button.setToolTip("Pause (Space)" if playing else "Play (Space)")
        button.setAccessibleName("Pause" if playing else "Play")

    def restyle(self) -> None:
        """Take the colours of the theme in force."""
        for name, button in self.buttons.items():
            button.setIcon(icon(name))
        self.time_line.update()

    def _tell_pressed(self) -> None:
        self.pressed.emit(str(self.sender().property("request")))

    def _tell_speed(self) -> None:
        self.speed_requested.emit(float(self.speed.currentData()))
