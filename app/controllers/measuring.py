"""Metrics of the shown frame while an ellipse is dragged, and of all frames once it rests."""

from functools import partial

from PySide6.QtCore import QObject, QTimer, Slot

from app.jobs import Answers, JobControl, Jobs
from app.run_store import RunStore
from app.state import FrameMeasurements, Regions, ViewerState
from engine.metrics.contrast import region_metrics, region_warnings
from engine.types import Geometry, Map

REST_MS = 120
"""An ellipse that has not moved for this long rests; only then is the graph over all frames computed."""

GATHER_MS = 60
"""Metrics of frames that arrive within this time are told together."""


def measure_all(store: RunStore, geometry: Geometry, regions: Regions, control: JobControl) -> None:
    """Metrics of every estimated frame, each told as it is there."""
    for frame in store.frames():
        control.check()
        control.item(measure_stored(store, geometry, regions, frame))


def measure_stored(store: RunStore, geometry: Geometry, regions: Regions, frame: int) -> FrameMeasurements:
    """Metrics of one stored frame, read past the cache of shown frames."""
    estimate = store.read(frame)
    window_m = estimate.strain.window_m
    values = region_metrics(estimate.strain.axial, geometry, regions.target, regions.background, window_m=window_m)
    return FrameMeasurements(frame, values)


def measure_shown(strain: Map, geometry: Geometry, regions: Regions, window_m: float, frame: int) -> FrameMeasurements:
    """Metrics of the shown frame with the warnings about its regions."""
    target, background = regions.target, regions.background
    values = region_metrics(strain, geometry, target, background, window_m=window_m)
    warnings = region_warnings(strain, geometry, target, background, window_m=window_m)
    return FrameMeasurements(frame, values, warnings)


def _measure_one(store: RunStore, geometry: Geometry, regions: Regions, frame: int, _: JobControl) -> FrameMeasurements:
    return measure_stored(store, geometry, regions, frame)


class MeasuringController(QObject):
    """Keeps `measurements` and `history` of the state in step with regions, picture and run."""

    def __init__(self, state: ViewerState, jobs: Jobs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._lane = jobs.numbers
        self._measured_run: int | None = None
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(self._measure_history)
        self._arrived: list[tuple[int, Regions, FrameMeasurements]] = []
        self._gather = QTimer(self)
        self._gather.setSingleShot(True)
        self._gather.setInterval(GATHER_MS)
        self._gather.timeout.connect(self._tell_history)
        state.picture_changed.connect(self._measure_shown)
        state.regions_changed.connect(self._regions_changed)
        state.runs_changed.connect(self._runs_changed)
        state.estimate_arrived.connect(self._estimate_arrived)

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
        if picture.measured is not None and picture.measured_regions == state.regions:
            state.set_measurements(picture.measured)
            return
        geometry = recording.sequence.geometry
        state.set_measurements(measure_shown(picture.strain, geometry, state.regions, picture.window_m, picture.frame))

    @Slot()
    def _measure_history(self) -> None:
        state = self._state
        if state.run is None or state.recording is None:
            return
        state.set_history({})
        geometry = state.recording.sequence.geometry
        work = partial(measure_all, state.run.store, geometry, state.regions)
        receive = partial(self._receive, state.run.number, state.regions)
        self._lane.submit(work, Answers(item=receive), slot="history")

    @Slot()
    def _runs_changed(self) -> None:
        run = None if self._state.run is None else self._state.run.number
        if run != self._measured_run:
            self._measured_run = run
            self._state.set_history({})
            self._rest.start()

    @Slot(int, int)
    def _estimate_arrived(self, number: int, frame: int) -> None:
        state = self._state
        if state.run is None or state.recording is None or number != state.run.number:
            return
        work = partial(_measure_one, state.run.store, state.recording.sequence.geometry, state.regions, frame)
        self._lane.submit(work, Answers(done=partial(self._receive, number, state.regions)))

    def _receive(self, run: int, regions: Regions, measured: FrameMeasurements) -> None:
        """Take a frame's metrics if they are still of the present run and regions."""
        if self._of_present(run, regions):
            self._arrived.append((run, regions, measured))
            if not self._gather.isActive():
                self._gather.start()

    @Slot()
    def _tell_history(self) -> None:
        """Tell what has come in lately in one go: frames come by the hundred, and each telling draws a graph."""
        arrived, self._arrived = self._arrived, []
        new = {entry.frame: entry for run, regions, entry in arrived if self._of_present(run, regions)}
        if new:
            self._state.set_history({**self._state.history, **new})

    def _of_present(self, run: int, regions: Regions) -> bool:
        state = self._state
        return state.run is not None and state.run.number == run and state.regions == regions
