"""The truth of the window, with one signal for each part of it. Controllers write it; views and panels read it."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Self, TypeVar, cast

from PySide6.QtCore import QObject, Signal

from app.state.display import Display
from app.state.recording import OpenRecording, Picture
from app.state.regions import Regions, Role, Tool
from app.state.result_folder import ResultFolder
from app.state.run_store import RunStore
from app.state.runs import KEPT_RUNS, Activity, FrameMeasurements, MethodInfo, Run, RunStatus, StrainMethodInfo
from engine.metrics.base import Measurement
from engine.pipeline import Settings
from engine.types import RFSequence

Slice = TypeVar("Slice", bound=QObject)


class ViewerState(QObject):
    """Everything the window knows. Setters compare before they tell; signals carry nothing, readers look here."""

    recording_closing = Signal()
    """Another recording is about to take the place of the open one, of which everything is still there."""
    recording_changed = Signal()
    frame_changed = Signal()
    settings_changed = Signal()
    methods_changed = Signal()
    runs_changed = Signal()
    estimate_arrived = Signal(int, int)
    store_dropped = Signal(object)
    """(RunStore) whose files may be deleted."""
    picture_changed = Signal()
    regions_changed = Signal()
    selection_changed = Signal()
    tool_changed = Signal()
    display_changed = Signal()
    activity_changed = Signal()
    measurements_changed = Signal()
    history_changed = Signal()
    playing_changed = Signal()
    cursor_changed = Signal()
    notice_changed = Signal()
    error_shown = Signal(str)
    """(text) of an error that is told to the user."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._numbers = itertools.count(1)
        self._folder = ResultFolder()
        self.recording: OpenRecording | None = None
        self.frame = 0
        self.methods: tuple[MethodInfo, ...] = ()
        self.strain_methods: tuple[StrainMethodInfo, ...] = ()
        self.settings = Settings(method="ncc")
        self.runs: dict[Settings, Run] = {}
        self._found: tuple[Settings, Run | None] | None = None
        self.picture: Picture | None = None
        self.regions = Regions()
        self.selection: Role | None = None
        self.tool = Tool.PAN
        self.display = Display()
        self.shown_limits: tuple[float, float] | None = None
        """Ends of the strain's colour bar as it is shown now, in the shown unit."""
        self.activity: Activity | None = None
        self.measurements = FrameMeasurements(0)
        self.other_measurements: dict[str, Measurement] = {}
        """Metrics of the shown frame that are not made from its strain; a feature computes them on demand."""
        self.history: dict[int, FrameMeasurements] = {}
        self.playing = False
        self.cursor: tuple[float, float] | None = None
        self.notice = ""
        self._slices: dict[Callable[[ViewerState], QObject], QObject] = {}

    def slice(self, kind: Callable[["ViewerState"], Slice]) -> Slice:
        """Return the part of the state that a feature keeps: `kind(state)`, made when first asked for.

        `kind` is its class: a QObject with its own values, setters and signals, and this state as its parent.
        """
        if kind not in self._slices:
            self._slices[kind] = kind(self)
        return cast("Slice", self._slices[kind])

    @property
    def run(self) -> Run | None:
        """The run of the present settings, if there is one; no other run is ever shown."""
        if self._found is None or self._found[0] is not self.settings:  # everything asks, and hashing takes long
            self._found = self.settings, self.runs.get(self.settings)
        return self._found[1]

    @property
    def method(self) -> MethodInfo | None:
        """The method of the present settings."""
        return next((entry for entry in self.methods if entry.name == self.settings.method), None)

    def set_recording(self, sequence: RFSequence | None, key: str = "") -> None:
        """Show another recording: every run, picture and region of the old one goes."""
        for run in self.runs.values():
            self._drop(run)
        self.runs, self._found = {}, None
        self.recording = None if sequence is None else OpenRecording(next(self._numbers), sequence, key)
        self.picture = None
        self.frame = 0
        self.regions = Regions()
        self.selection = None
        self.measurements = FrameMeasurements(0)
        self.history = {}
        self.cursor = None
        self.settings = replace(self.settings, reference=0, frames=None)
        self.recording_changed.emit()
        self.settings_changed.emit()
        self.runs_changed.emit()
        self.regions_changed.emit()
        self.frame_changed.emit()
        self.picture_changed.emit()
        self.measurements_changed.emit()
        self.history_changed.emit()

    def set_frame(self, frame: int) -> None:
        """Ask for another frame; the picture follows."""
        if self.recording is None:
            return
        frame = max(0, min(frame, self.recording.frames - 1))
        if frame != self.frame:
            self.frame = frame
            self.frame_changed.emit()

    def set_methods(
        self, methods: tuple[MethodInfo, ...], strain_methods: tuple[StrainMethodInfo, ...] | None = None
    ) -> None:
        """Set the list of methods, and that of strain filters."""
        self.methods = methods
        if strain_methods is not None:
            self.strain_methods = strain_methods
        self.methods_changed.emit()

    def set_settings(self, settings: Settings) -> None:
        """Choose how strain is estimated; a run with just these settings is shown if there is one."""
        if settings != self.settings:
            self.settings = settings
            self.settings_changed.emit()
            self.runs_changed.emit()

    def add_run(
        self, title: str, settings: Settings | None = None, status: RunStatus = "running", *, from_file: bool = False
    ) -> Run:
        """Begin a run with the present settings, or with others, as for a comparison."""
        if self.recording is None:
            raise RuntimeError("a run needs a recording")
        number = next(self._numbers)
        store = RunStore(self._folder.path / f"run_{number}", self.recording.sequence.geometry)
        run = Run(number, self.recording.number, settings or self.settings, title, store, status, from_file=from_file)
        self._found = None
        replaced = self.runs.pop(run.settings, None)
        if replaced is not None:
            self._drop(replaced)
        self.runs[run.settings] = run
        for other in [key for key in self.runs if key not in {run.settings, self.settings}][: -(KEPT_RUNS - 1)]:
            self._drop(self.runs.pop(other))
        self.runs_changed.emit()
        return run

    def _drop(self, run: Run) -> None:
        run.store.forget()
        self.store_dropped.emit(run.store)

    def set_run_status(self, run: Run, status: RunStatus) -> None:
        """Say how a run goes."""
        run.status = status
        self.runs_changed.emit()

    def tell_estimate(self, run: Run, frame: int) -> None:
        """Say that a frame of a run is there."""
        self.estimate_arrived.emit(run.number, frame)

    def set_picture(self, picture: Picture | None) -> None:
        """Show what was prepared of a frame."""
        self.picture = picture
        self.picture_changed.emit()

    def set_regions(self, regions: Regions) -> None:
        """Set both ellipses."""
        if regions != self.regions:
            self.regions = regions
            if self.selection is not None and regions.get(self.selection) is None:
                self.set_selection(None)
            self.regions_changed.emit()

    def set_selection(self, role: Role | None) -> None:
        """Select one ellipse, or none."""
        if role != self.selection:
            self.selection = role
            self.selection_changed.emit()

    def set_tool(self, tool: Tool) -> None:
        """Choose what a drag on an image does."""
        if tool != self.tool:
            self.tool = tool
            self.tool_changed.emit()

    def set_display(self, display: Display) -> None:
        """Choose how maps are shown."""
        if display != self.display:
            self.display = display
            self.display_changed.emit()

    def set_activity(self, activity: Activity | None) -> None:
        """Say what the engine is busy with."""
        if activity != self.activity:
            self.activity = activity
            self.activity_changed.emit()

    def set_measurements(self, measurements: FrameMeasurements) -> None:
        """Set the metrics of the shown frame."""
        self.measurements = measurements
        self.measurements_changed.emit()

    def set_other_measurement(self, measurement: Measurement) -> None:
        """Set a metric of the shown frame that a feature computes, or the reason why it has none yet."""
        if self.other_measurements.get(measurement.name) is not measurement:
            self.other_measurements[measurement.name] = measurement
            self.measurements_changed.emit()

    def set_history(self, history: dict[int, FrameMeasurements]) -> None:
        """Set the metrics of every estimated frame."""
        self.history = history
        self.history_changed.emit()

    def set_playing(self, playing: bool) -> None:
        """Play or pause."""
        if playing != self.playing:
            self.playing = playing
            self.playing_changed.emit()

    def set_cursor(self, position: tuple[float, float] | None) -> None:
        """Set the place under the mouse: lateral and depth in metres."""
        if position != self.cursor:
            self.cursor = position
            self.cursor_changed.emit()

    def set_notice(self, text: str) -> None:
        """Say something that stays readable until the next thing is said."""
        self.notice = text
        self.notice_changed.emit()

    def close(self) -> Self:
        """Delete the temporary results."""
        self._folder.close()
        return self
