"""The selected region in numbers: centre, semi-axes, angle, as the command line takes them, to be read and typed."""

from dataclasses import replace

from PySide6.QtCore import QSignalBlocker, Slot
from PySide6.QtWidgets import QFormLayout, QLabel

from app.controllers.commands import Commands
from app.panels.base import PANELS, Panel, PanelInfo
from app.state import Role, ViewerState
from app.state.regions import SMALLEST_SEMI_AXIS_M
from app.widgets.number_box import NumberBox
from engine.types import Ellipse

FIELDS = {
    "lateral_m": ("Centre, lateral", "mm", 1e3),
    "depth_m": ("Centre, depth", "mm", 1e3),
    "semi_lateral_m": ("Semi-axis, lateral", "mm", 1e3),
    "semi_axial_m": ("Semi-axis, axial", "mm", 1e3),
    "angle_deg": ("Angle", "\u00b0", 1.0),
}
"""Label, unit and factor from SI of each number, in the order of `--target X,Z,A,B,ANGLE`."""


class RegionPanel(Panel):
    """Five fields and what follows from them; without a selection the first region that is drawn."""

    def __init__(self, state: ViewerState, commands: Commands) -> None:
        super().__init__(state, commands)
        self.heading = QLabel()
        self.heading.setObjectName("heading")
        self.column.addWidget(self.heading)
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.setVerticalSpacing(6)
        self.editors = {name: _editor(name) for name in FIELDS}
        for name, editor in self.editors.items():
            editor.setProperty("field", name)
            editor.valueChanged.connect(self._typed)
            form.addRow(FIELDS[name][0], editor)
        self.column.addLayout(form)
        self.facts = QLabel()
        self.facts.setObjectName("muted")
        self.facts.setWordWrap(True)
        self.column.addWidget(self.facts)
        self.column.addStretch(1)
        for signal in (state.regions_changed, state.selection_changed, state.recording_changed):
            signal.connect(self.refresh)
        self.refresh()

    def role(self) -> Role | None:
        """Return whose numbers are shown."""
        regions = self.state.regions
        drawn = [role for role in Role if regions.get(role) is not None]
        return self.state.selection if self.state.selection in drawn else next(iter(drawn), None)

    @Slot()
    def refresh(self) -> None:
        """Show the region's numbers."""
        role = self.role()
        ellipse = None if role is None else self.state.regions.get(role)
        for name, editor in self.editors.items():
            editor.setEnabled(ellipse is not None)
            if ellipse is not None and not (editor.hasFocus() and self._shows(editor, ellipse)):
                with QSignalBlocker(editor):
                    editor.setValue(getattr(ellipse, name) * FIELDS[name][2])
        if role is None or ellipse is None:
            self.heading.setText("No region")
            self.facts.setText("Draw a target (T) or a background (B), then its numbers can be read and typed here.")
            return
        self.heading.setText(role.label)
        self.facts.setText(
            f"Area {1e6 * ellipse.area_m2:.2f} mm\u00b2{self._pixels(ellipse)}\n"
            f"On the command line: {option_words(role, ellipse)}"
        )

    def _shows(self, editor: NumberBox, ellipse: Ellipse) -> bool:
        name = str(editor.property("field"))
        shown = float(getattr(ellipse, name)) * FIELDS[name][2]
        return bool(abs(editor.value() - shown) < 10.0 ** -editor.decimals())

    def _pixels(self, ellipse: Ellipse) -> str:
        recording = self.state.recording
        if recording is None:
            return ""
        geometry = recording.sequence.geometry
        return f", about {round(ellipse.area_m2 / (geometry.pitch_m * geometry.axial_spacing_m))} pixels"

    @Slot()
    def _typed(self) -> None:
        role = self.role()
        ellipse = None if role is None else self.state.regions.get(role)
        if role is None or ellipse is None:
            return
        editor = self.sender()
        assert isinstance(editor, NumberBox)
        name = str(editor.property("field"))
        self.commands.regions.edit(role, replace(ellipse, **{name: editor.value() / FIELDS[name][2]}), True)


def _editor(name: str) -> NumberBox:
    words, unit, scale = FIELDS[name]
    editor = NumberBox()
    editor.setAccessibleName(words)
    editor.setKeyboardTracking(False)
    editor.setDecimals(3 if unit == "mm" else 1)
    editor.setSingleStep(0.1 if unit == "mm" else 1.0)
    editor.setSuffix(f" {unit}" if unit == "mm" else unit)
    if name.startswith("semi"):
        editor.setRange(SMALLEST_SEMI_AXIS_M * scale, 500.0)
    elif name == "angle_deg":
        editor.setRange(-180.0, 180.0)
        editor.setWrapping(True)
    else:
        editor.setRange(-500.0, 500.0)
    return editor


def option_words(role: Role, ellipse: Ellipse) -> str:
    """Write the region as the command line takes it."""
    numbers = ",".join(f"{getattr(ellipse, name) * scale:.4g}" for name, (_, _, scale) in FIELDS.items())
    return f"--{role.value}={numbers}"


PANELS.register("region", PanelInfo("region", "Region", "right", RegionPanel, beside="measurements"))
