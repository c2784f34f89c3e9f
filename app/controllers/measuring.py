"""Metrics of the shown frame while an ellipse is dragged, and of all frames once it rests."""

from functools import partial

from PySide6.QtCore import QObject, QTimer, Slot

from app.jobs import Answers, JobControl, Jobs
from app.run_store import RunStore
from app.state import FrameMeasurements, Regions, ViewerState
from engine.metrics.contrast import region_metrics
from engine.types import Geometry

REST_MS = 120
"""An ellipse that has not moved for this long rests; only then is the graph over all frames computed."""


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
        values = region_metrics(
            picture.strain,
            recording.sequence.geometry,
            state.regions.target,
            state.regions.background,
            window_m=picture.window_m,
        )
        state.set_measurements(FrameMeasurements(picture.frame, values))

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
        state = self._state
        if state.run is not None and state.run.number == run and state.regions == regions:
            state.set_history({**state.history, measured.frame: measured})
