"""NumPy arrays: .npy and members of .npz, read frame by frame; objects are never unpickled.

An array says nothing of its axes: they are concluded from its values and from vectors beside it, and marked assumed.
An .npz may hold the geometry as scalars beside the array, and several arrays of one frame each.
"""

import io
import math
import struct
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
from engine.files.ranges import RAW, ByteRange, InflatedRange, PlainRange
from engine.files.stored_array import StoredArray
from engine.readers.base import READERS, Reader, ReadOptions, Recording
from engine.readers.common.arrays import NamedArray, candidates, choose, shared_rows
from engine.readers.common.axes import arranged_shape, take_frame
from engine.readers.common.axis_evidence import AxisChoice, AxisEvidence, choose_axes
from engine.readers.common.axis_vectors import read_vectors
from engine.readers.common.checks import DEFLATE_RATIO, require_bytes, require_numbers, sequence_shape
from engine.readers.common.iq import rf_from_iq
from engine.readers.common.named_values import NamedGeometry, geometry_of
from engine.readers.common.oscillation import middle_block

Header = tuple[tuple[int, ...], bool, np.dtype[np.generic]]
UNREADABLE = (ValueError, TypeError, EOFError, SyntaxError, TokenError, RecursionError, zipfile.BadZipFile)
"""What NumPy raises on a header that is no Python literal."""

LARGEST_VECTOR = 2**20
LARGEST_HEADER = 2**16
MOST_MEMBERS = 2**14
ENCRYPTED = 0x1
LOCAL_HEADER = struct.Struct("<4s22xHH")
"""Of a member in a zip archive: magic, then lengths of name and extra field (PKWARE's APPNOTE, 4.3.7)."""


@READERS.entry
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
    stored = StoredArray(PlainRange(path, 0, path.stat().st_size), dtype, offset, shape, "F" if fortran else "C")
    choice = choose_axes(path, AxisEvidence(shape, lambda: middle_block(stored, shape)), options.axes)
    frames = _Frames(header, choice, lambda index: take_frame(stored, choice.letters, index))
    return _recording(path, "NumPy .npy", frames, NamedGeometry(), options)


def _read_npz(path: Path, options: ReadOptions) -> Recording:
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
    if len(members) > MOST_MEMBERS:
        raise ReadError(path, f"holds {len(members)} arrays, more than can be")
    found = {each.filename.removesuffix(".npy"): _Member(path, each) for each in members}
    headers = {name: each.header for name, each in found.items()}
    small = {
        name: each.array[()]
        for name, each in found.items()
        if each.array.ndim <= 1 and each.array.dtype.kind in "iuf" and math.prod(each.array.shape) <= LARGEST_VECTOR
    }
    arrays = [
        NamedArray(name, shape, kind.kind == "c") for name, (shape, _, kind) in headers.items() if kind.kind in "iufc"
    ]
    choices = candidates(path, arrays, tuple(headers))
    variable, chosen = choose(path, choices, options.variable)
    shape = headers[chosen[0]][0]
    said = read_vectors(shape, {name: each for name, each in small.items() if each.ndim == 1})
    first = found[chosen[0]].array
    evidence = AxisEvidence(shape, lambda: middle_block(first, shape), time_axis=said.depth_axis, time_name=said.name)
    choice = choose_axes(path, evidence, options.axes)
    stored = [found[name].array for name in chosen]
    sizes = {name: arranged_shape(headers[name][0], choice.letters) for name in chosen}
    rows, notes = shared_rows(
        path, {n: size[1] for n, size in sizes.items()}, {n: size[2] for n, size in sizes.items()}
    )

    def read(index: int) -> NDArray[Any]:
        several = len(stored) > 1
        frame = take_frame(stored[index if several else 0], choice.letters, 0 if several else index)
        return frame[:rows] if several else frame

    frames = _Frames(headers[chosen[0]], choice, read, len(chosen), rows)
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
    """One member of an archive, stored or deflated: its header, and its array as it lies there."""

    def __init__(self, path: Path, member: zipfile.ZipInfo) -> None:
        if member.flag_bits & ENCRYPTED or member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise ReadError(path, f"{member.filename} is encrypted, or compressed by another method than deflate")
        if member.file_size > member.compress_size * DEFLATE_RATIO:
            raise ReadError(path, f"{member.filename} claims {member.file_size} bytes, more than it can hold")
        start = _data_start(path, member)
        data = PlainRange(path, start, member.compress_size)
        deflated = member.compress_type == zipfile.ZIP_DEFLATED
        self.data: ByteRange = InflatedRange(path, start, member.file_size, RAW) if deflated else data
        head = io.BytesIO(self.data.read(0, min(LARGEST_HEADER, self.data.size)))
        self.header = shape, fortran, dtype = _header(path, head)
        size = math.prod(shape) * dtype.itemsize
        require_bytes(path, head.tell() + size, member.file_size, f"the header of {member.filename}")
        self.array = StoredArray(self.data, dtype, head.tell(), shape, "F" if fortran else "C")


def _data_start(path: Path, member: zipfile.ZipInfo) -> int:
    """Return where a member's bytes begin: after its local header, whose name and extra field have their own sizes."""
    local = PlainRange(path, member.header_offset, LOCAL_HEADER.size).read(0, LOCAL_HEADER.size)
    magic, name, extra = LOCAL_HEADER.unpack(local)
    if magic != b"PK\x03\x04":
        raise ReadError(path, f"damaged archive: {member.filename} is not where its index says")
    return member.header_offset + LOCAL_HEADER.size + int(name) + int(extra)


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
