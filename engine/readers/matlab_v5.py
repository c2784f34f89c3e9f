"""Variables of a MATLAB v5 to v7 file: a walk over the tags first, so that no false size is ever believed.

Each variable is one element: an 8-byte tag (type, bytes), inside it flags, sizes, name and values, possibly all of it
deflated. Values stored plainly are memory-mapped; deflated ones, and structures, are read by `scipy.io.loadmat`.
Format: MathWorks, "MAT-File Format", level 5.
"""

import math
import struct
import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import ReadError
from engine.readers.axes import take_frame
from engine.readers.checks import DEFLATE_RATIO

MATRIX, COMPRESSED = 14, 15
STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
STRUCTURE = 2
LARGEST_VARIABLE = 2**31
"""Bytes of one variable: the format's own limit."""
PEEK = 2048


@dataclass(frozen=True)
class Variable:
    """What the tags say of one variable; `dtype` is None for text, cells, structures and objects."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any] | None
    is_complex: bool
    is_struct: bool
    mapped: tuple[int, str] | None = None


@dataclass(frozen=True)
class Buffer:
    """An array (rows, columns), (rows, columns, frames) or (rows, columns, 1, frames), read frame by frame."""

    shape: tuple[int, ...]
    is_complex: bool
    frame: Callable[[int], NDArray[Any]]

    @property
    def frames(self) -> int:
        """Number of frames."""
        return math.prod(self.shape[2:])


def frame_of(array: Any, index: int) -> Any:
    """Cut a frame out of an array of 2, 3 or 4 axes, the last of which counts frames."""
    middle = (0,) * (array.ndim - 3)
    return array if array.ndim == 2 else array[(slice(None), slice(None), *middle, index)]


class MatlabV5:
    """The variables of one file, found without reading their values."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("rb") as stream:
            header = stream.read(128)
            if len(header) < 128 or header[126:128] not in {b"IM", b"MI"}:
                raise ReadError(path, "damaged MATLAB header: no byte order mark")
            order = "<" if header[126:128] == b"IM" else ">"
            self.variables = {each.name: each for each in _walk(path, stream, order)}

    def value(self, name: str) -> Any:
        """Return a whole variable, structures as dictionaries; objects are not built."""
        return self._load(name, simplify_cells=True)

    def buffer(self, name: str) -> "Buffer":
        """Return the array, or the first array of a cell, frame by frame; it is read whole."""
        value = self._load(name)
        while value.dtype == object:
            if value.size == 0:
                raise ReadError(self.path, f"{name} is empty")
            value = value.reshape(-1)[0]
        return Buffer(value.shape, np.iscomplexobj(value), lambda index: np.asarray(frame_of(value, index)))

    def frames(self, name: str, axes: str) -> Callable[[int], NDArray[Any]]:
        """Return a reader of frames (H, W): mapped where possible, else of the variable read whole, once, if needed."""
        variable = self.variables[name]
        if variable.mapped is not None and variable.dtype is not None:
            offset, stored = variable.mapped
            mapped = np.memmap(self.path, stored, "r", offset, variable.shape, "F")
            return lambda index: take_frame(mapped, axes, index)
        return _Whole(lambda: self._load(name), axes)

    def _load(self, name: str, *, simplify_cells: bool = False) -> Any:
        from scipy.io import loadmat
        from scipy.io.matlab import MatReadError

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of names that occur twice: the last one counts
                return loadmat(self.path, variable_names=[name], simplify_cells=simplify_cells)[name]
        except MatReadError as error:
            raise ReadError(self.path, f"damaged MATLAB file: {error}") from None


class _Whole:
    """Frames of a variable that can only be read whole; a variable of one frame is not kept."""

    def __init__(self, load: Callable[[], Any], axes: str) -> None:
        self._load, self._axes = load, axes
        self._several = "f" in axes
        self._kept: Any = None

    def __call__(self, index: int) -> Any:
        kept = self._kept
        if kept is None:
            kept = self._load()
            self._kept = kept if self._several else None
        return take_frame(kept, self._axes, index)


def _walk(path: Path, stream: IO[bytes], order: str) -> list[Variable]:
    size = path.stat().st_size
    found: list[Variable] = []
    position = 128
    while position + 8 <= size:
        stream.seek(position)
        kind, count = struct.unpack(f"{order}II", stream.read(8))
        if kind not in {MATRIX, COMPRESSED}:
            raise ReadError(path, f"damaged MATLAB file: element of type {kind} at byte {position}")
        if position + 8 + count > size:
            raise ReadError(
                path, f"truncated: variable {len(found) + 1} needs {count} bytes, {size - position - 8} are left"
            )
        variable = _variable(path, stream, order, position + 8, count, kind == COMPRESSED)
        if variable.name:
            found.append(variable)
        position += 8 + count
    return found


def _variable(path: Path, stream: IO[bytes], order: str, start: int, count: int, deflated: bool) -> Variable:
    head = stream.read(min(count, PEEK))
    if deflated:
        head = zlib.decompressobj().decompress(head, PEEK)[8:]
    flags_word = struct.unpack_from(f"{order}I", head, 8)[0]
    kind, flags = flags_word & 0xFF, flags_word >> 8
    sizes, place = _element(head, 16, order)
    shape = struct.unpack(f"{order}{len(sizes) // 4}i", sizes)
    name, place = _element(head, place, order)
    dtype = np.dtype(CLASSES[kind]) if kind in CLASSES else None
    if flags & 2:
        dtype = None  # logical
    if dtype is not None:
        _require_possible(path, name, shape, dtype, count * (DEFLATE_RATIO if deflated else 1))
    is_complex = bool(flags & 8)
    mapped = None if deflated or is_complex or dtype is None else _mapped(head, place, order, start, math.prod(shape))
    return Variable(name.decode("ascii", "replace"), shape, dtype, is_complex, kind == STRUCTURE, mapped)


def _element(head: bytes, place: int, order: str) -> tuple[bytes, int]:
    """Return the data of a sub-element and where the next begins; small ones share the tag's 8 bytes."""
    first, second = struct.unpack_from(f"{order}II", head, place)
    if first >> 16:
        return head[place + 4 : place + 4 + min(first >> 16, 4)], place + 8
    return head[place + 8 : place + 8 + second], place + 8 + -(-second // 8) * 8


def _mapped(head: bytes, place: int, order: str, start: int, count: int) -> tuple[int, str] | None:
    """Where in the file the values lie plainly, and their stored type; None where they must be read by scipy."""
    if place + 8 > len(head):
        return None
    kind, size = struct.unpack_from(f"{order}II", head, place)
    if kind not in STORED or size != count * np.dtype(STORED[kind]).itemsize:
        return None
    return start + place + 8, order + STORED[kind]


def _require_possible(path: Path, name: bytes, shape: tuple[int, ...], dtype: np.dtype[Any], available: int) -> None:
    shown = name.decode("ascii", "replace")
    if any(size < 0 for size in shape):
        raise ReadError(path, f"{shown} has an impossible shape {shape}")
    count = math.prod(shape)
    if count > available or count * dtype.itemsize > LARGEST_VARIABLE:
        raise ReadError(path, f"{shown} claims shape {shape}, more than the file can hold")
