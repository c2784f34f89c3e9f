"""Keep the workspace of the open recording by itself, restore it when that is opened again, and exchange it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path, PureWindowsPath
from typing import Any

from PySide6.QtCore import QTimer, Signal, Slot

from app.controllers.commands import Commands
from app.controllers.one_job import OneJobController
from app.controllers.processing import in_words
from app.controllers.reading import Given, OpenedFile, open_as_told
from app.features.log.state import LogState
from app.features.workspace.parts import add_core_parts
from app.jobs import Callbacks, JobControl
from app.state.workspace import WorkspaceError, WorkspaceParts
from app.state.workspace_file import (
    KeptGeometry,
    Workspace,
    foreign_weights,
    is_workspace,
    load_workspace,
    places,
    save_workspace,
    seen_from,
)
from app.state.workspace_store import WorkspaceStore
from engine import __version__
from engine.errors import StrainscopeError
from engine.readers.base import ReadOptions
from engine.readers.open import open_recording
from engine.recording_key import recording_key

KEEP_AFTER_MS = 250
"""A change is written this long after it at the latest, together with those that come meanwhile, as in a drag."""

CLOSE_S = 2.0
"""How long a closing window waits for its last writing."""


@dataclass(frozen=True)
class Found:
    """A workspace file that was read, and where its recording lies: nowhere, or `is_other` where another one lies."""

    path: Path
    workspace: Workspace
    recording: tuple[Path, ...] = ()
    is_other: bool = False


class WorkspaceController(OneJobController):
    """The open recording's workspace."""

    place_needed = Signal(object)
    """(Found): its recording is nowhere to be found; the window asks and calls `look_in`, or nothing."""
    other_found = Signal(object)
    """(Found): another recording lies there; the window asks and calls `open_with`, `look_in` or nothing."""

    def __init__(self, commands: Commands) -> None:
        super().__init__(commands.state, commands.jobs.files, "workspace", commands.parent)
        self._commands = commands
        self._store = commands.files.store
        self._parts = commands.state.slice(WorkspaceParts)
        self._kept: Mapping[str, Any] = {}
        self._busy = self._warned = False
        self._soon = QTimer(self, singleShot=True, interval=KEEP_AFTER_MS)
        self._soon.timeout.connect(self.keep)
        add_core_parts(commands)
        self._parts.changed.connect(self._keep_soon)
        for signal in (self._state.frame_changed, self._state.playing_changed):
            signal.connect(self._frame_changed)
        self._state.recording_closing.connect(self.keep)
        commands.files.opened.connect(self._opened)

    # -- kept by itself ---------------------------------------------------------------------------------------------

    @Slot()
    def keep(self) -> None:
        """Write the workspace, if it is other than what was written last."""
        self._soon.stop()
        workspace = None if self._busy else self.present()
        if workspace is None or workspace.parts == self._kept:
            return
        self._kept = workspace.parts
        self._store.put(workspace)
        work = partial(_write, self._store, workspace.key)
        self._commands.jobs.keeping.submit(work, Callbacks(failed=self._not_kept), slot=workspace.key)

    def warm_up(self) -> None:
        """Get the checks of workspaces ready before the first recording is opened."""
        self._commands.jobs.keeping.submit(partial(_warm_up, self._parts))

    def close(self) -> None:
        """Keep what has just changed before the window goes."""
        self.keep()
        self._commands.jobs.keeping.drain(CLOSE_S)

    def present(self) -> Workspace | None:
        """Return the workspace as it is now; None without a recording that came from files."""
        recording, opened = self._state.recording, self._commands.files.source
        if recording is None or opened is None or opened.key != recording.key:
            return None
        return Workspace(
            program_version=__version__,
            key=opened.key,
            paths=tuple(str(path.absolute()) for path in recording.sequence.paths) if recording.sequence.has_rf else (),
            geometry=None if opened.answer is None else KeptGeometry.of(opened.answer),
            parts=self._parts.take(),
        )

    @Slot()
    def _keep_soon(self) -> None:
        if not self._soon.isActive() and not self._busy:
            self._soon.start()

    @Slot()
    def _frame_changed(self) -> None:
        """Pass over the frames of a cine: the one at which it stops counts."""
        if not self._state.playing:
            self._keep_soon()

    def _not_kept(self, error: BaseException) -> None:
        self._kept = {}
        if not self._warned:
            self._warned = True
            words = f"What is drawn and set here is not kept: {in_words(error)}"
            self._state.slice(LogState).add("warning", words)
            self._state.set_notice(words)

    @Slot(object)
    def _opened(self, opened: OpenedFile) -> None:
        """Restore what is kept of the recording, or begin afresh; then apply what was opened with it, as one step."""
        kept = _first_parts(opened) if opened.kept is None else opened.kept.parts
        self._restore(kept)
        self._kept = self._parts.take()
        if opened.sequence is not None:
            self._kept = {}  # where the recording of a result lies is worth keeping
            self._keep_soon()
        if opened.given is not None:
            given = opened.given.workspace.parts
            self._step({name: given.get(name, {}) for name in self._kept}, f"opening of {opened.given.name}")
            self._state.set_notice(f"{opened.given.name} opened. Undo brings back what was here before.")

    def _restore(self, kept: Mapping[str, Any]) -> None:
        self._tell(self._change(lambda: self._parts.restore(kept)))

    def _apply(self, kept: Mapping[str, Any]) -> None:
        self._tell(self._change(lambda: self._parts.apply(kept)))
        self._keep_soon()

    def _change(self, change: Any) -> list[str]:
        self._busy = True
        try:
            problems: list[str] = change()
        finally:
            self._busy = False
        return problems

    def _tell(self, problems: list[str]) -> None:
        for problem in problems:
            self._state.slice(LogState).add("warning", f"Not restored: {problem}")
        if problems:
            self._state.set_notice(f"Not all that was kept of this recording could be restored: {problems[0]}")

    # -- commands ---------------------------------------------------------------------------------------------------

    def can_save(self) -> bool:
        """Say whether a recording from files is open."""
        return self._state.recording is not None and self._commands.files.source is not None

    def start_afresh(self) -> None:
        """Bring everything into the state of a recording that was never opened, as one step."""
        source = self._commands.files.source
        if source is not None:
            first: dict[str, Any] = {name: {} for name in self._parts.take()} | _first_parts(source)
            self._step(first, "fresh start")

    def save_copy(self, path: Path) -> None:
        """Write the workspace to a file that can be given away."""
        workspace = self.present()
        if workspace is None:
            return
        work = partial(_save, seen_from(workspace, path.parent), path)
        callbacks = Callbacks(done=lambda _: self._state.set_notice(f"Saved: {path.name}"), failed=self._told)
        self._worker.submit(work, callbacks)

    def take_from(self, paths: tuple[Path, ...]) -> None:
        """Take regions and settings from what is kept of another recording, or from a workspace file, as one step."""
        self._begin(partial(_kept_of, self._store, paths), "", partial(self._taken, paths[0].name))

    def _taken(self, name: str, workspace: Workspace | None) -> None:
        if workspace is None:
            self.failed.emit(f"Nothing is kept of {name}: no regions were drawn on it here.")
        elif self._state.recording is not None:
            self._step(self._parts.travelling(workspace.parts), f"taking from {name}")

    def _step(self, kept: Mapping[str, Any], words: str) -> None:
        before = {name: values for name, values in self._parts.take().items() if name in kept}
        self._commands.regions.history.push(self._apply, before, dict(kept), words)

    # -- opening a workspace file -----------------------------------------------------------------------------------

    def open(self, path: Path) -> None:
        """Open a workspace file with its recording."""
        self._look(partial(_find, path, (), self._known()), path.name)

    def look_in(self, found: Found, chosen: tuple[Path, ...]) -> None:
        """Take the user's word for where the recording is; nothing chosen leaves the window as it is."""
        if chosen:
            self._look(partial(_find, found.path, chosen, self._known()), found.path.name)

    def open_with(self, found: Found) -> None:
        """Open a workspace file with the recording that was found."""
        self._commands.files.open(found.recording, given=Given(found.path.name, found.workspace))

    def _look(self, work: Any, name: str) -> None:
        self._commands.files.cancel()
        self._begin(work, f"Opening {name}", self._found)

    def _found(self, found: Found) -> None:
        try:
            self._parts.check(found.workspace.parts)
        except WorkspaceError as error:
            self.failed.emit(f"{found.path.name}: {error}")
            return
        self._commands.preferences.add_recent((found.path,))
        if not found.recording:
            self.place_needed.emit(found)
        elif found.is_other:
            self.other_found.emit(found)
        else:
            self.open_with(found)

    def _known(self) -> frozenset[str]:
        return frozenset(name for names in self._commands.preferences.recent for name in names)


def _warm_up(parts: WorkspaceParts, _control: JobControl) -> None:
    parts.warm_up()


def _write(store: WorkspaceStore, key: str, _control: JobControl) -> None:
    store.write(key)


def _save(workspace: Workspace, path: Path, _control: JobControl) -> None:
    save_workspace(workspace, path)


def _kept_of(store: WorkspaceStore, paths: tuple[Path, ...], control: JobControl) -> Workspace | None:
    """Read a workspace file, or what is kept of a recording."""
    if is_workspace(paths[0]):
        return load_workspace(paths[0])
    return store.get(open_as_told(paths, store, cancelled=control.cancelled).key)


def _find(path: Path, chosen: tuple[Path, ...], known: frozenset[str], control: JobControl) -> Found:
    """Read a workspace file and look for its recording: where the user says, else where the file says."""
    workspace = load_workspace(path)
    if workspace.geometry is not None:
        workspace.geometry.answer()
    weights = foreign_weights(workspace.parts)
    if weights:
        raise WorkspaceError(f"{path.name}: the weights {weights} lie on another computer, where no file may reach")
    candidates = [_all_files(workspace, chosen)] if chosen else places(workspace, path.parent, known)
    found = Found(path, workspace)
    for paths in candidates:
        if not workspace.key or _key(paths, workspace, control) == workspace.key:
            return replace(found, recording=paths)
    return replace(found, recording=candidates[0], is_other=True) if candidates else found


def _key(paths: tuple[Path, ...], workspace: Workspace, control: JobControl) -> str:
    said = None if workspace.geometry is None else workspace.geometry.answer()
    options = ReadOptions() if said is None else replace(said.options, given=said.values)
    try:
        return recording_key(open_recording(paths, options), control.cancelled)
    except StrainscopeError:
        control.check()
        return ""


def _all_files(workspace: Workspace, chosen: tuple[Path, ...]) -> tuple[Path, ...]:
    """Return all files of a recording: with one of several chosen, the others of the old names lie beside it."""
    if len(chosen) >= len(workspace.paths):
        return chosen
    beside = tuple(chosen[0].parent / PureWindowsPath(name).name for name in workspace.paths)
    return beside if all(path.is_file() for path in beside) else chosen


def _first_parts(opened: OpenedFile) -> dict[str, Any]:
    """Return what a recording brings along: its regions, and the frame that shows it best."""
    first = {} if opened.first_frame is None else {"frame": {"frame": opened.first_frame}}
    return {"regions": asdict(opened.regions), **first}
