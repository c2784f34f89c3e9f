"""Atomic writing: a temporary file beside the target that takes its place only once it is complete."""

import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from engine.errors import WriteError


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


def temporary_beside(target: Path) -> Place:
    """Choose the temporary path for `target` and check that the target can be written; a WriteError if not."""
    try:
        real = target.resolve()
        if real.is_dir():
            raise WriteError(f"cannot write {target}: it is a folder")
        if real.exists() and not real.is_file():
            raise WriteError(f"cannot write {target}: it is not an ordinary file")
        if not real.parent.is_dir():
            raise WriteError(f"cannot write {target}: the folder {real.parent} does not exist")
        if real.exists() and not os.access(real, os.W_OK):
            raise WriteError(f"cannot write {target}: the file is read-only")
        temporary = real.with_name(f".{real.name}.{secrets.token_hex(4)}.part")
        temporary.open("xb").close()
    except (OSError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise WriteError(f"cannot write {target}: {reason}") from error
    return Place(real, temporary)
