"""Ask how long a network may adapt to the open recording, and say what that means."""

from PySide6.QtWidgets import QDialog, QDialogButtonBox, QDoubleSpinBox, QFormLayout, QLabel, QVBoxLayout, QWidget

WORDS = (
    "The network goes on learning on this recording alone, without any truth: it looks for motion that makes the "
    "frames match smoothly. Some frames are held out; if they do not match better in the end, nothing changes. "
    "The original weights stay, and results with the adapted ones are labelled."
)


class AdaptDialog(QDialog):
    """`minutes` is the longest time to spend."""

    def __init__(self, method: str, recording: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Adapt to this recording")
        heading = QLabel(f"{method} \u2192 {recording}")
        heading.setObjectName("heading")
        words = QLabel(WORDS)
        words.setWordWrap(True)
        self.minutes = QDoubleSpinBox()
        self.minutes.setRange(0.5, 60.0)
        self.minutes.setValue(3.0)
        self.minutes.setDecimals(1)
        self.minutes.setSuffix(" min")
        self.minutes.setAccessibleName("Longest time")
        form = QFormLayout()
        form.addRow("Longest time", self.minutes)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        buttons.button(QDialogButtonBox.StandardButton.Ok).setText("Adapt")
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addStrut(380)
        column.setContentsMargins(20, 16, 20, 14)
        column.setSpacing(10)
        for widget in (heading, words):
            column.addWidget(widget)
        column.addLayout(form)
        column.addWidget(buttons)
