"""How an exported movie plays: frames, rate, speed, size and loops."""

from dataclasses import replace

from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QSpinBox, QVBoxLayout, QWidget

from app.features.export.options_form import options_form
from engine.figures.options import MovieOptions

CHOICES = ("first", "last", "rate_hz", "speed", "loops", "dpi")


class MovieDialog(QDialog):
    """Asks for the options of a movie of the estimated `frames`; `accepted` means: ask where to save it."""

    def __init__(self, parent: QWidget, defaults: MovieOptions, frames: tuple[int, ...], rate_hz: float) -> None:
        super().__init__(parent)
        self.setWindowTitle("Export a movie")
        chosen = replace(defaults, first=frames[0], last=frames[-1], rate_hz=defaults.rate_hz or rate_hz)
        self.form = options_form(chosen, CHOICES)
        for name in ("first", "last"):
            editor = self.form.editors[name]
            assert isinstance(editor, QSpinBox)
            editor.setRange(frames[0], frames[-1])
            editor.setValue(getattr(chosen, name))
        words = QLabel("MP4 or GIF: the name you give decides. Frames count from 0.")
        words.setObjectName("muted")
        words.setWordWrap(True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Save | QDialogButtonBox.StandardButton.Cancel)
        save = buttons.button(QDialogButtonBox.StandardButton.Save)
        save.setText("Save as\u2026")
        save.setProperty("primary", True)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 14)
        column.setSpacing(12)
        column.addWidget(self.form)
        column.addWidget(words)
        column.addWidget(buttons)

    def options(self) -> MovieOptions:
        """Return what is chosen."""
        chosen = self.form.values()
        assert isinstance(chosen, MovieOptions)
        return chosen
