"""The way in: files or folders to one `Recording`, recognised by content, with one clear line for everything else."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from engine.errors import ParameterError, ReadError, StrainscopeError
from engine.readers.base import READERS, Reader, ReadOptions, Recording
from engine.readers.checks import DAMAGED, require_rf
from engine.readers.hdf5 import is_hdf5, names_at_root
from engine.types import Map

HEAD_BYTES = 4096
DEFAULTS = ReadOptions()


def open_recording(paths: Sequence[Path], options: ReadOptions = DEFAULTS) -> Recording:
    """Open files, or folders of files, as one recording.

    Several files of one frame each become one sequence in natural order (`f9` before `f10`); they must agree in
    format, shape and geometry. The first frame is checked to be RF. Nothing else is read before it is asked for.
    Whatever is wrong is one ReadError that names the file.

    >>> recording = open_recording([Path("recording.h5")])
    >>> sequence = recording.complete({"pitch_m": 0.2e-3}, accept_suggested=True)
    """
    files = _expand([Path(path) for path in paths])
    recordings = [_open_one(file, options) for file in files]
    recording = recordings[0] if len(recordings) == 1 else _join(recordings)
    if not recording.costly:
        recording = _inspect(recording)
    return recording


def supported() -> tuple[str, ...]:
    """Titles of the formats that are read, in the order in which they are tried."""
    return tuple(reader.title for reader in READERS if reader.extensions)


def natural_key(path: Path) -> tuple[tuple[int, int, str], ...]:
    """Sort key in which runs of digits count by their value."""
    parts = re.split(r"(\d+)", str(path).casefold())
    return tuple((0, int(part), "") if part.isdecimal() and part.isascii() else (1, 0, part) for part in parts)


def _expand(paths: list[Path]) -> list[Path]:
    if not paths:
        raise ReadError("", "no file was given")
    files: list[Path] = []
    for path in paths:
        try:
            files += _recordings_in(path) if path.is_dir() else [path]
        except PermissionError:
            raise ReadError(path, "no permission to read this folder") from None
    return sorted(files, key=natural_key)


def _recordings_in(folder: Path) -> list[Path]:
    """Files of a folder that some reader recognises; companions (a .raw beside its .mhd) are passed over."""
    files = sorted((entry for entry in folder.iterdir() if entry.is_file()), key=natural_key)
    main_files = [_main_file(file) for file in files if not file.name.startswith(".")]
    found = list(dict.fromkeys(file for file in main_files if file is not None))
    if not found:
        raise ReadError(folder, "this folder holds no recording that can be opened")
    return found


def _main_file(file: Path) -> Path | None:
    try:
        reader = _reader_for(file)
    except ReadError:
        return None
    return reader.main_file(file) if reader is not None and reader.extensions else None


def _open_one(path: Path, options: ReadOptions) -> Recording:
    reader = _reader_for(path)
    if reader is None:
        raise ReadError(path, _unknown(path))
    try:
        recording = reader.read(path, options)
    except StrainscopeError:
        raise
    except PermissionError:
        raise ReadError(path, "no permission to read this file") from None
    except DAMAGED as error:
        raise ReadError(path, f"damaged file of format {reader.title} ({_one_line(error)})") from None
    return replace(recording, read_frame=_guarded(path, recording.read_frame))


def _reader_for(path: Path) -> Reader | None:
    try:
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
    return next((reader for reader in READERS if _sniffs(reader, path, head)), None)


def _sniffs(reader: Reader, path: Path, head: bytes) -> bool:
    try:
        return reader.sniff(path, head)
    except (StrainscopeError, *DAMAGED):
        return False


def _unknown(path: Path) -> str:
    with path.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
    if is_hdf5(head):
        names = names_at_root(path)
        found = f"it holds {', '.join(names[:8])}" if names else "it is damaged, truncated or holds nothing"
        return f"is an HDF5 file of no layout that is known here: {found}"
    return f"is of no format that is known here; supported: {'; '.join(supported())}"


def _guarded(path: Path, read_frame: Callable[[int], Map]) -> Callable[[int], Map]:
    """Turn whatever a file can do while a frame is read into one ReadError, and any item type into float32.

    A value too large for float32 becomes infinite, which is refused as not finite where frames are checked.
    """

    def read(index: int) -> Map:
        try:
            with np.errstate(over="ignore", invalid="ignore"):
                return np.ascontiguousarray(read_frame(index), dtype=np.float32)
        except StrainscopeError:
            raise
        except PermissionError:
            raise ReadError(path, "no permission to read this file any more") from None
        except FileNotFoundError:
            raise ReadError(path, "the file is not there any more") from None
        except DAMAGED as error:
            raise ReadError(path, f"frame {index} cannot be read ({_one_line(error)})") from None

    return read


def _join(recordings: list[Recording]) -> Recording:
    """Make one sequence of files of one frame each."""
    first = recordings[0]
    for each in recordings:
        if each.shape[0] != 1:
            raise ReadError(
                each.paths[0], f"holds {each.shape[0]} frames; several files make one sequence only with one frame each"
            )
        odd = _difference(first, each)
        if odd:
            raise ReadError(each.paths[0], f"does not fit {first.paths[0].name}: {odd}")
    paths = tuple(path for each in recordings for path in each.paths)
    companions = tuple(path for each in recordings for path in each.companions)
    shape = (len(recordings), *first.shape[1:])
    readers = [each.read_frame for each in recordings]
    return replace(
        first,
        shape=shape,
        paths=paths,
        companions=companions,
        read_frame=lambda index: readers[index](0),
        truth=None,
    )


def _difference(first: Recording, other: Recording) -> str | None:
    if other.format != first.format:
        return f"it is {other.format}, not {first.format}"
    if other.shape[1:] != first.shape[1:]:
        return f"its frames are {other.shape[1]} x {other.shape[2]}, not {first.shape[1]} x {first.shape[2]}"
    for name in sorted(set(first.known) | set(other.known)):
        mine, theirs = first.known.get(name), other.known.get(name)
        if mine is None or theirs is None or not math.isclose(mine, theirs, rel_tol=1e-6, abs_tol=1e-9):
            return f"its {name} is {theirs}, not {mine}"
    return None


def _inspect(recording: Recording) -> Recording:
    """Check that frame 0 is RF, and propose the centre frequency that its spectrum shows."""
    frame = recording.read_frame(0)
    require_rf(recording.paths[0], frame)
    if "center_hz" in recording.known:
        return recording
    try:
        return replace(recording, suggested=recording.suggestions())
    except ParameterError:
        return recording


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text[:120] if text else type(error).__name__
