"""Show the strain of a result file as a run that is complete, and step through those of a folder or of a table."""

from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Slot

from app.controllers.commands import Commands
from app.controllers.processing import in_words
from app.controllers.reading import OpenedFile
from app.features.results.state import ResultListState
from app.jobs import Callbacks, JobControl
from app.state import OpenRecording, Run
from app.state.kept_settings import settings_of_result
from app.state.run_store import RunStore
from engine.types import Result


class ResultFilesController(QObject):
    """From an opened result to a run; it waits for the methods, whose parameters name the run."""

    def __init__(self, commands: Commands) -> None:
        super().__init__(commands.parent)
        self._commands, self._state = commands, commands.state
        self._list = commands.state.slice(ResultListState)
        self._waiting: tuple[OpenRecording, Result, bool] | None = None
        commands.files.opened.connect(self._opened)
        self._state.methods_changed.connect(self._show_soon)

    def step(self, by: int) -> None:
        """Open the result so many places further in the list."""
        path = self._list.beside(by)
        if path is not None:
            self.open(path)

    def can_step(self, by: int) -> bool:
        """Say whether there is one."""
        return self._list.beside(by) is not None

    def open(self, path: Path) -> None:
        """Open one result of the list; the list stays."""
        self._commands.files.open((path,), listed=self._list.words)

    @Slot(object)
    def _opened(self, opened: OpenedFile) -> None:
        result, recording = opened.result, self._state.recording
        self._list.show(opened.listed, None if result is None else result.path)
        self._waiting = None
        if result is not None and recording is not None:
            self._waiting = recording, result, opened.kept is None
            self._show_soon()

    @Slot()
    def _show_soon(self) -> None:
        """Come after all that the opening of a recording, or the loading of methods, has brought about."""
        if self._waiting is not None and self._state.methods:
            QTimer.singleShot(0, self, self._show)

    @Slot()
    def _show(self) -> None:
        state, waiting = self._state, self._waiting
        self._waiting = None
        if waiting is None or state.recording is not waiting[0] or not state.methods:
            return
        recording, result, is_new = waiting
        if is_new:
            self._commands.playback.show_frame(result.deformed_frames[0])
        settings, notes = settings_of_result(result, state.methods, state.strain_methods, recording.frames)
        title = next((entry.title for entry in state.methods if entry.name == settings.method), settings.method)
        state.set_settings(settings)
        name = "a file" if result.path is None else result.path.name
        run = state.add_run(f"{title} ({name})", settings, "waiting", from_file=True)
        callbacks = Callbacks(
            done=partial(self._filled, run), failed=partial(self._failed, run), item=partial(state.tell_estimate, run)
        )
        self._commands.jobs.results.submit(partial(_fill, result, run.store, state.frame), callbacks, slot="result")
        if notes:
            state.set_notice(notes)

    def _filled(self, run: Run, _nothing: None) -> None:
        self._state.set_run_status(run, "complete")

    def _failed(self, run: Run, error: BaseException) -> None:
        self._state.set_run_status(run, "failed")
        self._commands.files.failed.emit(in_words(error))


def _fill(result: Result, store: RunStore, first: int, control: JobControl) -> None:
    """Read a result, the shown frame before the others."""
    rows = sorted(range(len(result.deformed_frames)), key=lambda row: abs(result.deformed_frames[row] - first))
    for done, row in enumerate(rows):
        control.check()
        store.add(result.read_frame(row))
        control.item(result.deformed_frames[row])
        control.progress(done + 1, len(rows))
