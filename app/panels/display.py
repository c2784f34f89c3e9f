"""How the maps are shown: dynamic range, colours, limits, quality mask, overlay. Nothing here changes a result."""

from PySide6.QtCore import Slot

from app.controllers.commands import Commands
from app.forms import ParameterForm
from app.panels.base import PANELS, Panel, PanelInfo
from app.state import Display, ViewerState
from app.state.raster import COLORMAPS
from engine.figures.options import MEASURED_AND_MOVED

LIMIT_FIELDS = {False: ("low_percent", "high_percent"), True: ("low_relative", "high_relative")}
"""Limits by hand, of strain and of relative strain."""

ORDER = (
    *("dynamic_range_db", "gain_db", "depth_gain_db", "bmode_frame"),
    *("quantity", "relative", "colormap", "reverse", "limits"),
    *LIMIT_FIELDS[False],
    *LIMIT_FIELDS[True],
    *MEASURED_AND_MOVED,
    "smooth",
)


class DisplayPanel(Panel):
    """The form of the display settings; rows that say nothing at present are hidden or cannot be used."""

    def __init__(self, state: ViewerState, commands: Commands) -> None:
        super().__init__(state, commands)
        self.form = ParameterForm(Display, only=ORDER, choices={"colormap": COLORMAPS}, closed=("colormap",))
        self.form.changed.connect(self._changed)
        self.column.addWidget(self.form)
        self.column.addStretch(1)
        state.display_changed.connect(self.refresh)
        self.refresh()

    @Slot()
    def refresh(self) -> None:
        """Show the display settings in force."""
        display, form = self.state.display, self.form
        form.show_values(display)
        for relative, names in LIMIT_FIELDS.items():
            for name in names:
                form.show_row(name, display.limits == "manual" and display.relative == relative)
        form.editors["overlay_opacity"].setEnabled(display.overlay)
        form.editors["mask_numbers"].setEnabled(display.quality_threshold > 0)
        form.editors["deformed"].setEnabled(display.bmode_frame == "shown")

    @Slot(object)
    def _changed(self, wanted: Display) -> None:
        before = self.state.display
        changes = {name: value for name, value in wanted.as_dict().items() if value != getattr(before, name)}
        if changes.get("limits") == "manual" and self.state.shown_limits is not None:  # begin with what is shown
            changes |= dict(zip(LIMIT_FIELDS[before.relative], self.state.shown_limits, strict=True))
        self.commands.change_display(**changes)


PANELS.register("display", PanelInfo("display", "Display", "left", DisplayPanel))
