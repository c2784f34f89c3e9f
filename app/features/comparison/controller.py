"""Prepare two strain maps for comparison, off the GUI thread; late answers are dropped."""

from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QObject, Signal, Slot

from app.controllers.commands import Commands
from app.controllers.processing import in_words
from app.features.comparison.state import CompareState, Comparison, Side
from app.jobs import Callbacks, JobControl
from app.state import Regions
from app.state.image_grid import ImageGrid
from app.state.run_store import RunStore
from engine.metrics.contrast import strain_metrics
from engine.strain.persistence import averaged_strain
from engine.strain.quality_mask import measured


@dataclass(frozen=True)
class SideRequest:
    """Where one of the two maps comes from."""

    run: int
    frame: int
    title: str
    store: RunStore
    persistence: int = 1
    measured_above: float = 0.0


def compare(
    first: SideRequest, second: SideRequest, grid: ImageGrid, regions: Regions, _control: JobControl
) -> Comparison:
    """Read both maps and measure both."""
    return Comparison(*(_side(entry, grid, regions) for entry in (first, second)))


def _side(request: SideRequest, grid: ImageGrid, regions: Regions) -> Side:
    found = averaged_strain(request.frame, request.store.frames(), request.persistence, request.store.strain)
    metrics = strain_metrics(measured(found, request.measured_above).strain, regions.target, regions.background)
    return Side(
        request.run,
        request.frame,
        request.title,
        found.strain.axial,
        grid.convert(found.strain.axial),
        metrics,
        found.mean,
        found.averaged,
        request.persistence,
        request.measured_above,
    )


class CompareController(QObject):
    """Keeps the comparison in step with frame, runs and regions while it is shown."""

    failed = Signal(str)

    def __init__(self, commands: Commands) -> None:
        super().__init__(commands.parent)
        self._state = commands.state
        self._worker = commands.jobs.pictures
        self._compare = commands.state.slice(CompareState)
        self._compare.changed.connect(self.update)
        for signal in (
            self._state.picture_changed, self._state.runs_changed, self._state.regions_changed,
            self._state.recording_changed,
        ):  # fmt: skip
            signal.connect(self.update)
        self._state.estimate_arrived.connect(self._arrived)

    @Slot(int, int)
    def _arrived(self, run: int, frame: int) -> None:
        """Show a run that is still under way as soon as it has the shown frame."""
        if (run, frame) == (self._compare.other, self._state.frame):
            self.update()

    @Slot()
    def update(self) -> None:
        """Prepare the comparison anew; what no longer belongs leaves at once."""
        wanted = self._wanted()
        shown = self._compare.comparison
        if shown is not None and (wanted is None or not _belongs(shown, *wanted)):
            self._compare.set_comparison(None)
        recording = self._state.recording
        if wanted is None or recording is None:
            return
        work = partial(compare, *wanted, recording.grid, self._state.regions)
        self._worker.submit_latest(work, Callbacks(done=self._show, failed=self._tell), slot="comparison")

    def _wanted(self) -> tuple[SideRequest, SideRequest] | None:
        run, second = self._state.run, self._compare.wanted()
        if not self._compare.active or self._compare.why_not() or run is None or second is None:
            return None
        other, frame = second
        how = self._state.display.persistence, self._state.display.measured_above
        return (
            SideRequest(run.number, self._state.frame, run.title, run.store, *how),
            SideRequest(other.number, frame, other.title, other.store, *how),
        )

    def _show(self, comparison: Comparison) -> None:
        wanted = self._wanted()
        if wanted is not None and _belongs(comparison, *wanted):
            self._compare.set_comparison(comparison)

    def _tell(self, error: BaseException) -> None:
        self.failed.emit(in_words(error))


def _belongs(comparison: Comparison, first: SideRequest, second: SideRequest) -> bool:
    pairs = ((comparison.first, first), (comparison.second, second))
    return all(
        (side.run, side.frame, side.persistence, side.measured_above)
        == (request.run, request.frame, request.persistence, request.measured_above)
        for side, request in pairs
    )
