"""Draw, move and remove the profile line, sample the shown frame along it, and write it as CSV."""

import math
from functools import partial
from pathlib import Path

import numpy as np
from PySide6.QtCore import QPointF, Slot

from app.controllers.commands import Commands
from app.controllers.regions import NUDGE_M
from app.features.export.source import RunResult, run_result
from app.features.export.writing import WritingController
from app.features.profile.state import ProfileState, ShownProfile
from app.jobs import JobControl
from app.state import Picture, Tool
from app.state.maps import MapState, ShownMap
from app.state.raster import bmode_levels
from app.state.recording import OpenRecording
from engine.export.profile_table import profile_of
from engine.figures.compose import bmode_of
from engine.figures.options import Shown
from engine.files.atomic import write_text
from engine.metrics.profile import SHORTEST_M, ProfileLine, bilinear, profile
from engine.quantity import AXIAL_STRAIN, Quantity
from engine.types import Map

PLACED_SHARE = 0.4
"""Half the length of a line that is put into the middle of the image, as a share of the image's width."""


def shown_profile(
    picture: Picture, recording: OpenRecording, line: ProfileLine, drawn: tuple[Map | None, Quantity]
) -> ShownProfile:
    """Sample what is shown of one frame along a line: the map as it is stored, and the level of the shown B-mode."""
    grid, geometry = recording.grid, recording.sequence.geometry
    distances = line.distances_m(geometry)
    levels = bilinear(picture.bmode, *grid.places(*line.at(distances)))
    values = None if drawn[0] is None else profile(drawn[0], geometry, line)
    return ShownProfile(picture.frame, picture.bmode_frame, line, distances, values, drawn[1], bmode_levels(levels))


def write_profile(
    path: Path,
    run: RunResult,
    frame: int,
    line: ProfileLine,
    shown: Shown,
    made: ShownMap | None,
    control: JobControl,
) -> None:
    """Write the profile of a frame, with its provenance."""
    result = run.hashed(control)
    bmode = bmode_of(result, frame, shown, run.sequence.frame)
    drawn, read_map = (AXIAL_STRAIN, None) if made is None else (made.kind, lambda _frame: made.values)
    told = profile_of(
        result,
        frame,
        line,
        shown.persistence,
        bmode,
        shown.measured_above,
        drawn=drawn,
        read_map=read_map,
        deformed=shown.in_deformed_shape,
    )
    write_text(path, told)


class ProfileController(WritingController):
    """Every change of the profile line passes here, and its export."""

    def __init__(self, commands: Commands) -> None:
        super().__init__(commands.state, commands.jobs.files, commands.parent)
        self._profile = commands.state.slice(ProfileState)
        self._history = commands.regions.history
        self._before_drag: tuple[ProfileLine | None] | None = None
        self._maps = commands.state.slice(MapState)
        for signal in (
            self._state.picture_changed, self._state.display_changed, self._maps.map_changed, self._maps.kind_changed,
        ):  # fmt: skip
            signal.connect(self._sample)
        self._state.selection_changed.connect(self._region_selected)
        self._profile.line_changed.connect(self._sample)
        self._profile.selection_changed.connect(self._line_selected)
        self._state.recording_changed.connect(self._forget)
        self._state.tool_changed.connect(self._end_drag)
        self._history.settle.append(self._end_drag)

    # -- drawing ----------------------------------------------------------------------------------------------------

    def edit(self, line: ProfileLine, finished: bool) -> None:
        """Follow a drag; its end makes one step of undo."""
        if self._state.recording is None:
            return
        if self._before_drag is None:
            self._before_drag = (self._profile.line,)
        self._profile.set_line(line)
        self._profile.set_selected(True)
        if finished:
            self._end_drag()

    def draw(self, start_mm: QPointF, now_mm: QPointF, finished: bool) -> None:
        """Follow the drawing of a line with its tool in force; a drag too short to be a line is passed over."""
        if self._state.tool is not Tool.PROFILE:
            return
        ends = (1e-3 * start_mm.x(), 1e-3 * start_mm.y(), 1e-3 * now_mm.x(), 1e-3 * now_mm.y())
        line = line_between(*ends)
        if line is None and finished and self._before_drag is not None:
            line = self._profile.line
        if line is None:
            return
        self.edit(line, finished)
        if finished:
            self._state.set_tool(Tool.PAN)

    def press_key(self) -> None:
        """Select the line; without one, or when it is selected already, take the tool that draws it."""
        if self._state.recording is None:
            return
        if self._profile.line is not None and not self._profile.selected:
            self._state.set_tool(Tool.PAN)
            self._profile.set_selected(True)
        else:
            self.toggle_tool()

    def toggle_tool(self) -> None:
        """Take the tool that draws the line, or lay it down."""
        drawing = self._state.tool is not Tool.PROFILE and self._state.recording is not None
        self._state.set_tool(Tool.PROFILE if drawing else Tool.PAN)

    def select(self) -> None:
        """Select the line."""
        self._profile.set_selected(self._profile.line is not None)

    def remove(self) -> None:
        """Take the line away."""
        self._push(self._profile.line, None, "removal of the profile line")

    # -- keys -------------------------------------------------------------------------------------------------------

    def is_selected(self) -> bool:
        """Say whether the line is selected."""
        return self._profile.selected

    def deselect(self) -> None:
        """Let the keys work on something else."""
        self._profile.set_selected(False)

    def nudge(self, lateral_steps: int, depth_steps: int) -> None:
        """Move the line by tenths of a millimetre."""
        self._key_step(lateral_m=lateral_steps * NUDGE_M, depth_m=depth_steps * NUDGE_M, what="move")

    def resize(self, lateral_steps: int, axial_steps: int) -> None:
        """Make the line longer at both ends by tenths of a millimetre."""
        self._key_step(longer_m=(lateral_steps + axial_steps) * NUDGE_M, what="resizing")

    def turn(self, degrees: float) -> None:
        """Turn the line about its middle."""
        self._key_step(degrees=degrees, what="rotation")

    def delete_selected(self) -> None:
        """Remove the line if it is selected."""
        if self._profile.selected:
            self.remove()

    def put_in_the_middle(self) -> bool:
        """With its tool in force, put a level line into the middle of the image; say whether that was so."""
        recording = self._state.recording
        if self._state.tool is not Tool.PROFILE or recording is None:
            return False
        left, top, width, height = recording.grid.edges_m()
        line = _about(left + width / 2, top + height / 2, PLACED_SHARE * width, 0.0)
        self.edit(line, finished=True)
        self._state.set_tool(Tool.PAN)
        return True

    # -- export -----------------------------------------------------------------------------------------------------

    def save(self, path: Path) -> None:
        """Write the profile of the shown frame as CSV."""
        shown, recording, picture = self._profile.profile, self._state.recording, self._state.picture
        run = self._state.run
        if shown is None or shown.values is None or recording is None or picture is None or run is None:
            self.failed.emit("There is no profile of strain to export in this frame.")
            return
        frozen = run_result(run, recording.sequence), shown.frame, shown.line, self._state.display, self._maps.map
        self._write(partial(write_profile, path, *frozen), path)

    # -- following --------------------------------------------------------------------------------------------------

    @Slot()
    def _sample(self) -> None:
        picture, recording, line = self._state.picture, self._state.recording, self._profile.line
        if picture is None or recording is None or line is None:
            self._profile.set_profile(None)
            return
        drawn = self._maps.measured()
        if drawn[0] is None and picture.strain is not None:
            return  # the map of this frame is on its way
        self._profile.set_profile(shown_profile(picture, recording, line, drawn))

    @Slot()
    def _region_selected(self) -> None:
        if self._state.selection is not None:
            self._profile.set_selected(False)

    @Slot()
    def _line_selected(self) -> None:
        if self._profile.selected:
            self._state.set_selection(None)

    @Slot()
    def _end_drag(self) -> None:
        """Make a step of the drag so far: it is over, or something else comes in between."""
        if self._before_drag is not None:
            (before,), self._before_drag = self._before_drag, None
            self._push(before, self._profile.line, "change of the profile line" if before else "profile line")

    @Slot()
    def _forget(self) -> None:
        self._before_drag = None

    def _key_step(
        self, *, what: str, lateral_m: float = 0.0, depth_m: float = 0.0, longer_m: float = 0.0, degrees: float = 0.0
    ) -> None:
        line = self._profile.line
        if line is None or not self._profile.selected:
            return
        lateral, depth = line.at(line.length_m / 2)
        half_m = max(line.length_m / 2 + longer_m, SHORTEST_M)
        changed = _about(lateral + lateral_m, depth + depth_m, half_m, line.angle_deg + degrees)
        self._push(line, changed, f"{what} of the profile line", gesture=f"{what} of the line")

    def _push(self, before: ProfileLine | None, after: ProfileLine | None, words: str, gesture: str = "") -> None:
        self._history.push(self._profile.set_line, before, after, words, gesture)


def line_between(
    start_lateral_m: float, start_depth_m: float, end_lateral_m: float, end_depth_m: float
) -> ProfileLine | None:
    """Return the line between two points, or None where they are too close for one."""
    long_enough = np.hypot(end_lateral_m - start_lateral_m, end_depth_m - start_depth_m) >= SHORTEST_M
    return ProfileLine(start_lateral_m, start_depth_m, end_lateral_m, end_depth_m) if long_enough else None


def _about(lateral_m: float, depth_m: float, half_m: float, angle_deg: float) -> ProfileLine:
    """Line about a middle."""
    across, down = half_m * math.cos(math.radians(angle_deg)), half_m * math.sin(math.radians(angle_deg))
    return ProfileLine(lateral_m - across, depth_m - down, lateral_m + across, depth_m + down)
