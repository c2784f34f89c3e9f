"""The profile line, and what lies along it in the shown frame."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal, Slot

from app.state.viewer import ViewerState
from engine.metrics.profile import ProfileLine
from engine.quantity import Quantity

Values = NDArray[np.float64]


@dataclass(frozen=True)
class ShownProfile:
    """One frame along the line, at `distances_m` (N,) from its start; NaN outside the image.

    `values` (N,) are of the shown map as it is stored, strain negative in compression, None where the frame has no
    estimate; `quantity` is as what they are shown. `bmode_db` (N,) is the level of the B-mode that is shown.
    """

    frame: int
    bmode_frame: int
    line: ProfileLine
    distances_m: Values
    values: Values | None
    quantity: Quantity
    bmode_db: Values


class ProfileState(QObject):
    """The line of the open recording; it holds for all its frames."""

    line_changed = Signal()
    selection_changed = Signal()
    profile_changed = Signal()

    def __init__(self, state: ViewerState) -> None:
        super().__init__(state)
        self.line: ProfileLine | None = None
        self.selected = False
        self.profile: ShownProfile | None = None
        state.recording_changed.connect(self._forget)

    def set_line(self, line: ProfileLine | None) -> None:
        """Set the line, or take it away."""
        if line != self.line:
            self.line = line
            if line is None:
                self.set_selected(False)
            self.line_changed.emit()

    def set_selected(self, selected: bool) -> None:
        """Let the keys work on the line, or not."""
        if selected != self.selected:
            self.selected = selected
            self.selection_changed.emit()

    def set_profile(self, profile: ShownProfile | None) -> None:
        """Set what lies along the line in the shown frame."""
        if profile is not self.profile:
            self.profile = profile
            self.profile_changed.emit()

    @Slot()
    def _forget(self) -> None:
        self.set_line(None)
