"""Asks how numbers without a header lie: their type, sizes, axes, and the bytes before them."""

from pathlib import Path

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from app.features.opening.data_choices import AXES
from engine.errors import StrainscopeError
from engine.readers.headerless import TYPES, Layout

ORDERS = {"<": "little-endian", ">": "big-endian"}
SIZES = {"f": ("Frames", 10**6), "a": ("Samples in depth", 2**20), "l": ("Lines", 2**16)}
MOST_HEADER_BYTES = 2**30


class LayoutForm(QWidget):
    """Type, axes, sizes and header bytes; says at once whether the file has as many bytes."""

    changed = Signal()

    def __init__(self, path: Path, text: str | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._path = path
        layout = None if text is None else Layout.from_text(text)
        self.type, self.axes = QComboBox(), QComboBox()
        for name in TYPES:
            for mark, order in ORDERS.items():
                if mark == "<" or not name.endswith("int8"):
                    self.type.addItem(name if name.endswith("int8") else f"{name}, {order}", f"{mark}{name}")
        for axes, words in AXES.items():
            self.axes.addItem(words, axes)
        self.sizes = {letter: _count(words, 1, most) for letter, (words, most) in SIZES.items()}
        self.header = _count("Bytes before the numbers", 0, MOST_HEADER_BYTES)
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow("Type of the numbers", self.type)
        form.addRow("Axes, slowest first", self.axes)
        for letter, box in self.sizes.items():
            form.addRow(SIZES[letter][0], box)
        form.addRow("Bytes before the numbers", self.header)
        self.type.setAccessibleName("Type of the numbers")
        self.axes.setAccessibleName("Axes, slowest first")
        self._show(layout or Layout.from_text("int16 1x1x1 fla"))
        for combo in (self.type, self.axes):
            combo.currentIndexChanged.connect(self._changed)
        for box in (*self.sizes.values(), self.header):
            box.valueChanged.connect(self._changed)
        self._changed()

    def text(self) -> str:
        """Return the layout in the words of `--layout`."""
        axes = str(self.axes.currentData())
        sizes = "x".join(str(self.sizes[letter].value()) for letter in axes)
        return f"{self.type.currentData()} {sizes} {axes} {self.header.value()}"

    def problem(self) -> str:
        """Say why the file cannot lie so, or return an empty text."""
        try:
            Layout.from_text(self.text()).require_fit(self._path)
        except StrainscopeError as error:
            return str(error)
        except OSError as error:
            return f"{self._path.name} cannot be read ({error.strerror})"
        return ""

    def _show(self, layout: Layout) -> None:
        order = ">" if layout.dtype.str[0] == ">" else "<"
        self.type.setCurrentIndex(max(self.type.findData(f"{order}{layout.dtype.name}"), 0))
        self.axes.setCurrentIndex(max(self.axes.findData(layout.axes), 0))
        for letter, size in zip(layout.axes, layout.shape, strict=True):
            self.sizes[letter].setValue(size)
        self.header.setValue(layout.header_bytes)

    @Slot()
    def _changed(self) -> None:
        self.sizes["f"].setEnabled("f" in str(self.axes.currentData()))
        self.changed.emit()


class LayoutDialog(QDialog):
    """The form for files that no reader knows."""

    def __init__(self, paths: tuple[Path, ...], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Numbers without a header")
        head = QLabel(paths[0].name + (f" and {len(paths) - 1} more" if len(paths) > 1 else ""))
        head.setObjectName("heading")
        words = QLabel(
            "No format that is known here. If the file holds plain numbers, say how they lie; this is remembered for "
            "the file. Sizes and axes are often in the script that wrote it."
        )
        words.setWordWrap(True)
        size = QLabel(f"{paths[0].stat().st_size:,} bytes".replace(",", "\N{NARROW NO-BREAK SPACE}"))
        size.setObjectName("muted")
        self.form = LayoutForm(paths[0])
        self._error = QLabel()
        self._error.setObjectName("warning")
        self._error.setWordWrap(True)
        self._error.setMinimumHeight(2 * self.fontMetrics().height())
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self._ok = buttons.button(QDialogButtonBox.StandardButton.Ok)
        self._ok.setText("Go on")
        self._ok.setProperty("primary", True)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addStrut(434)
        column.setSpacing(10)
        column.setContentsMargins(18, 16, 18, 14)
        for widget in (head, size, words, self.form, self._error, buttons):
            column.addWidget(widget)
        self.form.changed.connect(self._check)
        self._check()

    @Slot()
    def _check(self) -> None:
        problem = self.form.problem()
        self._error.setText(problem)
        self._ok.setEnabled(not problem)


def _count(name: str, least: int, most: int) -> QSpinBox:
    box = QSpinBox()
    box.setRange(least, most)
    box.setAccessibleName(name)
    return box
