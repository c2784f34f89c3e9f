"""Atomic writing: a temporary file beside the target that takes its place only once it is complete.

A temporary file names the process that writes it. What a killed process left behind is swept the next time something
is written to that folder, once it is older than a day; what this process has not finished, `discard_unfinished`.
"""

import os
import re
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from engine.errors import WriteError

SUFFIX = ".part"
LONGEST_NAME = 255
"""Bytes of a file's name on all file systems in use."""

SWEPT_AFTER_S = 86_400.0
_PART = re.compile(r"\.(?P<name>.+)\.(?P<writer>\d+)-[0-9a-f]{8}\.part")
_UNFINISHED: set[Path] = set()
_SWEPT: set[Path] = set()


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside `target`; on a clean exit it replaces the target, on any other it is removed.

    A link is followed, so that the file it points to is replaced. A folder or a device as target, a missing or
    read-only folder and a full disk are a WriteError; the target is then left as it was.

    >>> with atomic_path(Path("table.csv")) as temporary:  # doctest: +SKIP
    ...     temporary.write_text("frame,cnr")
    """
    place = temporary_beside(target)
    try:
        yield place.temporary
        place.keep()
    except OSError as error:
        raise WriteError(f"cannot write {target}: {error.strerror or error}") from error
    finally:
        place.discard()


def write_text(target: Path, text: str) -> None:
    """Write a text whole or not at all, with lines that end alike everywhere; a WriteError says why it cannot be."""
    with atomic_path(target) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def check_target(target: Path, sources: Iterable[Path] = ()) -> None:
    """Raise the WriteError that writing to `target` would end in, before hours of work and not after.

    So is a target that is one of the `sources`, the files that are read.
    """
    keep_sources(target, sources)
    temporary_beside(target).discard()


def keep_sources(target: Path, sources: Iterable[Path]) -> None:
    """Raise a WriteError if writing to `target` would replace one of the files that are read, such as the recording."""
    for source in sources:
        if _is_same_file(source, target):
            raise WriteError(f"cannot write {target}: it is {source.name} itself, which would be lost")


def _is_same_file(first: Path, second: Path) -> bool:
    try:
        return first.samefile(second)
    except OSError:
        return False


def remove_left_behind(folder: Path, older_than_s: float = 86400.0) -> None:
    """Remove the temporary files below `folder` that programs left which were killed while they wrote."""
    before = time.time() - older_than_s
    for path in folder.rglob(".*.part"):
        with suppress(OSError):
            if path.stat().st_mtime < before:
                path.unlink()


class Place:
    """A temporary file's path beside the target it may replace."""

    def __init__(self, target: Path, temporary: Path) -> None:
        self.target = target
        self.temporary = temporary

    def keep(self) -> None:
        """Put the temporary file in the target's place, safely on disk first."""
        descriptor = os.open(self.temporary, os.O_RDWR)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        self.temporary.replace(self.target)

    def discard(self) -> None:
        """Remove the temporary file if it is still there."""
        with suppress(OSError):
            self.temporary.unlink(missing_ok=True)
        _UNFINISHED.discard(self.temporary)


def temporary_beside(target: Path) -> Place:
    """Choose the temporary path for `target` and check that the target can be written; a WriteError if not."""
    try:
        real = target.resolve()
        if target.name == "-":
            raise WriteError("cannot write -: what is written needs the name of a file, standard output is none")
        if real.is_dir():
            raise WriteError(f"cannot write {target}: it is a folder")
        if real.exists() and not real.is_file():
            raise WriteError(f"cannot write {target}: it is not an ordinary file")
        if not real.parent.is_dir():
            raise WriteError(f"cannot write {target}: the folder {real.parent} does not exist")
        if real.exists() and not os.access(real, os.W_OK):
            raise WriteError(f"cannot write {target}: the file is read-only")
        sweep(real.parent)
        temporary = real.with_name(_part_name(real.name))
        _UNFINISHED.add(temporary)
        temporary.open("xb").close()
    except (OSError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise WriteError(f"cannot write {target}: {reason}") from error
    return Place(real, temporary)


def discard_unfinished() -> None:
    """Remove every temporary file of this process: for its end, when nothing else will do it."""
    for path in tuple(_UNFINISHED):
        with suppress(OSError):
            path.unlink(missing_ok=True)
    _UNFINISHED.clear()


def sweep(folder: Path) -> None:
    """Remove temporary files that are older than a day and whose writer is gone; a folder is swept once a process."""
    if folder in _SWEPT:
        return
    _SWEPT.add(folder)
    before = time.time() - SWEPT_AFTER_S
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            left = _PART.fullmatch(entry.name)
            if left is None or is_running(int(left["writer"])):
                continue
            with suppress(OSError):
                if entry.stat(follow_symlinks=False).st_mtime < before:
                    os.unlink(entry.path)


def unfinished(targets: Iterable[Path]) -> list[Path]:
    """Temporary files beside these targets whose writer has ended."""
    names: dict[Path, list[str]] = {}
    for target in targets:
        names.setdefault(target.parent, []).append(target.name)
    found: list[Path] = []
    for folder, wanted in names.items():
        parts = [(path, _PART.fullmatch(path.name)) for path in folder.glob(f".*{SUFFIX}")]
        gone = [(path, left["name"]) for path, left in parts if left and not is_running(int(left["writer"]))]
        found += [path for path, name in gone if any(target.startswith(name) for target in wanted)]
    return found


def is_running(process: int) -> bool:
    """Say whether a process with this number runs on this computer."""
    import psutil

    return bool(psutil.pid_exists(process))


def _part_name(name: str) -> str:
    """Name the temporary file for `name`, which is cut where the whole would be too long for a file system."""
    end = f".{os.getpid()}-{secrets.token_hex(4)}{SUFFIX}"
    kept = os.fsencode(name)[: LONGEST_NAME - len(end) - 1]
    return f".{kept.decode('utf-8', 'ignore')}{end}"
