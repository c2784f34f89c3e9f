"""Look for the frames that are worth comparing, off the GUI thread."""

from functools import partial

from PySide6.QtCore import Signal, Slot

from app.controllers.commands import Commands
from app.controllers.one_job import OneJobController
from app.jobs import JobControl
from engine.interruption import interrupted_by
from engine.pair_finder import PairReport, find_pairs
from engine.types import RFSequence

FINDING = "Looking for pairs of frames"


def look_through(sequence: RFSequence, control: JobControl) -> PairReport:
    """Find pairs of a recording."""
    with interrupted_by(control.cancelled):
        return find_pairs(sequence, progress=control.progress, cancelled=control.cancelled)


class PairFinding(OneJobController):
    """Asks for the pairs of the open recording and says what was found."""

    found = Signal(object)
    """PairReport of the open recording."""

    def __init__(self, commands: Commands) -> None:
        super().__init__(commands.state, commands.jobs.engine, "pairs", commands.parent)
        self._state.recording_changed.connect(self._forget)
        self.failed.connect(self._say)

    def find(self) -> None:
        """Look through the open recording."""
        recording = self._state.recording
        if recording is None or self.is_running() or not recording.sequence.has_rf:
            return
        self._begin(partial(look_through, recording.sequence), FINDING, partial(self._done, recording.number))

    def _done(self, recording: int, report: PairReport) -> None:
        self._say("; ".join(report.words()))
        if self._state.recording is not None and self._state.recording.number == recording:
            self.found.emit(report)

    @Slot(str)
    def _say(self, words: str) -> None:
        if words:
            self._state.set_notice(f"{words[0].upper()}{words[1:]}.")

    @Slot()
    def _forget(self) -> None:
        if self._job is not None:
            self.cancel()
            self._job = None
            self.changed.emit()
