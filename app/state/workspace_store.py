"""Where workspaces are kept by themselves: one file a recording, named by its key, in the user's data folder.

Each file is written whole and atomically, so windows that share the folder cannot damage each other: of two that change
one recording the last one's word stands. What was not written yet is read from memory.
"""

import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from app.places import workspace_folder
from app.state.geometry_answer import GeometryAnswer
from app.state.workspace import WorkspaceError
from app.state.workspace_file import KeptGeometry, Workspace, load_workspace, save_workspace
from engine.errors import StrainscopeError
from engine.files.atomic import write_text


class WorkspaceStore:
    """Workspaces by key, and what was said about files by the key they are asked under; for any thread.

    With `keep_nothing` the folder is neither read nor written; a window still remembers what it saw.
    """

    def __init__(self, folder: Path | None = None, *, keep_nothing: bool = False) -> None:
        self.folder = folder or workspace_folder()
        self.keep_nothing = keep_nothing
        self._lock = threading.Lock()
        self._waiting: dict[str, Workspace] = {}
        self._last: Workspace | None = None
        self._answers: dict[str, GeometryAnswer] = {}

    def put(self, workspace: Workspace) -> None:
        """Take down a workspace in memory; `write` keeps it."""
        with self._lock:
            self._waiting[workspace.key] = self._last = workspace

    def in_memory(self, key: str, *, written: bool) -> Workspace | None:
        """Return what was taken down of a recording and not written yet, or lastly, `written` or not."""
        with self._lock:
            last = self._last if written and self._last is not None and self._last.key == key else None
            return self._waiting.get(key) or last

    def write(self, key: str) -> None:
        """Write what was taken down of a recording; a WorkspaceError says why that cannot be."""
        with self._lock:
            workspace = self._waiting.get(key)
        if workspace is None or self.keep_nothing:
            return
        self._make_folder()
        save_workspace(workspace, self._path(key))
        with self._lock:
            if self._waiting.get(key) is workspace:
                del self._waiting[key]

    def get(self, key: str) -> Workspace | None:
        """Return what is kept of a recording; a damaged file counts as nothing."""
        waiting = self.in_memory(key, written=False)
        if waiting is not None or self.keep_nothing:
            return waiting
        try:
            return load_workspace(self._path(key))
        except WorkspaceError:
            return None

    def remember(self, key: str, answer: GeometryAnswer) -> None:
        """Keep what the user said about a recording's files; a folder that cannot be written is no reason to fail."""
        self._answers[key] = answer
        if not self.keep_nothing:
            with suppress(StrainscopeError):
                self._make_folder()
                write_text(self._answer_path(key), KeptGeometry.of(answer).model_dump_json())

    def recall(self, key: str) -> GeometryAnswer | None:
        """Return what the user said about a recording's files; a damaged file counts as nothing."""
        if key in self._answers or self.keep_nothing:
            return self._answers.get(key)
        try:
            return KeptGeometry.model_validate_json(self._answer_path(key).read_bytes()).answer()
        except (OSError, ValidationError, StrainscopeError):
            return None

    def size(self) -> int:
        """Bytes on disk."""
        sizes = 0
        for path in self._files():
            with suppress(OSError):
                sizes += path.stat().st_size
        return sizes

    def clear(self) -> None:
        """Delete all that is kept, with what other windows left half-written."""
        with self._lock:
            self._waiting.clear()
            self._last = None
        self._answers.clear()
        for path in self._files():
            with suppress(OSError):
                path.unlink()

    def _files(self) -> Iterator[Path]:
        for pattern in ("*.json", ".*.part"):
            yield from self.folder.glob(pattern)

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WorkspaceError(f"{self.folder} cannot be made: {error.strerror or error}") from error

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.json"

    def _answer_path(self, key: str) -> Path:
        return self.folder / f"{key}.geometry.json"
