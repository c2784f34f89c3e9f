"""The profile: what lies along a line in the shown frame."""

import numpy as np
from PySide6.QtCore import Slot
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QPushButton

from app.controllers.commands import Commands
from app.features.profile.controller import ProfileController
from app.features.profile.graph import ProfileGraph
from app.features.profile.state import ProfileState
from app.panels.base import PANELS, DrawnPanel, PanelInfo
from app.state import Tool, ViewerState
from engine.frames import frame_words
from engine.metrics.profile import ProfileLine

AXES = {"%": "Strain (%)", "mm": "Motion (mm)"}
"""What stands beside the graph, which is often low; the words below name the map."""


class ProfilePanel(DrawnPanel):
    """Buttons, the graph, and below it where the line lies."""

    def __init__(self, state: ViewerState, commands: Commands) -> None:
        super().__init__(state, commands)
        self._profile = state.slice(ProfileState)
        controller = commands.part(ProfileController)
        self.draw = QPushButton("Draw a line (P)")
        self.draw.setCheckable(True)
        self.draw.clicked.connect(controller.toggle_tool)
        self.remove = QPushButton("Remove")
        self.remove.setToolTip("Remove the profile line")
        self.remove.setAccessibleName("Remove the profile line")
        self.remove.clicked.connect(controller.remove)
        self.bmode = QCheckBox("B-mode level")
        self.bmode.setToolTip("Draw the level of the B-mode as a dotted line, with its scale on the right")
        self.bmode.setChecked(True)
        self.bmode.toggled.connect(self.refresh)
        row = QHBoxLayout()
        row.addWidget(self.draw, 1)
        row.addWidget(self.remove)
        self.graph = ProfileGraph()
        self.graph.place_pointed.connect(self._point)
        self.column.addLayout(row)
        self.column.addWidget(self.bmode)
        self.column.addWidget(self.graph, 1)
        self.column.addWidget(self.words)
        self.column.addStretch(0)
        self._profile.profile_changed.connect(self.refresh_soon)
        for signal in (state.tool_changed, state.recording_changed, self._profile.line_changed):
            signal.connect(self.refresh_buttons)
        self.refresh()
        self.refresh_buttons()

    @Slot()
    def refresh(self) -> None:
        """Draw the profile of the shown frame."""
        shown = self._profile.profile
        self.graph.setVisible(shown is not None)
        if shown is None:
            self.words.setText("Press P, then drag on an image: map and B-mode level along the line appear here.")
            return
        quantity, values = shown.quantity, shown.values
        drawn = None if values is None else np.asarray(quantity.shown(values.astype(np.float32)), float)
        bmode = shown.bmode_db if self.bmode.isChecked() else None
        self.graph.show_curves(1e3 * shown.distances_m, drawn, bmode, AXES.get(quantity.unit, quantity.unit))
        of = frame_words(shown.frame)
        words = f"{quantity.label}, {of}" if drawn is not None else f"No strain in {of}"
        self.words.setText(f"{words}. {_line_words(shown.line)}")

    @Slot()
    def refresh_buttons(self) -> None:
        """Show what can be done."""
        drawing = self.state.tool is Tool.PROFILE
        self.draw.setEnabled(self.state.recording is not None)
        self.draw.setChecked(drawing)
        self.draw.setToolTip("Drag on an image" if drawing else "Then drag on an image, from one end to the other")
        self.remove.setEnabled(self._profile.line is not None)
        self.refresh()

    @Slot(object)
    def _point(self, distance_mm: float | None) -> None:
        """Mark the place under the mouse on the images."""
        line = self._profile.line
        self.state.set_cursor(None if distance_mm is None or line is None else line.at(1e-3 * distance_mm))


def _line_words(line: ProfileLine) -> str:
    """Say where the line lies."""
    ends = (line.start_lateral_m, line.start_depth_m, line.end_lateral_m, line.end_depth_m)
    text = "from ({:.1f}, {:.1f}) to ({:.1f}, {:.1f}) mm".format(*(1e3 * end for end in ends))
    return f"{1e3 * line.length_m:.2f} mm {text}".replace("-", "\u2212")


PANELS.register("profile", PanelInfo("profile", "Profile", "right", ProfilePanel, beside="graphs"))
