"""Are files still what they were when they were opened? Asked before each frame, and once more at the end."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from engine.errors import ReadError


@dataclass(frozen=True)
class FileStamp:
    """What changes with a file's content: its number on the disk, its size, and when it was last written."""

    path: Path
    number: int
    size: int
    written_ns: int

    @classmethod
    def of(cls, path: Path) -> Self:
        """Take the stamp of a file; one that is not there is a ReadError."""
        try:
            found = os.stat(path)
        except FileNotFoundError:
            raise ReadError(path, "the file is not there any more") from None
        except OSError as error:
            raise ReadError(path, f"cannot be read any more ({error.strerror or error})") from None
        return cls(path, found.st_ino, found.st_size, found.st_mtime_ns)

    def require(self) -> None:
        """Raise a ReadError if the file is another one by now, or was written to."""
        if FileStamp.of(self.path) != self:
            raise ReadError(self.path, "has changed since it was opened: open it again")


def stamps(paths: Iterable[Path]) -> tuple[FileStamp, ...]:
    """Take the stamps of several files."""
    return tuple(FileStamp.of(path) for path in paths)
