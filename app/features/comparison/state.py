"""Two maps side by side: of the shown run and frame, and of another run or another frame."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from PySide6.QtCore import QObject, Signal

from app.state.maps import MapState
from app.state.regions import Regions
from app.state.runs import Run
from app.state.viewer import ViewerState
from engine.metrics.base import Measurement
from engine.quantity import AXIAL_STRAIN, MODULUS
from engine.types import Map

OTHER_FRAME = -1
"""In place of a run's number: the shown run, at another frame."""


@dataclass(frozen=True)
class Side:
    """One of the two maps: of which run and frame, its values as stored and on the screen's grid, its metrics."""

    run: int
    frame: int
    title: str
    values: Map
    shown: Map
    metrics: Mapping[str, Measurement]
    mean: float = math.nan
    """Mean strain of the frame, by which relative strain is divided."""
    averaged: tuple[int, ...] = ()
    persistence: int = 1
    """The frames that the strain is averaged over, and how many were asked for."""
    measured_above: float = 0.0
    """The quality from which on pixels were measured."""
    map: str = AXIAL_STRAIN
    moving: tuple[bool, bool] = (False, False)
    """Whether regions follow the tissue, and whether the map is in deformed shape."""
    regions: Regions = field(default_factory=Regions)
    """The regions on the map as it is shown."""


@dataclass(frozen=True)
class Comparison:
    """Both maps; the difference is first minus second, on the reference's grid."""

    first: Side
    second: Side


class CompareState(QObject):
    """Whether two maps are compared, with what, and what was prepared last."""

    changed = Signal()
    prepared = Signal()

    def __init__(self, state: ViewerState) -> None:
        super().__init__(state)
        self._state = state
        self.active = False
        self.other = OTHER_FRAME
        self.other_frame = 1
        self.comparison: Comparison | None = None

    def set_active(self, active: bool) -> None:
        """Show the comparison, or the usual view."""
        if active != self.active:
            self.active = active
            self.changed.emit()

    def choose(self, other: int, frame: int) -> None:
        """Compare with a run, by its number, at the shown frame, or with another frame of the shown run."""
        if (other, frame) != (self.other, self.other_frame):
            self.other, self.other_frame = other, frame
            self.changed.emit()

    def set_comparison(self, comparison: Comparison | None) -> None:
        """Set what was prepared."""
        if comparison is not self.comparison:
            self.comparison = comparison
            self.prepared.emit()

    def candidates(self) -> tuple[Run, ...]:
        """Return the runs that the shown one can be compared with."""
        shown = self._state.run
        runs = (run for run in self._state.runs.values() if run is not shown)
        return tuple(run for run in runs if run.store.frames() or run.number == self.other)

    def other_run(self) -> Run | None:
        """Return the run that the shown one is compared with; None where that is itself, or a run that is gone."""
        return next((run for run in self.candidates() if run.number == self.other), None)

    def wanted(self) -> tuple[Run, int] | None:
        """Run and frame of the second map; None where there is none."""
        shown = self._state.run
        if self.other == OTHER_FRAME:
            run, frame = shown, self.other_frame
        else:
            run, frame = self.other_run(), self._state.frame
        return None if run is None or frame not in run.store else (run, frame)

    def why_not(self) -> str:
        """Say what is missing for a comparison, or nothing."""
        return self._no_strain() or self._no_modulus()

    @property
    def drawn(self) -> str:
        """Return the name of the map that is compared, the one of the usual view."""
        return self._state.slice(MapState).drawn

    def _no_modulus(self) -> str:
        shown, second = self._state.run, self.wanted()
        if self.drawn != MODULUS or shown is None or second is None:
            return ""
        sides, maps = ((shown, self._state.frame), second), self._state.slice(MapState)
        lacking = [frame for run, frame in sides if maps.modulus_of(run.number, frame) is None]
        return f"The relative modulus of frame {lacking[0]} was not computed in both runs." if lacking else ""

    def _no_strain(self) -> str:
        shown = self._state.run
        if shown is None or self._state.frame not in shown.store:
            return "The shown frame has no strain yet."
        if self.other == OTHER_FRAME and self.wanted() is None:
            return f"Frame {self.other_frame} has no strain: choose another."
        other = self.other_run()
        if self.wanted() is None and other is not None and other.status in {"waiting", "running"}:
            return f"Estimating {other.title} again\u2026"
        if self.wanted() is None:
            return "The other run has no strain in this frame.\nEstimate another method first, then come back."
        return ""
