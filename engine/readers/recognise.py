"""Which reader each file needs: by content, in files and folders, in natural order."""

import re
from collections.abc import Sequence
from pathlib import Path

from engine.errors import ReadError, StrainscopeError
from engine.files.hdf5_reading import is_hdf5, names_at_root
from engine.readers.base import READERS, Reader, ReadOptions
from engine.readers.common.checks import DAMAGED

HEAD_BYTES = 4096


def find_recordings(paths: Sequence[Path]) -> dict[Path, Reader]:
    """Return the main file of each recording in files and folders, with its reader, in natural order.

    Of files that belong together (parameters beside data) one stands for all, also where all of them are given. What
    cannot be read, or is of no known format, is a ReadError; in a folder, files that no reader knows are passed over.
    """
    if not paths:
        raise ReadError("", "no file was given")
    found: dict[Path, Reader] = {}
    unknown: dict[Path, ReadError] = {}
    for path in paths:
        try:
            found |= _in_folder(path) if path.is_dir() else _one(path)
        except UnknownFormatError as error:
            unknown[path] = error
        except PermissionError:
            raise ReadError(path, "no permission to read this folder") from None
        except (OSError, ValueError) as error:
            raise ReadError(path, f"cannot be read ({getattr(error, 'strerror', None) or error})") from None
    for path, reason in unknown.items():
        if not any(_belongs(path, main) for main in found):
            raise reason
    return {path: found[path] for path in sorted(found, key=natural_key)}


class UnknownFormatError(ReadError):
    """A file that no reader knows."""


def _belongs(path: Path, main: Path) -> bool:
    """Whether a recording's header beside a file names it, as MetaImage's does its data, or is called the same."""
    return path.parent == main.parent and (path.stem == main.stem or path.name.encode() in _head(main))


def supported() -> tuple[str, ...]:
    """Titles of the formats that are read, in the order in which they are tried."""
    return tuple(reader.title for reader in READERS if reader.extensions)


def natural_key(path: Path) -> tuple[tuple[int, int, str], ...]:
    """Sort key in which runs of digits count by their value."""
    parts = re.split(r"(\d+)", str(path).casefold())
    return tuple((0, int(part), "") if part.isdecimal() and part.isascii() else (1, 0, part) for part in parts)


def _one(path: Path) -> dict[Path, Reader]:
    head = _head(path)
    reader = _reader_for(path, head)
    if reader is None:
        raise UnknownFormatError(path, _unknown(path, head))
    return {reader.main_file(path): reader}


def _in_folder(folder: Path) -> dict[Path, Reader]:
    found: dict[Path, Reader] = {}
    refused: dict[Path, Reader] = {}
    for path in sorted(folder.iterdir(), key=natural_key):
        if path.name.startswith(".") or not path.is_file():
            continue
        try:
            reader = _reader_for(path, _head(path))
        except ReadError:
            continue
        if reader is not None and reader.extensions:
            found[reader.main_file(path)] = reader
        elif reader is not None:
            refused[path] = reader
    if not found:
        raise ReadError(folder, "this folder holds no recording that can be opened" + _why(refused))
    return found


def _why(refused: dict[Path, Reader]) -> str:
    """Say of the first of a folder's files that are known to be no recording what it is."""
    for path, reader in refused.items():
        try:
            reader.read(path, ReadOptions())
        except ReadError as error:
            return f"; {error}"
    return ""


def _head(path: Path) -> bytes:
    try:
        if path.exists() and not path.is_file():
            raise ReadError(path, "is no ordinary file")  # a pipe would keep us waiting for ever
        with path.open("rb") as stream:
            head = stream.read(HEAD_BYTES)
    except FileNotFoundError:
        raise ReadError(path, "no such file") from None
    except PermissionError:
        raise ReadError(path, "no permission to read this file") from None
    except OSError as error:
        raise ReadError(path, f"cannot be read ({error.strerror})") from None
    if not head:
        raise ReadError(path, "the file is empty")
    return head


def _reader_for(path: Path, head: bytes) -> Reader | None:
    return next((reader for reader in READERS if _sniffs(reader, path, head)), None)


def _sniffs(reader: Reader, path: Path, head: bytes) -> bool:
    try:
        return reader.sniff(path, head)
    except (StrainscopeError, *DAMAGED):
        return False
    except Exception as error:
        if READERS.has_failed(reader.name, error):
            return False
        raise


def _unknown(path: Path, head: bytes) -> str:
    if is_hdf5(head):
        names = names_at_root(path)  # of a damaged file this says what is wrong
        found = f"it holds {', '.join(names[:8])}" if names else "it holds nothing"
        return f"is an HDF5 file of no layout that is known here: {found}"
    known = "; ".join(supported())
    return f"is of no format that is known here; numbers without a header need --layout; supported: {known}"
