"""Prepare two strain maps for comparison, off the GUI thread; late answers are dropped."""

from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QObject, Signal, Slot

from app.controllers.commands import Commands
from app.controllers.map_reading import map_of_run
from app.controllers.processing import in_words
from app.features.comparison.state import CompareState, Comparison, Side
from app.jobs import Callbacks, JobControl
from app.state import Display, Regions, Run
from app.state.following import tissue_of
from app.state.maps import MapState
from app.state.recording import OpenRecording, moved
from engine.following import DeformedShape
from engine.maps.base import MAPS
from engine.metrics.contrast import strain_metrics
from engine.metrics.map_values import map_metrics
from engine.quantity import AXIAL_STRAIN, MODULUS
from engine.strain.persistence import averaged_strain
from engine.strain.quality_mask import measured, visible
from engine.types import Map


@dataclass(frozen=True)
class SideRequest:
    """Where one of the two maps comes from."""

    run: Run
    frame: int
    shown: Display
    map: str = AXIAL_STRAIN
    modulus: Map | None = None

    def belongs(self, side: Side) -> bool:
        """Say whether a side was made of this."""
        shown = self.shown
        asked = (self.run.number, self.frame, shown.persistence, shown.measured_above, self.map, _moving(shown))
        return asked == (side.run, side.frame, side.persistence, side.measured_above, side.map, side.moving)


def _moving(shown: Display) -> tuple[bool, bool]:
    return shown.follows, shown.in_deformed_shape


def compare(
    first: SideRequest,
    second: SideRequest,
    recording: OpenRecording,
    regions: Regions,
    _control: JobControl,
) -> Comparison:
    """Read both maps and measure both."""
    return Comparison(*(_side(entry, recording, regions) for entry in (first, second)))


def _side(request: SideRequest, recording: OpenRecording, regions: Regions) -> Side:
    shown, run, drawn = request.shown, request.run, regions
    if shown.follows:
        tissue = tissue_of(run, recording.sequence)
        drawn = moved(regions, (tissue.in_frame if shown.in_deformed_shape else tissue.under)(request.frame))
        regions = moved(regions, tissue.under(request.frame))
    found = averaged_strain(request.frame, run.store.frames(), shown.persistence, run.store.strain)
    if request.map == AXIAL_STRAIN:
        values = found.strain.axial
        metrics = dict(strain_metrics(measured(found, shown.measured_above).strain, regions.target, regions.background))
    else:
        values = _map_of(request, recording)
        known = visible(values, found.quality, shown.measured_above)
        quantity, geometry = MAPS.get(request.map).quantity, recording.sequence.geometry
        metrics = dict(map_metrics(known, quantity, geometry, regions.target, regions.background))
    placed = values
    if shown.in_deformed_shape:
        placed = DeformedShape(run.store.read(request.frame).displacement).shown(values)
    return Side(
        run.number,
        request.frame,
        run.title,
        values,
        recording.grid.convert(placed),
        metrics,
        found.mean,
        found.averaged,
        shown.persistence,
        shown.measured_above,
        request.map,
        _moving(shown),
        drawn,
    )


def _map_of(request: SideRequest, recording: OpenRecording) -> Map:
    if request.modulus is not None:
        return request.modulus
    read = map_of_run(request.run, recording.sequence, request.map, remove_rigid=request.shown.remove_rigid)
    assert read is not None
    return read(request.frame)


class CompareController(QObject):
    """Keeps the comparison in step with frame, runs and regions while it is shown."""

    failed = Signal(str)

    def __init__(self, commands: Commands) -> None:
        super().__init__(commands.parent)
        self._state = commands.state
        self._worker = commands.jobs.pictures
        self._compare = commands.state.slice(CompareState)
        self._compare.changed.connect(self.update)
        self._maps = commands.state.slice(MapState)
        for signal in (
            self._state.picture_changed, self._state.runs_changed, self._state.regions_changed,
            self._state.recording_changed, self._maps.kind_changed, self._maps.map_changed, self._state.display_changed,
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
        work = partial(compare, *wanted, recording, self._state.regions)
        self._worker.submit_latest(work, Callbacks(done=self._show, failed=self._tell), slot="comparison")

    def _wanted(self) -> tuple[SideRequest, SideRequest] | None:
        run, second = self._state.run, self._compare.wanted()
        if not self._compare.active or self._compare.why_not() or run is None or second is None:
            return None
        other, frame = second
        display, drawn = self._state.display, self._compare.drawn

        def side(of: Run, at: int) -> SideRequest:
            modulus = self._maps.modulus_of(of.number, at) if drawn == MODULUS else None
            return SideRequest(of, at, display, drawn, modulus)

        return side(run, self._state.frame), side(other, frame)

    def _show(self, comparison: Comparison) -> None:
        wanted = self._wanted()
        if wanted is not None and _belongs(comparison, *wanted):
            self._compare.set_comparison(comparison)

    def _tell(self, error: BaseException) -> None:
        self.failed.emit(in_words(error))


def _belongs(comparison: Comparison, first: SideRequest, second: SideRequest) -> bool:
    return first.belongs(comparison.first) and second.belongs(comparison.second)
