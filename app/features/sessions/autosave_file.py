"""Where the window keeps its session by itself, so that a crash loses little: one file for each window that runs.

Each file has a lock beside it that its window holds. A file whose lock nobody holds was left behind by a window that
was not closed; a lock whose program is gone counts as held by nobody. Locks of other computers are respected, so a home
folder that several of them share is safe.
"""

import os
import secrets
import time
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PureWindowsPath

from platformdirs import user_data_path
from PySide6.QtCore import QLockFile

from app.features.sessions.file import EXTENSION, Session, SessionError, load_session, save_session
from app.features.sessions.state import Recoverable

KEPT_DAYS = 30
"""A session that nobody wanted back for so long is deleted."""


def autosave_folder() -> Path:
    """Return the folder of autosaved sessions, which a test or a portable copy may move by an environment variable."""
    folder = os.environ.get("STRAINSCOPE_CONFIG")
    return (Path(folder) if folder else user_data_path("strainscope", appauthor=False)) / "autosave"


@dataclass
class AutosaveFolder:
    """The file of one window, and what other windows left behind; for one thread at a time."""

    folder: Path = field(default_factory=autosave_folder)
    _mine: Path | None = None
    _locks: dict[Path, QLockFile] = field(default_factory=dict)

    def write(self, session: Session) -> None:
        """Write this window's session over the one before."""
        if self._mine is None:
            path = self.folder / f"{os.getpid()}-{secrets.token_hex(4)}{EXTENSION}"
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise SessionError(f"{self.folder} cannot be made: {error.strerror or error}") from error
            if not self._lock(path):
                raise SessionError(f"{self.folder} cannot be written")
            self._mine = path
        save_session(session, self._mine)

    def find(self) -> tuple[Recoverable, ...]:
        """List what was left behind, newest first, and lock it so that no other window offers it too."""
        found = [entry for path in self._files() if path != self._mine and (entry := self._look(path)) is not None]
        return tuple(sorted(found, key=lambda entry: entry.time, reverse=True))

    def remove(self, path: Path) -> None:
        """Delete a file that was left behind."""
        _delete(path)
        self._unlock(path)

    def close(self) -> None:
        """Delete this window's file; what others left behind stays for the next window."""
        if self._mine is not None:
            _delete(self._mine)
        for path in list(self._locks):
            self._unlock(path)

    def _files(self) -> list[Path]:
        try:
            return [path for path in self.folder.iterdir() if path.suffix == EXTENSION]
        except OSError:
            return []

    def _look(self, path: Path) -> Recoverable | None:
        """Look at one file that may have been left behind; a damaged one is passed over until it is old."""
        if not self._lock(path):
            return None
        try:
            changed_s = path.stat().st_mtime
            if time.time() - changed_s > KEPT_DAYS * 86400:
                self.remove(path)
                return None
            session = load_session(path)
        except (OSError, SessionError):
            self._unlock(path)
            return None
        return Recoverable(path, _name(session), datetime.fromtimestamp(changed_s))

    def _lock(self, path: Path) -> bool:
        if path in self._locks:
            return True
        lock = QLockFile(str(path.with_suffix(".lock")))
        lock.setStaleLockTime(0)  # however old: only a lock whose program is gone is stale
        if not lock.tryLock(0):
            return False
        self._locks[path] = lock
        return True

    def _unlock(self, path: Path) -> None:
        lock = self._locks.pop(path, None)
        if lock is not None:
            lock.unlock()


def _name(session: Session) -> str:
    if session.saved_as is not None:
        return PureWindowsPath(session.saved_as).name
    names = [PureWindowsPath(path).name for path in session.source.paths]
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _delete(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return
