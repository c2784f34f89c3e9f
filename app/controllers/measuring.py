"""Metrics of the shown frame while an ellipse is dragged, and of all frames once it rests."""

from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QObject, QTimer, Slot

from app.controllers.map_reading import map_of_run
from app.jobs import Callbacks, JobControl, Jobs
from app.state import FrameMeasurements, Picture, Regions, Run, ViewerState
from app.state.following import tissue_of
from app.state.maps import MapState
from app.state.recording import moved
from app.state.run_store import RunStore
from engine.errors import ParameterError
from engine.maps.base import MAPS
from engine.maps.reading import ReadMap, measured_map
from engine.metrics.contrast import region_warnings, strain_metrics
from engine.metrics.map_values import map_metrics
from engine.quantity import AXIAL_STRAIN
from engine.strain.persistence import FrameStrain, averaged_strain, strain_reader
from engine.strain.quality_mask import measured, visible
from engine.types import Geometry, RFSequence, Strain

REST_MS = 120
"""An ellipse that has not moved for this long rests; only then is the graph over all frames computed."""

GATHER_MS = 60
"""Metrics of frames that arrive within this time are told together."""


@dataclass(frozen=True)
class How:
    """How many frames are averaged, the quality of pixels that count, and a map measured beside axial strain."""

    persistence: int = 1
    above: float = 0.0
    map: str = AXIAL_STRAIN
    remove_rigid: bool = False
    follow: bool = False


MeasuredOf = tuple[int, Regions, How]
"""What metrics belong to: a run, regions, and how they were measured."""


def measure_all(run: Run, sequence: RFSequence, regions: Regions, how: How, control: JobControl) -> None:
    """Metrics of every estimated frame, each told as it is there."""
    store, frames = run.store, run.store.frames()
    read, read_map = (
        strain_reader(frames, how.persistence, partial(store.strain, keep=False)),
        _read(run, sequence, how),
    )
    for frame in frames:
        control.check()
        control.item(_measured(store, _under(run, sequence, regions, how, frame), read(frame), how, read_map))


def measure_one(
    run: Run, sequence: RFSequence, regions: Regions, how: How, frame: int, _: JobControl
) -> FrameMeasurements:
    """Metrics of one stored frame, read past the cache of shown frames."""
    store = run.store
    found = averaged_strain(frame, store.frames(), how.persistence, partial(store.strain, keep=False))
    under = _under(run, sequence, regions, how, frame)
    return _measured(store, under, found, how, _read(run, sequence, how))


def _under(run: Run, sequence: RFSequence, regions: Regions, how: How, frame: int) -> Regions:
    """Return the regions on the grid of a frame's strain, where they follow the tissue from grid to grid."""
    return moved(regions, tissue_of(run, sequence).under(frame)) if how.follow else regions


def _read(run: Run, sequence: RFSequence, how: How) -> ReadMap | None:
    """Return what reads the map that is measured beside axial strain; None where the recording does not give it."""
    try:
        return map_of_run(run, sequence, how.map, remove_rigid=how.remove_rigid)
    except ParameterError:  # its place in the list says why
        return None


def measure_picture(picture: Picture, geometry: Geometry, regions: Regions, above: float = 0.0) -> FrameMeasurements:
    """Metrics of the shown map with the warnings about its regions."""
    assert picture.strain is not None
    axial, regions = visible(picture.strain, picture.quality, above), picture.under(regions)
    target, background, lesion, window_m = regions.target, regions.background, regions.lesion, picture.window_m
    strain = Strain(axial, geometry, window_m, picture.sigma)
    values = strain_metrics(strain, target, background, lesion=lesion)
    warnings = region_warnings(axial, geometry, target, background, lesion=lesion, window_m=window_m)
    return FrameMeasurements(picture.frame, values, warnings, max(len(picture.averaged), 1), above, picture.stage)


def _measured(
    store: RunStore, regions: Regions, shown: FrameStrain, how: How, read_map: ReadMap | None
) -> FrameMeasurements:
    strain = measured(shown, how.above).strain
    values = strain_metrics(strain, regions.target, regions.background, lesion=regions.lesion)
    if read_map is not None and not _lacks_sigma(store, shown.frame, how):
        known, quantity = measured_map(shown, read_map, how.above), MAPS.get(how.map).quantity
        values = {**values, **map_metrics(known, quantity, store.geometry, regions.target, regions.background)}
    return FrameMeasurements(shown.frame, values, averaged=len(shown.averaged), above=how.above)


def _lacks_sigma(store: RunStore, frame: int, how: How) -> bool:
    return "sigma" in MAPS.get(how.map).needs and not store.summary(frame).has_sigma


class MeasuringController(QObject):
    """Keeps `measurements` and `history` of the state in step with regions, picture and run."""

    def __init__(self, state: ViewerState, jobs: Jobs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._worker = jobs.numbers
        self._measured_run: int | None = None
        self._rest = QTimer(self, singleShot=True, interval=REST_MS)
        self._rest.timeout.connect(self._measure_history)
        state.slice(MapState).kind_changed.connect(self._display_changed)
        self._measured_how = self._how()
        self._arrived: list[tuple[MeasuredOf, FrameMeasurements]] = []
        self._gather = QTimer(self, singleShot=True, interval=GATHER_MS)
        self._gather.timeout.connect(self._tell_history)
        state.picture_changed.connect(self._measure_shown)
        state.regions_changed.connect(self._regions_changed)
        state.runs_changed.connect(self._runs_changed)
        state.estimate_arrived.connect(self._estimate_arrived)
        state.display_changed.connect(self._display_changed)

    @Slot()
    def _regions_changed(self) -> None:
        self._measure_shown()
        self._rest.start()

    @Slot()
    def _measure_shown(self) -> None:
        state = self._state
        picture, recording = state.picture, state.recording
        if picture is None or recording is None or picture.strain is None:
            state.set_measurements(FrameMeasurements(state.frame))
            return
        as_wanted = state.regions, state.display.measured_above
        if picture.measured is not None and (picture.measured_regions, picture.measured_above) == as_wanted:
            state.set_measurements(picture.measured)
            return
        geometry = recording.sequence.geometry
        state.set_measurements(measure_picture(picture, geometry, *as_wanted))

    @Slot()
    def _measure_history(self) -> None:
        state = self._state
        if state.run is None or state.recording is None:
            return
        state.set_history({})
        work = partial(measure_all, state.run, state.recording.sequence, state.regions, self._how())
        receive = partial(self._receive, (state.run.number, state.regions, self._how()))
        self._worker.submit(work, Callbacks(item=receive), slot="history")

    @Slot()
    def _runs_changed(self) -> None:
        run = None if self._state.run is None else self._state.run.number
        if run != self._measured_run:
            self._measured_run = run
            self._state.set_history({})
            self._rest.start()

    @Slot()
    def _display_changed(self) -> None:
        if self._how() != self._measured_how:
            self._measured_how = self._how()
            self._state.set_history({})
            self._rest.start()

    @Slot(int, int)
    def _estimate_arrived(self, number: int, frame: int) -> None:
        state = self._state
        if state.run is None or number != state.run.number or frame not in state.run.store or state.recording is None:
            return  # first estimates have no place among the numbers over all frames
        work = partial(measure_one, state.run, state.recording.sequence, state.regions, self._how(), frame)
        self._worker.submit(work, Callbacks(done=partial(self._receive, (number, state.regions, self._how()))))

    def _receive(self, measured_of: MeasuredOf, measured: FrameMeasurements) -> None:
        """Take a frame's metrics if they are still of the present run, regions and persistence."""
        if measured_of == self._present():
            self._arrived.append((measured_of, measured))
            if not self._gather.isActive():
                self._gather.start()

    @Slot()
    def _tell_history(self) -> None:
        """Tell what has come in lately in one go: frames come by the hundred, and each telling draws a graph."""
        arrived, self._arrived = self._arrived, []
        present = self._present()
        new = {entry.frame: entry for measured_of, entry in arrived if measured_of == present}
        if new:
            self._state.set_history({**self._state.history, **new})

    def _present(self) -> MeasuredOf | None:
        state = self._state
        return None if state.run is None else (state.run.number, state.regions, self._how())

    def _how(self) -> How:
        """Return what decides the numbers over all frames, beside the regions."""
        state = self._state
        display = state.display
        kind, run = state.slice(MapState).kind, state.run
        moving = display.follows and run is not None and not run.settings.pairs.one_reference
        return How(display.persistence, display.measured_above, kind, display.remove_rigid, moving)
