"""Sizes of dialogs: what they would like, as far as their window leaves room."""

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QWidget

AROUND = QSize(24, 60)
"""Frame of a dialog, and a rim of the window behind it."""


def fitting(wanted: QSize, parent: QWidget | None) -> QSize:
    """Return the size that is wanted, or what fits into the parent's window."""
    return wanted if parent is None else wanted.boundedTo(parent.window().size() - AROUND)
