"""What every export has in common: one job that writes a file, whose end, error or cancellation is told."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from PySide6.QtCore import QObject, Signal

from app.controllers.processing import in_words
from app.jobs import Callbacks, JobControl, Worker
from app.state import Activity, ViewerState
from engine.errors import StrainscopeError
from engine.files.atomic import keep_sources

PREVIEW_DPI = 110


@dataclass(eq=False)
class _Writing:
    """A file that is being written, or waits for its turn."""

    path: Path
    job: int = 0


class WritingController(QObject):
    """Writes files off the window's thread, and says where they went."""

    failed = Signal(str)
    written = Signal(str)
    previewed = Signal(bytes)

    def __init__(self, state: ViewerState, worker: Worker, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._worker = worker
        self._writings: list[_Writing] = []

    def is_running(self) -> bool:
        """Say whether a file is being written."""
        return bool(self._writings)

    def cancel(self) -> None:
        """Stop writing; the targets stay as they were."""
        for writing in tuple(self._writings):
            self._worker.cancel(writing.job)

    def _write(self, work: Callable[[JobControl], None], path: Path) -> None:
        """Write a file; `work` does it. The recording itself is never written over."""
        recording = self._state.recording
        try:
            keep_sources(path, () if recording is None else recording.sequence.files)
        except StrainscopeError as error:
            self.failed.emit(str(error))
            return
        writing = _Writing(path)
        callbacks = Callbacks(
            done=partial(self._done, writing),
            failed=partial(self._failed, writing),
            cancelled=partial(self._end, writing),
            progress=self._progress,
        )
        self._writings.append(writing)
        writing.job = self._worker.submit(work, callbacks)
        self._tell_activity()

    def _preview(self, draw: Callable[[Path], None]) -> None:
        """Have a small PNG drawn for a dialog; the last request wins."""
        callbacks = Callbacks(done=self.previewed.emit, failed=self._preview_failed)
        self._worker.submit(partial(_drawn, draw), callbacks, slot="preview")

    def _progress(self, done: int, total: int) -> None:
        if self._state.activity is not None:
            self._state.set_activity(Activity(self._state.activity.title, done, total))

    def _done(self, writing: _Writing, _value: object) -> None:
        self._end(writing)
        self._state.set_notice(f"Written: {writing.path}")
        self.written.emit(str(writing.path))

    def _failed(self, writing: _Writing, error: BaseException) -> None:
        self._end(writing)
        self.failed.emit(in_words(error))

    def _preview_failed(self, error: BaseException) -> None:
        self.failed.emit(in_words(error))

    def _end(self, writing: _Writing) -> None:
        self._writings.remove(writing)
        self._tell_activity()

    def _tell_activity(self) -> None:
        """Name the file that is written now: the first that was asked for."""
        first = next(iter(self._writings), None)
        self._state.set_activity(None if first is None else Activity(f"Writing {first.path.name}"))


def _drawn(draw: Callable[[Path], None], _control: JobControl) -> bytes:
    with TemporaryDirectory(prefix="strainscope-") as folder:
        path = Path(folder) / "preview.png"
        draw(path)
        return path.read_bytes()
