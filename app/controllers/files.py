"""Open recordings off the GUI thread; ask for what a file does not say; keep the open recording on any error."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from importlib.resources import as_file, files
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.controllers.processing import in_words
from app.jobs import Answers, JobControl, Jobs
from app.preferences import Preferences
from app.state import Activity, Regions, ViewerState
from app.state.geometry_answer import GeometryAnswer
from app.state.workspace_file import Workspace
from app.state.workspace_store import WorkspaceStore
from engine.errors import StrainscopeError
from engine.files.hdf5_reading import root_attribute
from engine.readers.base import REQUIRED, ReadOptions, Recording
from engine.readers.open import open_recording
from engine.recording_key import recording_key
from engine.types import Ellipse, Geometry

DEMO = ("resources", "examples", "demo.h5")


@dataclass(frozen=True)
class Given:
    """A workspace from a file, to be applied to the recording that is opened; `name` is the file's."""

    name: str
    workspace: Workspace


@dataclass(frozen=True)
class OpenedFile:
    """A file that could be opened, what the user said about it, what is kept of it, and the regions it brings along.

    `key` is the recording's as it was read; `asked_key`, under which the answer is remembered, is that of the file
    read without any choice of array or axes.
    """

    paths: tuple[Path, ...]
    key: str
    asked_key: str
    recording: Recording
    answer: GeometryAnswer | None
    suggested: dict[str, float]
    regions: Regions
    kept: Workspace | None = None
    given: Given | None = None
    first_frame: int | None = None


class FilesController(QObject):
    """From paths to an open recording."""

    failed = Signal(str)
    geometry_needed = Signal(object)
    """(OpenedFile): the window asks the user and calls `answer`."""
    opened = Signal(object)
    """(OpenedFile): the recording is open, and nothing of its workspace is restored yet."""

    def __init__(self, state: ViewerState, jobs: Jobs, preferences: Preferences, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._lane = jobs.files
        self._preferences = preferences
        self.store = WorkspaceStore(keep_nothing=preferences.keep_nothing)
        self._source: OpenedFile | None = None
        self._job: int | None = None

    def open(self, paths: tuple[Path, ...], answer: GeometryAnswer | None = None, given: Given | None = None) -> None:
        """Open files or a folder as one recording, with what the user said about them just now if that was asked."""
        if not paths:
            return
        answers = Answers(done=self._read, failed=self._failed, cancelled=self._cancelled)
        self._job = self._lane.submit(partial(self._open, tuple(paths), answer, given), answers, slot="open")
        name = paths[0].name if len(paths) == 1 else f"{len(paths)} files"
        self._state.set_activity(Activity(f"Opening {name}"))

    @property
    def source(self) -> OpenedFile | None:
        """The files of the open recording, with what the user said about them; None where it came from no file."""
        return self._source if self._state.recording is not None else None

    def is_running(self) -> bool:
        """Say whether a file is being opened."""
        return self._job is not None

    def cancel(self) -> None:
        """Stop opening; what is open stays."""
        if self._job is not None:
            self._lane.cancel(self._job)

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
        self._lane.submit(partial(_clear, self.store))
        return "Regions and settings: none are kept any more"

    def edit_geometry(self) -> None:
        """Ask again for the geometry of the open recording."""
        if self._source is not None:
            self.geometry_needed.emit(self._source)

    def can_edit_geometry(self) -> bool:
        """Say whether the open recording came from a file."""
        return self._source is not None and self._state.recording is not None

    def answer(self, opened: OpenedFile, answer: GeometryAnswer | None) -> None:
        """Take the user's answer; None leaves everything as it was."""
        if answer is None:
            self._state.set_activity(None)
            return
        self.open(opened.paths, answer, opened.given)

    def suggest(
        self, opened: OpenedFile, values: dict[str, float], receive: Callable[[dict[str, float]], None]
    ) -> None:
        """Measure from the RF what it can tell, now that the user has given these values."""
        if opened.recording.costly:
            return
        self._lane.submit(partial(_suggest, opened.recording, values), Answers(done=receive), slot="suggest")

    def _open(
        self, paths: tuple[Path, ...], answer: GeometryAnswer | None, given: Given | None, control: JobControl
    ) -> OpenedFile:
        """Open and look; runs on the files' thread."""
        recording = open_recording(paths)
        key = asked_key = recording_key(recording, control.cancelled)
        if answer is None and given is not None and given.workspace.geometry is not None:
            answer = given.workspace.geometry.answer()
        if answer is None:
            answer = self.store.recall(asked_key)
        else:
            self.store.remember(asked_key, answer)
        if answer is not None and answer.options != ReadOptions():
            recording = open_recording(paths, answer.options)
            key = recording_key(recording, control.cancelled)
        suggested = dict(recording.suggestions(answer.values if answer else None))
        regions, frame = _bundled_regions(recording.paths), _bundled_frame(recording)
        kept = self.store.get(key)
        return OpenedFile(paths, key, asked_key, recording, answer, suggested, regions, kept, given, frame)

    def _read(self, opened: OpenedFile) -> None:
        self._end()
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
        before = self._state.recording
        same = before is not None and before.key == opened.key
        self._state.recording_closing.emit()
        self._source = replace(opened, kept=None, given=None)
        self._preferences.add_recent(opened.paths)
        self._state.set_recording(sequence, opened.key)
        self.opened.emit(replace(opened, kept=self.store.in_memory(opened.key, written=same) or opened.kept))
        for note in opened.recording.notes:
            self._state.set_notice(note)

    def _failed(self, error: BaseException) -> None:
        self._end()
        self.failed.emit(in_words(error))

    def _cancelled(self) -> None:
        self._end()
        self._state.set_notice("Opening was cancelled.")

    def _end(self) -> None:
        self._job = None
        self._state.set_activity(None)


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


def _bundled_regions(paths: tuple[Path, ...]) -> Regions:
    """Regions that a recording of our own format carries as attributes, as the demo does."""
    if len(paths) != 1:
        return Regions()
    # Through the reader's door: a second way of opening a file that another thread reads would fail.
    return Regions(*(_ellipse(root_attribute(paths[0], name)) for name in ("demo_target", "demo_background")))


def _bundled_frame(recording: Recording) -> int | None:
    """Frame at which a recording of our own format is to be opened, as the demo is at its best."""
    value = root_attribute(recording.paths[0], "demo_frame") if len(recording.paths) == 1 else None
    try:
        frame = int(value)  # type: ignore[call-overload]
    except (TypeError, ValueError):
        return None
    return frame if 0 <= frame < recording.shape[0] else None


def _ellipse(values: object) -> Ellipse | None:
    try:
        return Ellipse(*(float(value) for value in values))  # type: ignore[attr-defined]
    except (TypeError, ValueError, StrainscopeError):
        return None
