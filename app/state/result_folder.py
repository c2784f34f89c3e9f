"""The folder in which a window keeps its results while it runs, and the clearing of those that crashed windows left.

A lock in each folder tells whether its window still runs; a folder without a lock is not ours and is left alone.
"""

import shutil
import tempfile
from pathlib import Path

from PySide6.QtCore import QLockFile

PREFIX = "strainscope-results-"
LOCK = "window.lock"


class ResultFolder:
    """A new folder for temporary files, locked until it is closed."""

    def __init__(self, parent: Path | None = None) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        self._lock = _lock(self.path)
        self._lock.tryLock(0)

    def close(self) -> None:
        """Delete the folder, as far as the system lets it."""
        self._lock.unlock()
        shutil.rmtree(self.path, ignore_errors=True)


def sweep(parent: Path | None = None) -> int:
    """Delete what windows that were killed left behind; return how many folders."""
    removed = 0
    for folder in Path(parent or tempfile.gettempdir()).glob(f"{PREFIX}*"):
        lock = _lock(folder)
        if (folder / LOCK).is_file() and not folder.is_symlink() and lock.tryLock(0):
            lock.unlock()
            shutil.rmtree(folder, ignore_errors=True)
            removed += 1
    return removed


def _lock(folder: Path) -> QLockFile:
    lock = QLockFile(str(folder / LOCK))
    lock.setStaleLockTime(0)  # however old: only a lock whose program is gone is stale
    return lock
