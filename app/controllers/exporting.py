"""Write figures, tables and results, off the GUI thread, from the same numbers that are shown."""

from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.controllers.processing import in_words
from app.jobs import Answers, JobControl, Jobs
from app.run_store import RunStore
from app.state import Activity, ViewerState
from engine.export.result_file import ResultWriter
from engine.pipeline import Settings
from engine.provenance import make_provenance
from engine.types import RFSequence


class ExportController(QObject):
    """Turns export requests into jobs; says where the file went."""

    failed = Signal(str)
    written = Signal(str)

    def __init__(self, state: ViewerState, jobs: Jobs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._lane = jobs.files

    def save_result(self, path: Path) -> None:
        """Write every estimated frame of the shown run to one file."""
        state = self._state
        if state.recording is None or state.run is None or not state.run.store.frames():
            self.failed.emit("There is no strain to save yet: estimate strain first.")
            return
        work = partial(write_result, path, state.recording.sequence, state.run.settings, state.run.store)
        self._submit(work, path)

    def _submit(self, work: partial[None], path: Path) -> None:
        self._state.set_activity(Activity(f"Writing {path.name}"))
        answers = Answers(
            done=partial(self._done, path), failed=self._failed, cancelled=self._end, progress=self._progress
        )
        self._lane.submit(work, answers)

    def _progress(self, done: int, total: int) -> None:
        if self._state.activity is not None:
            self._state.set_activity(Activity(self._state.activity.title, done, total))

    def _done(self, path: Path, _value: object) -> None:
        self._end()
        self._state.set_notice(f"Written: {path}")
        self.written.emit(str(path))

    def _failed(self, error: BaseException) -> None:
        self._end()
        self.failed.emit(in_words(error))

    def _end(self) -> None:
        self._state.set_activity(None)


def write_result(path: Path, sequence: RFSequence, settings: Settings, store: RunStore, control: JobControl) -> None:
    """Copy a run's store into a result file, frame by frame."""
    frames = store.frames()
    provenance = make_provenance(sequence, settings, control.cancelled)
    with ResultWriter(path, sequence.shape, sequence.geometry, settings.reference, frames, provenance) as writer:
        for done, frame in enumerate(frames):
            control.check()
            writer.append(store.read(frame))
            control.progress(done + 1, len(frames))
