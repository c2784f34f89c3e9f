"""How the maps are shown: dynamic range, colours, limits, quality mask, overlay. Nothing here changes a result."""

from PySide6.QtCore import QSignalBlocker, Qt, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QSlider,
    QSpinBox,
    QWidget,
)

from app.controllers.commands import Commands
from app.panels.base import PANELS, Panel, PanelInfo
from app.state import Display, ViewerState
from app.state.raster import COLORMAPS
from engine.strain.persistence import MOST_FRAMES

QUANTITIES = {
    "compressive": "Compression +",
    "signed": "Elongation +",
    "magnitude": "Magnitude",
}
LIMITS = {"frame": "Of this frame", "recording": "Of all frames", "manual": "By hand"}
LIMIT_FIELDS = {False: ("low_percent", "high_percent"), True: ("low_relative", "high_relative")}
"""Limits by hand, of strain and of relative strain."""
BMODE_FRAMES = {"shown": "Shown frame", "reference": "Reference frame"}


class LabelledSlider(QWidget):
    """A slider with its value beside it."""

    def __init__(self, name: str, low: int, high: int, words: str) -> None:
        super().__init__()
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(low, high)
        self.slider.setAccessibleName(name)
        self.slider.setToolTip(words)
        self.label = QLabel()
        self.label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.label.setFixedWidth(self.fontMetrics().horizontalAdvance("100 dB") + 4)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.slider, 1)
        row.addWidget(self.label)

    def show_value(self, value: int, text: str) -> None:
        """Show a value without telling anybody."""
        with QSignalBlocker(self.slider):
            self.slider.setValue(value)
        self.label.setText(text)


class DisplayPanel(Panel):
    """Controls of the display settings."""

    def __init__(self, state: ViewerState, commands: Commands) -> None:
        super().__init__(state, commands)
        self.dynamic_range = LabelledSlider("Dynamic range", 20, 100, "Dynamic range of the B-mode in dB")
        self.bmode_frame = _choice("B-mode frame", BMODE_FRAMES, "Strain lies on the grid of the reference frame")
        self.quantity = _choice("Sign of the strain", QUANTITIES, "What counts as positive")
        self.relative = QCheckBox("Relative to mean")
        self.relative.setToolTip(
            "Divide the strain of every frame by its mean, so that frames of different compression compare.\n"
            "SNR, CNR and strain ratio do not change by it; mean strains in the table stay in %."
        )
        self.colormap = _choice("Colour map", COLORMAPS, "Colours of the strain, from low to high")
        self.reverse = QCheckBox("Reverse colours")
        self.limits = _choice("Limits", LIMITS, "Where the ends of the colour bar lie")
        self.low = _limit("Lower limit")
        self.high = _limit("Upper limit")
        self.persistence = QSpinBox()
        self.persistence.setRange(1, MOST_FRAMES)
        self.persistence.setSpecialValueText("Off")
        self.persistence.setSuffix(" frames")
        self.persistence.setAccessibleName("Persistence")
        self.persistence.setToolTip(
            "Average the shown frame with those before it, weighted by quality and compression.\n"
            "Only frames with the same reference are averaged. The numbers are those of the averaged map."
        )
        self.quality = LabelledSlider("Quality mask", 0, 100, "Hide strain whose local correlation is lower than this")
        self.mask_numbers = QCheckBox("Numbers of shown pixels")
        self.mask_numbers.setToolTip(
            "Measure only the pixels that the quality mask shows; the share of them stands above the numbers.\n"
            "Otherwise all pixels with a strain count, whatever the mask hides."
        )
        self.overlay = QCheckBox("Strain over B-mode")
        self.overlay.setToolTip("Lay the strain over the B-mode (O)")
        self.opacity = LabelledSlider("Overlay opacity", 5, 100, "Opacity of the strain over the B-mode")
        self.smooth = QCheckBox("Smooth pixels")
        self._lay_out()
        self._connect()
        state.display_changed.connect(self.refresh)
        self.refresh()

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.setVerticalSpacing(6)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Dynamic range", self.dynamic_range)
        form.addRow("B-mode of", self.bmode_frame)
        form.addRow("Strain", self.quantity)
        form.addRow("", self.relative)
        form.addRow("Colours", self.colormap)
        form.addRow("", self.reverse)
        form.addRow("Limits", self.limits)
        ends = QHBoxLayout()
        ends.setSpacing(6)
        ends.addWidget(self.low)
        ends.addWidget(QLabel("to"))
        ends.addWidget(self.high)
        form.addRow(ends)
        form.addRow("Persistence", self.persistence)
        form.addRow("Quality above", self.quality)
        form.addRow("", self.mask_numbers)
        form.addRow("", self.overlay)
        form.addRow("Opacity", self.opacity)
        form.addRow("", self.smooth)
        self.column.addLayout(form)
        self.column.addStretch(1)

    def _connect(self) -> None:
        self.dynamic_range.slider.valueChanged.connect(self._dynamic_range_changed)
        self.quality.slider.valueChanged.connect(self._quality_changed)
        self.persistence.valueChanged.connect(self._persistence_changed)
        self.opacity.slider.valueChanged.connect(self._opacity_changed)
        for box, name in (
            (self.bmode_frame, "bmode_frame"),
            (self.quantity, "quantity"),
            (self.colormap, "colormap"),
            (self.limits, "limits"),
        ):
            box.setProperty("field", name)
            box.currentIndexChanged.connect(self._choice_changed)
        for check, name in (
            (self.relative, "relative"),
            (self.reverse, "reverse"),
            (self.mask_numbers, "mask_numbers"),
            (self.overlay, "overlay"),
            (self.smooth, "smooth"),
        ):
            check.setProperty("field", name)
            check.toggled.connect(self._check_changed)
        self.low.valueChanged.connect(self._limits_changed)
        self.high.valueChanged.connect(self._limits_changed)

    @Slot()
    def refresh(self) -> None:
        """Show the display settings in force."""
        display = self.state.display
        self.dynamic_range.show_value(round(display.dynamic_range_db), f"{display.dynamic_range_db:.0f} dB")
        self.quality.show_value(round(100 * display.quality_threshold), f"{display.quality_threshold:.2f}")
        self.opacity.show_value(round(100 * display.overlay_opacity), f"{100 * display.overlay_opacity:.0f} %")
        with QSignalBlocker(self.persistence):
            self.persistence.setValue(display.persistence)
        self._show_choices(display)
        names = LIMIT_FIELDS[display.relative]
        for spin, name in zip((self.low, self.high), names, strict=True):
            with QSignalBlocker(spin):
                spin.setSuffix("" if display.relative else " %")
                spin.setValue(getattr(display, name))
            spin.setEnabled(display.limits == "manual")
        self.opacity.setEnabled(display.overlay)
        self.mask_numbers.setEnabled(display.quality_threshold > 0)

    def _show_choices(self, display: Display) -> None:
        for box in (self.bmode_frame, self.quantity, self.colormap, self.limits):
            with QSignalBlocker(box):
                box.setCurrentIndex(box.findData(getattr(display, str(box.property("field")))))
        for check in (self.relative, self.reverse, self.mask_numbers, self.overlay, self.smooth):
            with QSignalBlocker(check):
                check.setChecked(getattr(display, str(check.property("field"))))

    @Slot(int)
    def _dynamic_range_changed(self, value: int) -> None:
        self.commands.change_display(dynamic_range_db=float(value))

    @Slot(int)
    def _quality_changed(self, value: int) -> None:
        self.commands.change_display(quality_threshold=value / 100)

    @Slot(int)
    def _persistence_changed(self, value: int) -> None:
        self.commands.change_display(persistence=value)

    @Slot(int)
    def _opacity_changed(self, value: int) -> None:
        self.commands.change_display(overlay_opacity=value / 100)

    @Slot()
    def _choice_changed(self) -> None:
        box = self.sender()
        assert isinstance(box, QComboBox)
        changes = {str(box.property("field")): box.currentData()}
        if changes.get("limits") == "manual" and self.state.shown_limits is not None:  # begin with what is shown
            changes |= dict(zip(LIMIT_FIELDS[self.state.display.relative], self.state.shown_limits, strict=True))
        self.commands.change_display(**changes)

    @Slot()
    def _check_changed(self) -> None:
        check = self.sender()
        assert isinstance(check, QCheckBox)
        self.commands.change_display(**{str(check.property("field")): check.isChecked()})

    @Slot()
    def _limits_changed(self) -> None:
        low, high = LIMIT_FIELDS[self.state.display.relative]
        self.commands.change_display(**{low: self.low.value(), high: self.high.value()})


def _choice(name: str, entries: dict[str, str], words: str) -> QComboBox:
    box = QComboBox()
    box.setAccessibleName(name)
    box.setToolTip(words)
    for value, text in entries.items():
        box.addItem(text, value)
    return box


def _limit(name: str) -> QDoubleSpinBox:
    spin = QDoubleSpinBox()
    spin.setRange(-100, 100)
    spin.setDecimals(2)
    spin.setSingleStep(0.1)
    spin.setSuffix(" %")
    spin.setAccessibleName(name)
    spin.setKeyboardTracking(False)
    return spin


PANELS.register("display", PanelInfo("display", "Display", "left", DisplayPanel))
