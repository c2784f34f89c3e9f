"""Message boxes that wrap their text and show all of it, whatever a file is called."""

import re

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QMessageBox, QSizePolicy, QWidget

WIDTH_CHARACTERS = 62
"""Characters in a line of text."""
LONGEST_WORD = 40
BREAK = "\u200b"
"""Zero-width space: a line may be broken there, and nothing is seen of it."""


class WrappingMessageBox(QMessageBox):
    """A message box of a comfortable width; text that does not fit on a line goes on on the next."""

    def __init__(
        self,
        icon: QMessageBox.Icon,
        text: str,
        buttons: QMessageBox.StandardButton = QMessageBox.StandardButton.NoButton,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(icon, "Strainscope", breakable(text), buttons, parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        label = self.findChild(QLabel, "qt_msgbox_label")
        assert isinstance(label, QLabel)
        label.setWordWrap(True)
        label.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.MinimumExpanding)
        widest = WIDTH_CHARACTERS * self.fontMetrics().averageCharWidth()
        width = min(widest, self.fontMetrics().horizontalAdvance(text) + 12)
        label.setFixedWidth(width)
        label.setMinimumHeight(label.heightForWidth(width))
        layout = self.layout()
        assert isinstance(layout, QGridLayout)
        layout.setSizeConstraint(QGridLayout.SizeConstraint.SetFixedSize)

    def plain_text(self) -> str:
        """Return the text as it was given."""
        return self.text().replace(BREAK, "")


def breakable(text: str) -> str:
    """Allow a line to break after the marks inside very long words, as names of files are, or else anywhere."""

    def allow(word: re.Match[str]) -> str:
        parts = re.sub(r"([/\\_.\-])", rf"\1{BREAK}", word[0])
        return re.sub(rf"([^{BREAK}]{{{LONGEST_WORD}}})", rf"\1{BREAK}", parts)

    return re.sub(rf"\S{{{LONGEST_WORD},}}", allow, text)
