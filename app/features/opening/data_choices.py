"""What a user may overrule of how a file is read: the kind of its data, and how its lines fan out."""

import math

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QComboBox, QFormLayout, QWidget

from app.state.geometry_fields import FieldInfo
from app.widgets.number_box import NumberBox
from engine.readers.base import KINDS, ReadOptions
from engine.types import Sector

AXES = {
    "fal": "frames, depth, lines",
    "fla": "frames, lines, depth",
    "afl": "depth, frames, lines",
    "alf": "depth, lines, frames",
    "laf": "lines, depth, frames",
    "lfa": "lines, frames, depth",
    "al": "depth, lines (one frame)",
    "la": "lines, depth (one frame)",
}

ANGLE = FieldInfo("Angle between lines", "\N{DEGREE SIGN}", math.degrees(1), 4, 20)
RADIUS = FieldInfo("Radius of the array", "mm", 1e3, 2, 500)


class DataChoices(QWidget):
    """Kind of data, angle between lines and radius; nothing chosen leaves the file's and the numbers' word."""

    def __init__(self, options: ReadOptions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.kind = QComboBox()
        self.kind.setAccessibleName("Kind of data")
        self.kind.addItem("as the numbers show", None)
        for kind, words in KINDS.items():
            self.kind.addItem(words, kind)
        self.kind.setCurrentIndex(max(self.kind.findData(options.kind), 0))
        self.angle, self.radius = number_box(ANGLE), number_box(RADIUS)
        self.angle.setSpecialValueText("parallel lines")
        self.radius.setSpecialValueText("none: phased array")
        self.angle.setToolTip("Of curved and phased arrays, whose files do not say it: lines fan out by this angle")
        if options.sector is not None:
            self.angle.setValue(options.sector.angle_step_rad * ANGLE.scale)
            self.radius.setValue(options.sector.apex_radius_m * RADIUS.scale)
        self._angle_edited()
        self.angle.valueChanged.connect(self._angle_edited)
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setHorizontalSpacing(12)
        form.addRow("Kind of data", self.kind)
        form.addRow(ANGLE.label, self.angle)
        form.addRow(RADIUS.label, self.radius)

    @Slot()
    def _angle_edited(self) -> None:
        """Ask for a radius only where lines fan out."""
        self.radius.setEnabled(self.angle.is_given())

    def chosen_kind(self) -> str | None:
        """Return the kind that overrules the file, or None."""
        kind = self.kind.currentData()
        return None if kind is None else str(kind)

    def sector(self) -> Sector | None:
        """Return how lines fan out, or None where the file is to say it."""
        if not self.angle.is_given():
            return None
        return Sector(self.radius.value() / RADIUS.scale, self.angle.value() / ANGLE.scale)


def number_box(info: FieldInfo) -> NumberBox:
    """Make a field for a value that is zero or positive."""
    editor = NumberBox()
    editor.setDecimals(info.decimals)
    editor.setRange(0, info.maximum)
    editor.setSuffix(f" {info.unit}")
    editor.setAccessibleName(info.label)
    editor.setMinimumHeight(editor.sizeHint().height())  # a dialog with wrapped words is made too low, and cuts digits
    return editor
