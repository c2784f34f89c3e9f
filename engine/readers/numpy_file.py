"""NumPy arrays: .npy memory-mapped, .npz member by member; objects are never unpickled.

An array says nothing of its axes: they are concluded from its values and from vectors beside it, and marked assumed.
An .npz may hold the geometry as scalars beside the array, and several arrays of one frame each.
"""

import math
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import ReadError
from engine.readers.base import READERS, Reader, ReadOptions, Recording
from engine.readers.common.arrays import NamedArray, candidates, choose, shared_rows
from engine.readers.common.axes import arranged_shape, take_frame
from engine.readers.common.axis_evidence import AxisChoice, AxisEvidence, choose_axes
from engine.readers.common.axis_vectors import read_vectors
from engine.readers.common.checks import require_bytes, require_numbers, sequence_shape
from engine.readers.common.iq import rf_from_iq
from engine.readers.common.named_values import NamedGeometry, geometry_of
from engine.readers.common.oscillation import middle_block

Header = tuple[tuple[int, ...], bool, np.dtype[np.generic]]
UNREADABLE = (ValueError, TypeError, EOFError, SyntaxError, TokenError, RecursionError, zipfile.BadZipFile)
"""What NumPy raises on a header that is no Python literal."""

LARGEST_VECTOR = 2**20
BLOCK_VALUES = 2**22
"""Values of a member that are read to learn what its axes are."""


@READERS.entry("numpy")
class NumpyFile(Reader):
    """One array, or one of several in an archive."""

    name = "numpy"
    title = "NumPy (.npy, .npz)"
    extensions = (".npy", ".npz")

    def sniff(self, path: Path, head: bytes) -> bool:
        """Recognise the magic of .npy, or a zip archive whose members are all .npy."""
        if head.startswith(b"\x93NUMPY"):
            return True
        if not head.startswith(b"PK\x03\x04") or not zipfile.is_zipfile(path):
            return False
        try:
            with zipfile.ZipFile(path) as archive:
                names = archive.namelist()
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
            return False
        return bool(names) and all(name.endswith(".npy") for name in names)

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """Open either kind."""
        with path.open("rb") as stream:
            single = stream.read(6) == b"\x93NUMPY"
        return _read_npy(path, options) if single else _read_npz(path, options)


def _read_npy(path: Path, options: ReadOptions) -> Recording:
    with path.open("rb") as stream:
        header = shape, fortran, dtype = _header(path, stream)
        offset = stream.tell()
    require_bytes(path, offset + int(np.prod(shape, dtype=object)) * dtype.itemsize, path.stat().st_size)
    _require_image(path, shape, dtype)
    stored = np.memmap(path, dtype, "r", offset, shape, "F" if fortran else "C")
    choice = choose_axes(path, AxisEvidence(shape, lambda: middle_block(stored, shape)), options.axes)
    frames = _Frames(header, choice, lambda index: take_frame(stored, choice.letters, index))
    return _recording(path, "NumPy .npy", frames, NamedGeometry(), options)


def _read_npz(path: Path, options: ReadOptions) -> Recording:
    headers: dict[str, Header] = {}
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            with archive.open(member) as stream:
                headers[member.filename.removesuffix(".npy")] = _header(path, stream)
        small = {
            name: np.load(archive.open(f"{name}.npy"), allow_pickle=False)
            for name, (shape, _, dtype) in headers.items()
            if len(shape) <= 1 and dtype.kind in "iuf" and math.prod(shape) <= LARGEST_VECTOR
        }
    arrays = [
        NamedArray(name, shape, kind.kind == "c") for name, (shape, _, kind) in headers.items() if kind.kind in "iufc"
    ]
    choices = candidates(path, arrays, tuple(headers))
    variable, members = choose(path, choices, options.variable)
    shape = headers[members[0]][0]
    said = read_vectors(shape, {name: each for name, each in small.items() if each.ndim == 1})
    first = _Member(path, f"{members[0]}.npy", headers[members[0]])
    evidence = AxisEvidence(shape, first.block, time_axis=said.depth_axis, time_name=said.name)
    choice = choose_axes(path, evidence, options.axes)
    readers = [_Member(path, f"{name}.npy", headers[name], choice.letters) for name in members]
    sizes = {name: arranged_shape(headers[name][0], choice.letters) for name in members}
    rows, notes = shared_rows(
        path, {n: size[1] for n, size in sizes.items()}, {n: size[2] for n, size in sizes.items()}
    )

    def read(index: int) -> NDArray[Any]:
        return readers[index](0)[:rows] if len(readers) > 1 else readers[0](index)

    frames = _Frames(headers[members[0]], choice, read, len(members), rows)
    geometry = geometry_of(path, {name: each for name, each in small.items() if each.size == 1})
    geometry.add(said)
    geometry.notes += notes
    recording = _recording(path, "NumPy .npz", frames, geometry, options)
    return replace(recording, variables=tuple(choices), variable=variable)


@dataclass(frozen=True)
class _Frames:
    """Frames of an array as they are stored, or of several arrays of one frame each."""

    header: Header
    choice: AxisChoice
    read: Callable[[int], NDArray[Any]]
    members: int = 1
    rows: int = 0


def _recording(path: Path, title: str, frames: _Frames, geometry: NamedGeometry, options: ReadOptions) -> Recording:
    shape, _, dtype = frames.header
    _require_image(path, shape, dtype)
    count, rows, lines = sequence_shape(path, *arranged_shape(shape, frames.choice.letters))
    recording = Recording(
        (max(count, frames.members), frames.rows or rows, lines),
        geometry.known,
        frames.read,
        (path,),
        title,
        axes=frames.choice.letters,
        axes_assumed=frames.choice.assumed,
        notes=(*frames.choice.notes, *geometry.notes),
        found_at=geometry.found_at,
    )
    if dtype.kind != "c":
        return recording
    return rf_from_iq(path, recording.shape, frames.read, geometry.known, options).into(recording)


class _Member:
    """Frames of one member of an archive; where a frame is one block of the member, no more than it is kept."""

    def __init__(self, path: Path, member: str, header: Header, axes: str = "") -> None:
        self._path, self._member, self._axes = path, member, axes
        self._shape, self._fortran, self._dtype = header
        with zipfile.ZipFile(path) as archive:
            declared = archive.getinfo(member).file_size
        size = int(np.prod(self._shape, dtype=object)) * self._dtype.itemsize
        require_bytes(path, size, declared, f"the header of {member}")

    def __call__(self, index: int) -> NDArray[Any]:
        outermost = "f" not in self._axes or self._axes[-1 if self._fortran else 0] == "f"
        axes = self._axes.replace("f", "") if outermost else self._axes
        shape = tuple(n for n, letter in zip(self._shape, self._axes, strict=True) if letter in axes)
        return take_frame(self._read(shape, index if outermost else 0), axes, index)

    def block(self) -> NDArray[Any]:
        """Return the beginning of the array, whole along all axes but the outermost."""
        inner = self._shape[:-1] if self._fortran else self._shape[1:]
        outer = self._shape[-1] if self._fortran else self._shape[0]
        kept = max(1, min(outer, BLOCK_VALUES // max(1, math.prod(inner))))
        stored = self._read((*inner, kept) if self._fortran else (kept, *inner), 0)
        return middle_block(stored, stored.shape)

    def _read(self, shape: tuple[int, ...], number: int) -> NDArray[Any]:
        """Read the values of the `number`-th block of a shape."""
        size = int(np.prod(shape)) * self._dtype.itemsize
        with zipfile.ZipFile(self._path) as archive, archive.open(self._member) as stream:
            _header(self._path, stream)
            stream.seek(number * size, 1)
            data = stream.read(size)
        require_bytes(self._path, size, len(data), self._member)
        return np.frombuffer(data, self._dtype).reshape(shape, order="F" if self._fortran else "C")


def _header(path: Path, stream: IO[bytes]) -> Header:
    try:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of headers that Python 2 wrote
            shape, fortran, dtype = read(stream)
    except UNREADABLE as error:
        reason = str(error).splitlines()[0][:100] if str(error) else "it ends too early"
        raise ReadError(path, f"damaged NumPy header: {reason}") from None
    if dtype.hasobject:
        raise ReadError(path, "holds Python objects, which are never unpickled")
    if any(size < 0 for size in shape):
        raise ReadError(path, f"damaged NumPy header: shape {shape}")
    return shape, fortran, dtype


def _require_image(path: Path, shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> None:
    """Refuse what cannot be frames before any of it is read."""
    if dtype.kind != "c":
        require_numbers(path, dtype)
    if not 2 <= sum(size != 1 for size in shape) <= 3 and not 2 <= len(shape) <= 3:
        raise ReadError(path, f"expected an array of 2 or 3 axes, found shape {shape}")
