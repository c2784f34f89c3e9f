"""Help that fits in a box: the keys, and what this program is."""

import platform
import sys
from collections.abc import Iterable
from importlib.metadata import version

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QDialogButtonBox,
    QFrame,
    QGridLayout,
    QLabel,
    QMessageBox,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.widgets.fitting import fitting

PACKAGES = ("PySide6-Essentials", "pyqtgraph", "numpy", "scipy", "torch", "h5py", "matplotlib")

AROUND_LIST = QSize(0, 60)
TALLEST_PX = 520
"""Height of the list of keys, from which on it scrolls."""


def show_keys(parent: QWidget, rows: Iterable[tuple[str, str]]) -> None:
    """Show every key with what it does."""
    dialog = QDialog(parent)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setWindowTitle("Keys")
    list_of_keys = QWidget()
    grid = QGridLayout(list_of_keys)
    grid.setContentsMargins(0, 0, 12, 0)
    grid.setHorizontalSpacing(24)
    grid.setVerticalSpacing(6)
    for row, (keys, words) in enumerate(rows):
        name = QLabel(keys)
        name.setObjectName("heading")
        grid.addWidget(name, row, 0)
        grid.addWidget(QLabel(words), row, 1)
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
    buttons.rejected.connect(dialog.reject)
    column = QVBoxLayout(dialog)
    column.setContentsMargins(20, 18, 20, 14)
    column.setSpacing(16)
    area = QScrollArea()
    area.setWidget(list_of_keys)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    size = list_of_keys.sizeHint()
    area.setMinimumSize(fitting(QSize(size.width() + 12, min(size.height(), TALLEST_PX)), parent) - AROUND_LIST)
    area.setAccessibleName("List of keys")
    column.addWidget(area)
    column.addWidget(buttons)
    dialog.open()


def show_about(parent: QWidget) -> None:
    """Show versions and device."""
    box = QMessageBox(parent)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setWindowTitle("About Strainscope")
    box.setText(f"Strainscope {version('strainscope')}")
    box.setInformativeText(about_text())
    box.setTextInteractionFlags(
        Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
    )
    copy = box.addButton("Copy", QMessageBox.ButtonRole.ActionRole)
    copy.setToolTip("Copy this text to the clipboard")
    copy.clicked.disconnect()  # it would close the box
    copy.clicked.connect(_copy)
    box.addButton(QMessageBox.StandardButton.Close)
    box.open()


def _copy() -> None:
    QApplication.clipboard().setText(f"Strainscope {version('strainscope')}\n{about_text()}")


def about_text() -> str:
    """Versions and compute device, one a line."""
    lines = ["Strain viewer for quasi-static ultrasound elastography. Not a medical device.", ""]
    lines += [f"{name} {version(name)}" for name in PACKAGES]
    lines += [f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"]
    lines += [f"Compute device: {device_text()}"]
    return "\n".join(lines)


def device_text() -> str:
    """Name the device without importing torch just for this."""
    torch = sys.modules.get("torch")
    if torch is None:
        return "not chosen yet"
    if not torch.cuda.is_available():
        return f"CPU ({torch.get_num_threads()} in parallel); no CUDA device"
    return f"{torch.cuda.get_device_name(0)}, CUDA {torch.version.cuda}"
