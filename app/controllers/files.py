"""Open recordings off the GUI thread; ask for what a file does not say; keep the open recording on any error."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from importlib.resources import as_file, files
from pathlib import Path
from types import MappingProxyType

from PySide6.QtCore import QObject, Signal

from app.controllers.one_job import OneJobController
from app.controllers.reading import Given, LayoutNeededError, OpenedFile, Unread, Wish, read_wish
from app.jobs import Callbacks, JobControl, Jobs
from app.preferences import Preferences
from app.state import ViewerState
from app.state.geometry_answer import GeometryAnswer
from app.state.workspace_store import WorkspaceStore
from engine.errors import StrainscopeError
from engine.readers.base import REQUIRED, ReadOptions, Recording
from engine.types import Geometry, RFSequence

DEMO = ("resources", "examples", "demo.h5")


class FilesController(OneJobController):
    """From paths to an open recording."""

    geometry_needed = Signal(object)
    """(OpenedFile): the window asks the user and calls `answer`."""
    layout_needed = Signal(object)
    """(Unread): the window asks how the numbers of a file without a header lie, and calls `answer_layout`."""
    rf_needed = Signal(object)
    """(OpenedFile): the recording of a result is not found; the window asks and calls `open` with or without it."""
    opened = Signal(object)
    """(OpenedFile): the recording is open, and nothing of its workspace is restored yet."""

    def __init__(self, state: ViewerState, jobs: Jobs, preferences: Preferences, parent: QObject | None = None) -> None:
        super().__init__(state, jobs.files, "open", parent)
        self._preferences = preferences
        self.store = WorkspaceStore(keep_nothing=preferences.keep_nothing)
        self._source: OpenedFile | None = None
        self._without: set[Path] = set()
        """Results that the user has said are to be shown without their recording."""
        self._wish: Wish | None = None

    def open(
        self,
        paths: tuple[Path, ...],
        answer: GeometryAnswer | None = None,
        given: Given | None = None,
        rf: tuple[Path, ...] | None = None,
        listed: Mapping[Path, str] = MappingProxyType({}),
    ) -> None:
        """Open files or a folder as one recording, a result file, a folder or a table of them; see `Wish`."""
        if not paths:
            return
        self._submit(Wish(tuple(paths), answer, given, rf, listed))

    def _submit(self, wish: Wish) -> None:
        self._wish = wish
        name = wish.paths[0].name if len(wish.paths) == 1 else f"{len(wish.paths)} files"
        work = partial(read_wish, wish, self.store)
        self._begin(work, f"Opening {name}", self._read, cancelled="Opening was cancelled.")

    @property
    def source(self) -> OpenedFile | None:
        """The files of the open recording, with what the user said about them; None where it came from no file."""
        return self._source if self._state.recording is not None else None

    def open_demo(self) -> None:
        """Open the bundled recording, with its two ellipses."""
        path = self.demo_path()
        if path is not None:
            self.open((path,))

    def demo_path(self) -> Path | None:
        """Return where the bundled recording lies; says so and returns None where it is missing."""
        with as_file(files(DEMO[0]).joinpath(*DEMO[1:])) as path:
            if path.is_file():
                return path
        self.failed.emit("The bundled example recording is missing from this installation.")
        return None

    def forget_kept(self) -> str:
        """Delete what is kept of all recordings, but of the open one what is done from now on."""
        self._worker.submit(partial(_clear, self.store))
        return "Regions and settings: none are kept any more"

    def edit_geometry(self) -> None:
        """Ask again for the geometry of the open recording."""
        if self._source is not None:
            self.geometry_needed.emit(self._source)

    def can_edit_geometry(self) -> bool:
        """Say whether the open recording came from a file."""
        return self._source is not None and self._source.result is None and self._state.recording is not None

    def answer(self, opened: OpenedFile, answer: GeometryAnswer | None) -> None:
        """Take the user's answer; None leaves everything as it was."""
        if answer is None:
            self._state.set_activity(None)
            return
        self.open(opened.paths, answer, opened.given)

    def answer_layout(self, unread: Unread, layout: str | None) -> None:
        """Open what waited for the layout of its numbers; None leaves everything as it was."""
        if layout is not None:
            self._submit(replace(unread.wish, answer=GeometryAnswer(options=ReadOptions(layout=layout))))

    def suggest(
        self, opened: OpenedFile, values: dict[str, float], receive: Callable[[dict[str, float]], None]
    ) -> None:
        """Measure from the RF what it can tell, now that the user has given these values."""
        if opened.recording.costly:
            return
        self._worker.submit(partial(_suggest, opened.recording, values), Callbacks(done=receive), slot="suggest")

    def _read(self, opened: OpenedFile) -> None:
        if opened.sequence is not None:
            if opened.sequence.has_rf or opened.without_rf or opened.paths[0] in self._without:
                self._without |= {opened.paths[0]} if opened.without_rf else set()
                self._show(opened, opened.sequence)
            else:
                self.rf_needed.emit(opened)
            return
        if opened.answer is None and needs_asking(opened.recording):
            self.geometry_needed.emit(opened)
            return
        values = dict(opened.answer.values) if opened.answer else {}
        try:
            sequence = opened.recording.complete(values, accept_suggested=opened.answer is not None)
        except StrainscopeError as error:
            if opened.answer is None:
                self.failed.emit(str(error))
            else:
                self.geometry_needed.emit(opened)
            return
        self._show(opened, sequence)

    def _show(self, opened: OpenedFile, sequence: RFSequence) -> None:
        before = self._state.recording
        same = before is not None and before.key == opened.key
        self._state.recording_closing.emit()
        self._source = replace(opened, kept=None, given=None)
        self._preferences.add_recent(opened.paths)
        self._state.set_recording(sequence, opened.key)
        self.opened.emit(replace(opened, kept=self.store.in_memory(opened.key, written=same) or opened.kept))
        for note in opened.recording.notes:
            self._state.set_notice(note)

    def _told(self, error: BaseException) -> None:
        if isinstance(error, LayoutNeededError) and self._wish is not None:
            self.layout_needed.emit(Unread(self._wish, error.paths))
        else:
            super()._told(error)


def _suggest(recording: Recording, values: dict[str, float], _control: JobControl) -> dict[str, float]:
    return dict(recording.suggestions(values))


def _clear(store: WorkspaceStore, _control: JobControl) -> None:
    store.clear()


def needs_asking(recording: Recording) -> bool:
    """Say whether a file leaves open what may not be assumed."""
    return recording.axes_assumed or any(name in recording.missing() for name in REQUIRED)


def geometry_error(values: dict[str, float]) -> str:
    """Say in words why these values make no geometry, or return an empty text."""
    try:
        Geometry(**values)  # type: ignore[arg-type]
    except StrainscopeError as error:
        return str(error)
    except TypeError:
        return ""
    return ""
