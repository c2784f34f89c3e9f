"""Choose a method and its parameters, run it, cancel it."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from time import monotonic
from typing import cast

from PySide6.QtCore import QObject, Signal

from app.controllers.estimation import Begun, Catalog, Device, Engine, Fallback
from app.jobs import Callbacks, JobControl, Jobs
from app.state import Activity, Run, ViewerState
from app.state.device import DeviceChoice, DeviceState
from app.state.kept_settings import KeptSettings
from app.state.run_store import RunStore
from app.state.runs import MethodInfo
from engine.errors import StrainscopeError, one_line
from engine.estimators.base import STRAIN_WINDOW_M
from engine.failures import explanation, log_path
from engine.frames import counted
from engine.parameters import Parameters
from engine.pipeline import Preparation, Settings, depth_warning, unused_warning
from engine.provenance import method_title
from engine.strain.base import read_in


class ProcessingController(QObject):
    """Turns requests for strain into runs; the state shows a run only under the settings it was made with."""

    failed = Signal(str)

    def __init__(
        self,
        state: ViewerState,
        jobs: Jobs,
        engine: Engine | None = None,
        device: str = "auto",
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._state = state
        self._jobs = jobs
        self._engine = engine or Engine()
        self._devices = state.slice(DeviceState)
        if device in {"cpu", "cuda"}:
            self._devices.choose(cast("DeviceChoice", device))
        self._device = Device(device)
        self._devices.changed.connect(self._device_changed)
        self._job: int | None = None
        self._running: Run | None = None
        self._clock: tuple[int, float] | None = None
        """Frames done, and when, since which the time of a frame is taken."""
        self._wanted_method = ""
        self._start_when_ready = False
        self._default = ""
        self._kept: KeptSettings | None = None
        self.prepare: Callable[[Run, JobControl], bool] | None = None
        """Called on the engine thread before a run: brings what is there of it already, says whether that is all."""
        state.recording_changed.connect(self._forget_run)
        state.store_dropped.connect(self._delete)

    def load_methods(self, wanted: str = "") -> None:
        """Fetch the list of methods on the engine thread; `wanted` is chosen if it can run, else the default."""
        self._wanted_method = wanted
        callbacks = Callbacks(done=self._methods_loaded, failed=self._methods_failed)
        self._state.set_activity(Activity("Loading methods"))
        self._jobs.engine.submit(self._engine.list_methods, callbacks, slot="methods")

    def kept_settings(self) -> KeptSettings:
        """Return the settings as they are kept; before the methods are loaded, those that are to be restored."""
        return self._kept or KeptSettings.of(self._state.settings)

    def restore(self, kept: KeptSettings) -> None:
        """Take kept settings, as soon as the methods are loaded; what is not to be had here is told."""
        self._kept = kept
        if self._state.methods:
            self._take_kept()

    def _take_kept(self) -> None:
        kept, self._kept, state = self._kept, None, self._state
        if kept is None or state.recording is None:
            return
        lists, count = (state.methods, state.strain_methods), state.recording.frames
        last = self._default if state.method is None or state.method.unavailable else state.method.name
        try:
            self._change_to(kept.settings(last, *lists, count))
        except StrainscopeError as error:
            self.failed.emit(f"The settings of this recording cannot be restored: {error}.")

    def choose_method(self, name: str) -> None:
        """Select a method with its default parameters; unknown and unavailable ones are ignored with a notice."""
        method = next((entry for entry in self._state.methods if entry.name == name), None)
        if method is None or method.unavailable:
            reason = method.unavailable if method else "no such method"
            self._state.set_notice(f"{name} cannot run: {reason}")
            return
        self._apply(method=name, parameters=method.params(), strain_parameters=self._read_out(method))

    def _read_out(self, method: MethodInfo) -> Parameters:
        """Strain parameters for a method: its own window, unless the user has chosen other ones."""
        present, before = self._state.settings.strain_parameters, self._state.method
        assert present is not None
        untouched = before is not None and present == read_in(type(present), before.strain_window_m)
        return read_in(type(present), method.strain_window_m) if untouched else present

    def set_parameters(self, parameters: Parameters) -> None:
        """Set the method's parameters."""
        self._apply(parameters=parameters)

    def choose_strain_method(self, name: str) -> None:
        """Select a strain filter with its default parameters; displacements that are there are only filtered anew."""
        method = next((entry for entry in self._state.strain_methods if entry.name == name), None)
        if method is None or method.unavailable:
            reason = method.unavailable if method else "no such strain filter"
            self._state.set_notice(f"{name} cannot run: {reason}")
            return
        window_m = STRAIN_WINDOW_M if self._state.method is None else self._state.method.strain_window_m
        self._apply(strain_method=name, strain_parameters=read_in(method.params, window_m))
        if self._state.run is None and self._tracked(self._state.settings) is not None:
            self.start()

    def set_strain_parameters(self, parameters: Parameters) -> None:
        """Set the strain filter's parameters; displacements that are there are only filtered anew, which is quick."""
        self._apply(strain_parameters=parameters)
        if self._state.run is None and self._tracked(self._state.settings) is not None:
            self.start()

    def set_preparation(self, preparation: Parameters) -> None:
        """Set what happens to the RF before the estimator."""
        if isinstance(preparation, Preparation):
            self._apply(preparation=preparation)

    def set_reference(self, frame: int) -> None:
        """Choose the reference frame."""
        recording = self._state.recording
        if recording is not None and 0 <= frame < recording.frames:
            self._apply(reference=frame)

    def set_frames(self, frames: tuple[int, ...] | None) -> None:
        """Choose the frames to estimate, as `--frames` does; None and all of them are the same."""
        recording = self._state.recording
        if recording is None:
            return
        all_frames = frames is None or len(set(frames)) == recording.frames
        self._apply(frames=None if all_frames else tuple(sorted(set(frames or ()))))

    def _shown(self) -> int:
        return self._state.frame

    def start(self) -> None:
        """Estimate strain with the present settings, or go on where a cancelled run stopped."""
        state = self._state
        if state.recording is None:
            return
        if not state.methods:
            self._start_when_ready = True
            return
        if state.recording.frames < 2:
            self.failed.emit(f"{state.recording.sequence.name} holds one frame: strain needs at least two.")
            return
        if state.run is not None and (state.run.status in {"running", "complete"} or state.run.from_file):
            return
        if not state.recording.sequence.has_rf:
            state.set_notice("Nothing can be estimated: the recording of this result was not found.")
            return
        self.cancel()
        run = state.run
        if run is None:
            method = state.method
            run = state.add_run(
                method_title(method.title if method else state.settings.method, state.settings.parameters)
            )
        else:
            state.set_run_status(run, "running")
        self._submit(run)

    def start_beside(self, run: Run, failed: Callable[[str], None]) -> None:
        """Estimate a run that is not shown, as for a comparison, while nothing else runs; `failed` hears of errors."""
        self._state.set_run_status(run, "running")
        self._submit(run, failed)

    def cancel(self) -> None:
        """Stop the run; frames that are done stay."""
        if self._job is not None:
            job, self._job = self._job, None
            self._jobs.engine.cancel(job)

    @property
    def device(self) -> Device:
        """Where the next run is computed; for features that compute for themselves."""
        return self._device

    def is_running(self) -> bool:
        """Say whether a run is under way."""
        return self._running is not None

    def _tracked(self, settings: Settings) -> Run | None:
        """Find a complete run that differs in its strain filter alone."""
        for run in self._state.runs.values():
            same = replace(
                run.settings, strain_method=settings.strain_method, strain_parameters=settings.strain_parameters
            )
            if run.status == "complete" and run.settings != settings and same == settings:
                return run
        return None

    def _submit(self, run: Run, failed: Callable[[str], None] | None = None) -> None:
        recording = self._state.recording
        assert recording is not None
        tracked = self._tracked(run.settings)
        run.from_file = tracked is not None and tracked.from_file
        work = (
            partial(self._engine.estimate, recording.sequence, run.settings, run.store, self._device, self._shown)
            if tracked is None
            else partial(self._engine.filter_again, tracked.store, run.settings, run.store, self._device)
        )
        if self.prepare is not None and not run.from_file:
            work = partial(_unless_there, partial(self.prepare, run), work)
        work = partial(_telling_of_what_is_there, run.store, work)
        self._running = run
        self._clock = None
        self._state.set_activity(Activity(f"Estimating strain: {run.title}"))
        callbacks = Callbacks(
            done=partial(self._finished, run),
            failed=partial(self._run_failed, run, failed or self.failed.emit),
            cancelled=partial(self._cancelled, run),
            item=partial(self._item, run),
            progress=partial(self._progress, run),
        )
        self._job = self._jobs.engine.submit(work, callbacks, slot="run")

    def _apply(self, **changes: object) -> None:
        self._change_to(replace(self._state.settings, **changes))  # type: ignore[arg-type]

    def _change_to(self, settings: Settings) -> None:
        self._state.set_settings(settings)
        if self._running is not None and self._state.run is not self._running:
            self.cancel()

    def _methods_loaded(self, catalog: Catalog) -> None:
        usable = {entry.name: entry for entry in catalog.methods if not entry.unavailable}
        wanted = (self._wanted_method, catalog.default, *usable)
        name = next((entry for entry in wanted if entry in usable), "")
        self._default = name
        self._state.set_activity(None)
        self._devices.set_accelerator(catalog.accelerator)
        self._state.set_methods(catalog.methods, catalog.strain_methods)
        if name:
            read_out = read_in(type(catalog.strain_parameters), usable[name].strain_window_m)
            self._apply(method=name, parameters=usable[name].params(), strain_parameters=read_out)
        else:
            self._apply(strain_parameters=catalog.strain_parameters)
        if name:
            self._take_kept()
        if self._start_when_ready:
            self._start_when_ready = False
            self.start()

    def _device_changed(self) -> None:
        """Take the device for the runs to come; the one under way stays where it is."""
        if self._device.name != self._devices.chosen:
            self._device = Device(self._devices.chosen)

    def _methods_failed(self, error: BaseException) -> None:
        self._state.set_activity(None)
        self.failed.emit(f"The methods could not be loaded: {error}")

    def _item(self, run: Run, value: object) -> None:
        if isinstance(value, Fallback):
            self._state.set_notice(value.words)
        elif isinstance(value, Begun) and self._state.activity is not None:
            self._state.set_activity(replace(self._state.activity, frame=value.frame))
        elif isinstance(value, int):
            self._state.tell_estimate(run, value)

    def _progress(self, run: Run, done: int, total: int) -> None:
        if done == 0 or self._clock is None:
            self._clock = done, monotonic()
        before, since = self._clock
        each_s = (monotonic() - since) / (done - before) if done > before else math.nan
        frame = None if self._state.activity is None else self._state.activity.frame
        self._state.set_activity(Activity(f"Estimating strain: {run.title}", done, total, frame, each_s))

    def _finished(self, run: Run, device: str) -> None:
        run.device = device
        self._end(run)
        self._state.set_run_status(run, "complete")
        self._state.set_notice(f"{run.title}: {counted(len(run.store.frames()))} {run.how}.")
        recording = self._state.recording
        warnings = [depth_warning(recording.sequence, run.settings) if recording else "", unused_warning(run.settings)]
        if said := "; ".join(filter(None, warnings)):
            self._state.set_notice(f"{said}.")

    def _cancelled(self, run: Run) -> None:
        self._end(run)
        self._state.set_run_status(run, "cancelled")
        changed = ", since the settings were changed" if self._state.run is not run else ""
        self._state.set_notice(f"{run.title}: cancelled after {counted(len(run.store.frames()))}{changed}.")

    def _run_failed(self, run: Run, tell: Callable[[str], None], error: BaseException) -> None:
        self._end(run)
        self._state.set_run_status(run, "failed")
        tell(in_words(error))

    def _end(self, run: Run) -> None:
        if self._running is run:
            self._running = None
            self._job = None
            self._state.set_activity(None)

    def _delete(self, store: RunStore) -> None:
        self._jobs.numbers.submit(partial(_delete_store, store))

    def _forget_run(self) -> None:
        """Stop the run of a recording that is gone, and tell nothing of it any more."""
        job, self._job = self._job, None
        if job is not None:
            self._jobs.engine.cancel(job)
        self._running = None
        self._start_when_ready = False


def _telling_of_what_is_there(store: RunStore, work: Callable[[JobControl], str], control: JobControl) -> str:
    """Do the work, after telling every frame in the store: what a cancelled job brought last was never told."""
    for frame in store.frames():
        control.item(frame)
    return work(control)


def _unless_there(there: Callable[[JobControl], bool], work: Callable[[JobControl], str], control: JobControl) -> str:
    """Do the work, unless its results are there already; return the device's name, empty without any."""
    return "" if there(control) else work(control)


def _delete_store(store: RunStore, _control: JobControl) -> None:
    store.delete()


def in_words(error: BaseException) -> str:
    """One line for the user from any error; the trace of one that nobody foresaw is in the log by then."""
    known = explanation(error)
    if known is not None:
        return known
    text = one_line(str(error)) or "unknown error"
    return f"{text} ({type(error).__name__}); its trace is in {log_path()}"
