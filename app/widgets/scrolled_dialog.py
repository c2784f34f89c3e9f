"""A dialog whose content scrolls where its window is lower than it; its buttons are always in reach."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QFrame, QScrollArea, QVBoxLayout, QWidget

from app.widgets.fitting import fitting


def lay_out_scrolled(dialog: QDialog, content: QWidget, buttons: QDialogButtonBox) -> None:
    """Put the content into the dialog, above its buttons, as large as it wants and the window leaves room."""
    area = QScrollArea()
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidgetResizable(True)
    area.setWidget(content)
    wanted = content.sizeHint()
    area.setMinimumWidth(wanted.width() + area.verticalScrollBar().sizeHint().width())
    whole = QVBoxLayout(dialog)
    whole.setContentsMargins(20, 16, 12, 14)
    whole.setSpacing(12)
    whole.addWidget(area, 1)
    whole.addWidget(buttons)
    around = whole.sizeHint() - area.sizeHint()
    wanted.setHeight(max(content.heightForWidth(wanted.width()), wanted.height()))
    dialog.resize(fitting(wanted + around, dialog.parentWidget()))
