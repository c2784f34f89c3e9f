"""Edit the ellipses, with undo: one drag, or one run of key presses, is one step back."""

from dataclasses import replace

from PySide6.QtCore import QObject, Slot
from PySide6.QtGui import QUndoStack

from app.controllers.history import History
from app.state import Regions, Role, Tool, ViewerState
from app.state.regions import SMALLEST_SEMI_AXIS_M
from engine.types import Ellipse

NUDGE_M = 0.1e-3
PLACED_SHARE = 1 / 8
"""Semi-axes of an ellipse that is put into the middle of the image, as a share of the image's shorter side."""


class RegionsController(QObject):
    """Every change of a region passes here."""

    def __init__(self, state: ViewerState, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self.history = History(self)
        self._dragged: tuple[Regions, Role] | None = None
        """What was there before the drag that is under way, and of which region it is."""
        self.history.settle.append(self._end_drag)
        state.recording_changed.connect(self._forget)
        state.tool_changed.connect(self._end_drag)

    @property
    def undo_stack(self) -> QUndoStack:
        """Every step that can be undone."""
        return self.history.stack

    def edit(self, role: Role, ellipse: Ellipse, finished: bool) -> None:
        """Follow a drag; its end makes one step of undo."""
        if self._state.recording is None:
            return
        if self._dragged is None:
            self._dragged = self._state.regions, role
        self._state.set_regions(self._state.regions.replaced(role, ellipse))
        self._state.set_selection(role)
        if finished:
            self._end_drag()

    def draw(self, ellipse: Ellipse, finished: bool) -> None:
        """Follow the drawing of a region with the tool in force; afterwards a drag pans again."""
        role = self._state.tool.role
        if role is None:
            return
        self.edit(role, ellipse, finished)
        if finished:
            self._state.set_tool(Tool.PAN)

    def place(self, regions: Regions) -> None:
        """Set all regions without a step of undo, as a recording's own regions when it opens."""
        self._state.set_regions(regions)

    def put_in_the_middle(self) -> bool:
        """With a region's tool in force, put the region into the middle of the image; say whether that was so."""
        role, recording = self._state.tool.role, self._state.recording
        if role is None or recording is None:
            return False
        left, top, width, height = recording.grid.edges_m()
        semi_m = max(PLACED_SHARE * min(width, height), SMALLEST_SEMI_AXIS_M)
        self.draw(Ellipse(left + width / 2, top + height / 2, semi_m, semi_m), finished=True)
        return True

    def replace_all(self, regions: Regions, words: str) -> None:
        """Set all regions as one step of undo, called by these words."""
        self._push(self._state.regions, regions, words)

    def delete_selected(self) -> None:
        """Remove the selected region."""
        if self._state.selection is not None:
            self.delete(self._state.selection)

    def delete(self, role: Role) -> None:
        """Remove a region."""
        if self._state.regions.get(role) is not None:
            before = self._state.regions
            self._push(before, before.replaced(role, None), f"removal of the {role.words}")

    def centre(self, role: Role) -> None:
        """Put a region that is drawn into the middle of the image, as it is."""
        before, recording = self._state.regions, self._state.recording
        ellipse = before.get(role)
        if ellipse is not None and recording is not None:
            left, top, width, height = recording.grid.edges_m()
            middle = replace(ellipse, lateral_m=left + width / 2, depth_m=top + height / 2)
            self._push(before, before.replaced(role, middle), f"move of the {role.words}")

    def clear(self) -> None:
        """Remove all regions."""
        if self._state.regions != Regions():
            self._push(self._state.regions, Regions(), "removal of all regions")

    def is_selected(self) -> bool:
        """Say whether a region is selected."""
        return self._state.selection is not None

    def deselect(self) -> None:
        """Select no region."""
        self._state.set_selection(None)

    def nudge(self, lateral_steps: int, depth_steps: int) -> None:
        """Move the selected region by tenths of a millimetre."""
        ellipse = self._selected()
        if ellipse is not None:
            lateral_m, depth_m = ellipse.lateral_m + lateral_steps * NUDGE_M, ellipse.depth_m + depth_steps * NUDGE_M
            self._key_step(replace(ellipse, lateral_m=lateral_m, depth_m=depth_m), "move")

    def resize(self, lateral_steps: int, axial_steps: int) -> None:
        """Make the selected region's semi-axes longer by tenths of a millimetre."""
        ellipse = self._selected()
        if ellipse is not None:
            wide, tall = (
                max(semi_m + steps * NUDGE_M, SMALLEST_SEMI_AXIS_M)
                for semi_m, steps in ((ellipse.semi_lateral_m, lateral_steps), (ellipse.semi_axial_m, axial_steps))
            )
            self._key_step(replace(ellipse, semi_lateral_m=wide, semi_axial_m=tall), "resizing")

    def turn(self, degrees: float) -> None:
        """Turn the selected region, clockwise on screen."""
        ellipse = self._selected()
        if ellipse is not None:
            angle_deg = (ellipse.angle_deg + degrees + 180) % 360 - 180
            self._key_step(replace(ellipse, angle_deg=angle_deg), "rotation")

    def mirror_background(self) -> None:
        """Put the background beside the target: same size and depth, on the other side of the image's middle."""
        target = self._state.regions.target
        if target is None:
            return
        shift = target.reach_m[0] * 2.2
        lateral = -target.lateral_m if abs(target.lateral_m) > shift / 2 else self._beside(target, shift)
        mirrored = replace(target, lateral_m=lateral, angle_deg=-target.angle_deg)
        before = self._state.regions
        self._push(before, before.replaced(Role.BACKGROUND, mirrored), "background at the target's depth")

    def set_ellipse(self, role: Role, ellipse: Ellipse) -> None:
        """Set a region by numbers."""
        before = self._state.regions
        self._push(before, before.replaced(role, ellipse), f"change of the {role.words}")

    def select(self, role: Role | None) -> None:
        """Select a region that is drawn, or none."""
        if role is None or self._state.regions.get(role) is not None:
            self._state.set_selection(role)

    def press_key(self, role: Role) -> None:
        """Select the region; without one, or when it is selected already, take the tool that draws it."""
        if self._state.recording is None:
            return
        if self._state.regions.get(role) is not None and self._state.selection is not role:
            self._state.set_tool(Tool.PAN)
            self.select(role)
        else:
            self.choose_tool(Tool(role.value))

    def choose_tool(self, tool: Tool) -> None:
        """Choose what a drag does."""
        self._state.set_tool(tool if self._state.recording is not None else Tool.PAN)

    def _beside(self, target: Ellipse, shift: float) -> float:
        """Place beside a target in the middle: on the side with more room."""
        return target.lateral_m - shift if target.lateral_m > 0 else target.lateral_m + shift

    def _selected(self) -> Ellipse | None:
        role = self._state.selection
        return None if role is None else self._state.regions.get(role)

    def _key_step(self, ellipse: Ellipse, what: str) -> None:
        """Change the selected region by a key; keys of one kind in a row are one step of undo."""
        role, before = self._state.selection, self._state.regions
        assert role is not None
        words = f"{what} of the {role.words}"
        self.history.push(self._state.set_regions, before, before.replaced(role, ellipse), words, gesture=words)

    def _push(self, before: Regions, after: Regions, words: str) -> None:
        self.history.push(self._state.set_regions, before, after, words)

    @Slot()
    def _end_drag(self) -> None:
        """Make a step of the drag so far: it is over, or something else comes in between."""
        if self._dragged is not None:
            (before, role), self._dragged = self._dragged, None
            self._push(before, self._state.regions, f"change of the {role.words}")

    @Slot()
    def _forget(self) -> None:
        self._dragged = None
        self.history.clear()
        self._state.set_tool(Tool.PAN)
