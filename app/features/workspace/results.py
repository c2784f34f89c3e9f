"""Results on disk: shown as soon as a recording is opened or a method is chosen, filled as estimates come.

Everything that touches a file runs on a worker. A run that is on disk as a whole is complete at once; of one that is
there in part, estimating goes on where it stood.
"""

import threading
from dataclasses import dataclass, field
from functools import partial

from PySide6.QtCore import QObject, QTimer, Slot

from app.controllers.commands import Commands
from app.features.log.state import LogState
from app.jobs import Callbacks, JobControl
from app.places import results_folder, workspace_folder
from app.state import OpenRecording, Run
from app.state.run_store import RunStore
from engine.cache import KeptRun, ResultCache
from engine.errors import CancelledError, StrainscopeError
from engine.files.atomic import remove_left_behind
from engine.pipeline import Settings, wanted_frames
from engine.provenance import method_title
from engine.types import RFSequence


@dataclass(frozen=True)
class Lookup:
    """Where the runs of one recording are kept; worked out once for each settings, as it reads frames.

    `filling` is held by who fills a store: the worker that shows a run and a run that is about to be estimated may both
    want to, and the second finds all frames there.
    """

    cache: ResultCache
    sequence: RFSequence
    filling: threading.Lock = field(default_factory=threading.Lock)
    _found: dict[Settings, KeptRun | None] = field(default_factory=dict)

    def run(self, settings: Settings, control: JobControl) -> KeptRun | None:
        """Return the place of a run; None where its settings cannot run here."""
        if settings not in self._found:
            try:
                self._found[settings] = self.cache.run(self.sequence, settings, control.cancelled)
            except CancelledError:
                raise
            except StrainscopeError:
                self._found[settings] = None
        return self._found[settings]


class ResultsController(QObject):
    """Brings the state's runs and the folder of results together."""

    def __init__(self, commands: Commands) -> None:
        super().__init__(commands.parent)
        self._state, self._preferences = commands.state, commands.preferences
        self._worker = commands.jobs.results
        self._of_recording: Lookup | None = None
        self._asked: set[Settings] = set()
        self._filling: dict[int, int] = {}
        self._warned = False
        self._soon = QTimer(self, singleShot=True)
        self._soon.setInterval(0)  # a restored workspace is whole before anybody looks
        self._soon.timeout.connect(self._look)
        commands.processing.prepare = self._prepare
        self._state.recording_changed.connect(self._recording_changed)
        for signal in (self._state.settings_changed, self._state.runs_changed):
            signal.connect(self._soon.start)
        self._state.estimate_arrived.connect(self._keep)

    @property
    def cache(self) -> ResultCache:
        """The folder of results with its limit."""
        return ResultCache(results_folder(), self._preferences.results_limit_gb * 1e9)

    def trim(self) -> None:
        """Remove what is beyond the limit, and what killed programs left half-written."""
        self._worker.submit(partial(_trim, self.cache), slot="trim")

    def clear(self) -> str:
        """Empty the folder of results; the words say so at once, the deleting takes its time."""
        self._worker.submit(partial(_clear, self.cache))
        return "Results: none are kept any more"

    @Slot()
    def _recording_changed(self) -> None:
        for job in list(self._filling.values()):
            self._worker.cancel(job)
        self._filling.clear()
        self._asked.clear()
        recording = self._state.recording
        keyed = recording is not None and bool(recording.key)
        self._of_recording = Lookup(self.cache, recording.sequence) if recording is not None and keyed else None

    @property
    def _lookup(self) -> Lookup | None:
        return None if self._preferences.keep_nothing else self._of_recording

    # -- from disk --------------------------------------------------------------------------------------------------

    @Slot()
    def _look(self) -> None:
        """Ask whether the shown run, and others that wait, are on disk."""
        state, lookup = self._state, self._lookup
        if lookup is None or state.recording is None or not state.methods:
            return
        wanted = {settings for settings, run in state.runs.items() if run.status == "waiting" and not run.from_file}
        if state.run is None:
            wanted.add(state.settings)
        for settings in wanted - self._asked:
            self._asked.add(settings)
            callbacks = Callbacks(done=partial(self._there, state.recording, settings))
            self._worker.submit(partial(_frames_of, lookup, settings), callbacks)

    def _there(self, recording: OpenRecording, settings: Settings, frames: tuple[int, ...]) -> None:
        state = self._state
        run, lookup = state.runs.get(settings), self._lookup
        if not frames or state.recording is not recording or lookup is None:
            return
        if run is None and settings == state.settings and state.method is not None:
            run = state.add_run(method_title(state.method.title, settings.parameters), settings, "waiting")
        if run is None or run.status != "waiting" or run.from_file:
            return
        callbacks = Callbacks(
            done=partial(self._filled, run), failed=self._not_kept, item=partial(state.tell_estimate, run)
        )
        work = partial(_fill, lookup, settings, run.store, state.frame)
        self._filling[run.number] = self._worker.submit(work, callbacks)

    def _filled(self, run: Run, complete: bool) -> None:
        self._filling.pop(run.number, None)
        if complete and run.status == "waiting":
            self._state.set_run_status(run, "complete")
            self._state.set_notice(f"{run.title}: {len(run.store.frames())} frames, estimated before.")

    def _prepare(self, run: Run, control: JobControl) -> bool:
        """Fetch what is on disk of a run that is about to be estimated; say whether that is all of it."""
        lookup = self._lookup
        return lookup is not None and _fill(lookup, run.settings, run.store, self._state.frame, control)

    # -- to disk ----------------------------------------------------------------------------------------------------

    @Slot(int, int)
    def _keep(self, number: int, frame: int) -> None:
        run = next((run for run in self._state.runs.values() if run.number == number), None)
        if run is not None and not run.from_file and self._lookup is not None and number not in self._filling:
            work = partial(_write, self._lookup, run.settings, run.store, frame)
            self._worker.submit(work, Callbacks(failed=self._not_kept))

    def _not_kept(self, error: BaseException) -> None:
        if not self._warned:
            self._warned = True
            self._state.slice(LogState).add("warning", f"Results are not kept for the next time: {error}")


def _frames_of(lookup: Lookup, settings: Settings, control: JobControl) -> tuple[int, ...]:
    kept = lookup.run(settings, control)
    return () if kept is None else kept.frames()


def _fill(lookup: Lookup, settings: Settings, store: RunStore, first: int, control: JobControl) -> bool:
    """Read a run from disk, the shown frame before the others; say whether every wanted frame is there then."""
    kept = lookup.run(settings, control)
    if kept is None:
        return False
    frames = kept.frames()
    if frames:
        kept.touch()
    wanted = set(wanted_frames(lookup.sequence, settings))
    with lookup.filling:
        for frame in sorted(wanted.intersection(frames), key=lambda frame: (abs(frame - first), frame)):
            control.check()
            estimate = None if frame in store else kept.read(frame)
            if estimate is not None:
                store.add(estimate)
                control.item(frame)
    return wanted.issubset(store.frames())


def _write(lookup: Lookup, settings: Settings, store: RunStore, frame: int, control: JobControl) -> None:
    kept = lookup.run(settings, control)
    if kept is not None and frame in store:
        kept.write(store.read(frame))


def _trim(cache: ResultCache, _control: JobControl) -> None:
    for folder in (cache.folder, workspace_folder()):
        remove_left_behind(folder)
    cache.trim()


def _clear(cache: ResultCache, _control: JobControl) -> None:
    cache.clear()
