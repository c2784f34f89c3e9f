"""Edit the two ellipses, with undo: one drag, or one run of nudges, is one step back."""

import time
from dataclasses import replace

from PySide6.QtCore import QObject, Slot
from PySide6.QtGui import QUndoCommand, QUndoStack

from app.state import Regions, Role, Tool, ViewerState
from engine.types import Ellipse

NUDGE_M = 0.1e-3
MERGE_S = 1.0
"""Nudges that follow each other faster than this are one step of undo."""


class RegionsEdit(QUndoCommand):
    """From one pair of regions to another."""

    def __init__(self, state: ViewerState, before: Regions, after: Regions, words: str, merge_id: int) -> None:
        super().__init__(words)
        self._state = state
        self.before = before
        self.after = after
        self._merge_id = merge_id

    def redo(self) -> None:
        """Set the new regions."""
        self._state.set_regions(self.after)

    def undo(self) -> None:
        """Set the old regions."""
        self._state.set_regions(self.before)

    def id(self) -> int:
        """Return the number under which steps merge; -1 never does."""
        return self._merge_id

    def mergeWith(self, other: QUndoCommand) -> bool:
        """Take a later step into this one."""
        if not isinstance(other, RegionsEdit) or other.id() != self._merge_id:
            return False
        self.after = other.after
        return True


class RegionsController(QObject):
    """Every change of a region passes here."""

    def __init__(self, state: ViewerState, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self.undo_stack = QUndoStack(self)
        self._commands: list[RegionsEdit] = []  # Python must keep what the stack holds by pointer
        self._before_drag: Regions | None = None
        self._gesture = 0
        self._nudged_at = 0.0
        self._nudged_role: Role | None = None
        state.recording_changed.connect(self._forget)

    def edit(self, role: Role, ellipse: Ellipse, finished: bool) -> None:
        """Follow a drag; its end makes one step of undo."""
        if self._state.recording is None:
            return
        if self._before_drag is None:
            self._before_drag = self._state.regions
        after = self._state.regions.replaced(role, ellipse)
        self._state.set_regions(after)
        self._state.set_selection(role)
        if finished:
            before, self._before_drag = self._before_drag, None
            self._push(before, after, f"change of the {role.value}")

    def draw(self, ellipse: Ellipse, finished: bool) -> None:
        """Follow the drawing of a region with the tool in force; afterwards a drag pans again."""
        if self._state.tool is Tool.PAN:
            return
        self.edit(Role(self._state.tool.value), ellipse, finished)
        if finished:
            self._state.set_tool(Tool.PAN)

    def place(self, regions: Regions) -> None:
        """Set both regions without a step of undo, as a recording's own regions when it opens."""
        self._state.set_regions(regions)

    def delete_selected(self) -> None:
        """Remove the selected region."""
        role = self._state.selection
        if role is not None and self._state.regions.get(role) is not None:
            before = self._state.regions
            self._push(before, before.replaced(role, None), f"removal of the {role.value}")

    def clear(self) -> None:
        """Remove both regions."""
        if self._state.regions != Regions():
            self._push(self._state.regions, Regions(), "removal of both regions")

    def nudge(self, lateral_steps: int, depth_steps: int) -> None:
        """Move the selected region by tenths of a millimetre."""
        role = self._state.selection
        ellipse = None if role is None else self._state.regions.get(role)
        if role is None or ellipse is None:
            return
        now = time.monotonic()
        if role is not self._nudged_role or now - self._nudged_at > MERGE_S:
            self._gesture += 1
        self._nudged_at, self._nudged_role = now, role
        moved = replace(
            ellipse,
            lateral_m=ellipse.lateral_m + lateral_steps * NUDGE_M,
            depth_m=ellipse.depth_m + depth_steps * NUDGE_M,
        )
        before = self._state.regions
        self._push(before, before.replaced(role, moved), f"move of the {role.value}", self._gesture)

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
        self._push(before, before.replaced(role, ellipse), f"change of the {role.value}")

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

    def escape(self) -> None:
        """Leave the tool, then the selection."""
        if self._state.tool is not Tool.PAN:
            self._state.set_tool(Tool.PAN)
        else:
            self._state.set_selection(None)

    def _beside(self, target: Ellipse, shift: float) -> float:
        """Place beside a target in the middle: on the side with more room."""
        return target.lateral_m - shift if target.lateral_m > 0 else target.lateral_m + shift

    def _push(self, before: Regions, after: Regions, words: str, merge_id: int = -1) -> None:
        if before == after:
            return
        command = RegionsEdit(self._state, before, after, words, merge_id)
        self._commands.append(command)
        self.undo_stack.push(command)

    @Slot()
    def _forget(self) -> None:
        self._before_drag = None
        self.undo_stack.clear()
        self._commands.clear()
        self._state.set_tool(Tool.PAN)
