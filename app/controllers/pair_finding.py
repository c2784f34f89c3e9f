"""Look for the frames that are worth comparing, off the GUI thread."""

from functools import partial

from PySide6.QtCore import QObject, Signal, Slot

from app.controllers.commands import Commands
from app.controllers.processing import in_words
from app.jobs import Callbacks, JobControl
from app.state import Activity
from engine.interruption import interrupted_by
from engine.pair_finder import PairReport, find_pairs
from engine.types import RFSequence

FINDING = "Looking for pairs of frames"


def look_through(sequence: RFSequence, control: JobControl) -> PairReport:
    """Find pairs of a recording."""
    with interrupted_by(control.cancelled):
        return find_pairs(sequence, progress=control.progress, cancelled=control.cancelled)


class PairFinding(QObject):
    """Asks for the pairs of the open recording and says what was found."""

    found = Signal(object)
    """PairReport of the open recording."""
    changed = Signal()

    def __init__(self, commands: Commands) -> None:
        super().__init__(commands.parent)
        self._state, self._jobs, self._job = commands.state, commands.jobs, 0
        self._state.recording_changed.connect(self._forget)

    def is_running(self) -> bool:
        """Say whether pairs are being looked for."""
        return bool(self._job)

    def cancel(self) -> None:
        """Stop looking."""
        if self._job:
            self._jobs.engine.cancel(self._job)

    def find(self) -> None:
        """Look through the open recording."""
        recording = self._state.recording
        if recording is None or self.is_running() or not recording.sequence.has_rf:
            return
        callbacks = Callbacks(
            done=partial(self._done, recording.number),
            failed=lambda error: self._end(in_words(error)),
            cancelled=partial(self._end, ""),
            progress=self._progress,
        )
        self._job = self._jobs.engine.submit(partial(look_through, recording.sequence), callbacks, slot="pairs")
        self._state.set_activity(Activity(FINDING))
        self.changed.emit()

    def _progress(self, done: int, total: int) -> None:
        self._state.set_activity(Activity(FINDING, done, total))

    def _done(self, recording: int, report: PairReport) -> None:
        self._end("; ".join(report.words()))
        if self._state.recording is not None and self._state.recording.number == recording:
            self.found.emit(report)

    def _end(self, words: str) -> None:
        self._job = 0
        self._state.set_activity(None)
        if words:
            self._state.set_notice(f"{words[0].upper()}{words[1:]}.")
        self.changed.emit()

    @Slot()
    def _forget(self) -> None:
        if self._job:
            self.cancel()
            self._job = 0
            self.changed.emit()
