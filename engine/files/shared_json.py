"""Small JSON files that several windows write: an exclusive lock, a merge by key, and a replacement in one step."""

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from engine.errors import WriteError
from engine.files.atomic import write_text

PATIENCE_S = 5.0
RETRY_S = 0.01


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file; a missing or damaged file is an empty one."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def merge_json(path: Path, changed: Mapping[str, Any], *, most: int | None = None) -> None:
    """Put the changed keys last into the object that the file holds now; beyond `most`, the oldest keys go.

    What another process wrote meanwhile stays. A damaged file is kept under another name, never written over. A
    folder that cannot be written is a WriteError.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(f"cannot write {path}: {error.strerror or error}") from error
    with locked(path):
        content = read_json(path)
        if not content:
            _keep_damaged(path)
        kept = {key: value for key, value in content.items() if key not in changed}
        merged = {**kept, **changed}
        shown = dict(list(merged.items())[-most:]) if most else merged
        write_text(path, json.dumps(shown, indent=1))


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a file, `<name>.lock` beside it, which every process that writes the file takes first.

    The system gives it back when its holder ends, however that is. One that is not given back in time is a WriteError.
    """
    lock = path.with_name(f"{path.name}.lock")
    try:
        stream = lock.open("a+b")
    except OSError as error:
        raise WriteError(f"cannot write {path}: {error.strerror or error}") from error
    with stream:
        until = time.monotonic() + PATIENCE_S
        while not _take(stream):
            if time.monotonic() > until:
                raise WriteError(f"cannot write {path}: another process has held {lock.name} for {PATIENCE_S:g} s")
            time.sleep(RETRY_S)
        yield


def _take(stream: IO[bytes]) -> bool:
    """Try to lock the stream's file; closing it unlocks it."""
    try:
        if os.name == "nt":
            import msvcrt

            stream.seek(0)
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _keep_damaged(path: Path) -> None:
    """Set a file aside that holds something, but no JSON object."""
    with suppress(OSError):
        if path.read_bytes().strip() not in {b"", b"{}"}:
            path.replace(path.with_name(f"{path.name}.damaged"))
