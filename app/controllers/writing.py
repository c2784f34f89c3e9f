"""What every export has in common: one job that writes a file, whose end, error or cancellation is told."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from PySide6.QtCore import QObject, Signal

from app.controllers.processing import in_words
from app.jobs import Answers, JobControl, Lane
from app.state import Activity, ViewerState

PREVIEW_DPI = 110


class WritingController(QObject):
    """Writes files off the window's thread, and says where they went."""

    failed = Signal(str)
    written = Signal(str)
    previewed = Signal(bytes)

    def __init__(self, state: ViewerState, lane: Lane, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._lane = lane
        self._job: int | None = None

    def is_running(self) -> bool:
        """Say whether a file is being written."""
        return self._job is not None

    def cancel(self) -> None:
        """Stop writing; the target stays as it was."""
        if self._job is not None:
            self._lane.cancel(self._job)

    def _write(self, work: Callable[[JobControl], None], path: Path) -> None:
        """Write a file; `work` does it."""
        answers = Answers(
            done=partial(self._done, path), failed=self._failed, cancelled=self._end, progress=self._progress
        )
        self._job = self._lane.submit(work, answers)
        self._state.set_activity(Activity(f"Writing {path.name}"))

    def _preview(self, draw: Callable[[Path], None]) -> None:
        """Have a small PNG drawn for a dialog; the last request wins."""
        answers = Answers(done=self.previewed.emit, failed=self._failed)
        self._lane.submit(partial(_drawn, draw), answers, slot="preview")

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
        if self._job is not None:
            self._job = None
            self._state.set_activity(None)


def _drawn(draw: Callable[[Path], None], _control: JobControl) -> bytes:
    with TemporaryDirectory(prefix="strainscope-") as folder:
        path = Path(folder) / "preview.png"
        draw(path)
        return path.read_bytes()
