"""A number field that shows no idle zeros, and whose words for "not given" give way to what is typed."""

from PySide6.QtCore import QTimer
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QDoubleSpinBox, QWidget


class NumberBox(QDoubleSpinBox):
    """A QDoubleSpinBox for values typed in full; its special value text stands for an absent number."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setGroupSeparatorShown(False)

    def is_given(self) -> bool:
        """Say whether there is a number, not the words that stand for none."""
        return not self.specialValueText() or self.value() != self.minimum()

    def textFromValue(self, value: float) -> str:
        """Write a number without zeros at the end of its decimals."""
        text = super().textFromValue(value)
        point = self.locale().decimalPoint()
        return text.rstrip("0").rstrip(point) if point in text else text

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Select all, however the focus came: typing then replaces what is there."""
        super().focusInEvent(event)
        QTimer.singleShot(0, self, self.selectAll)  # after a mouse press has placed its caret

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Let a digit replace the words for an absent number wherever the caret stands in them."""
        words = self.specialValueText()
        if words and self.text() == words and event.text().strip() and not self.lineEdit().hasSelectedText():
            self.selectAll()
        super().keyPressEvent(event)
