"""Variables of a MATLAB v5 to v7 file: a walk over the tags first, so that no false size is ever believed.

Each variable is one element, possibly deflated. Arrays are read where they lie, a frame at a time, structures and cells
whole; deflated ones are inflated when they are asked for, and no further than they say.
Format: MathWorks, "MAT-File Format", level 5.
"""

import math
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import ReadError
from engine.files.ranges import ByteRange, InflatedRange, PlainRange
from engine.files.stored_array import StoredArray
from engine.readers.common.axes import take_frame
from engine.readers.common.checks import DEFLATE_RATIO
from engine.readers.common.oscillation import middle_block
from engine.readers.matlab_file.values import (
    CELL,
    COMPRESSED,
    MATRIX,
    STORED,
    STRUCTURE,
    Matrix,
    Order,
    arrays_in,
    matrix_value,
    paired,
    simplified,
)

LARGEST_VARIABLE = 2**31
"""Bytes of one variable: the format's own limit."""
SMALL_BYTES, RF_RATIO = 2**26, 64
"""A variable that has to be read whole may inflate to so many bytes, or by so much: RF does by less than 4."""
PEEK = 2048


@dataclass(frozen=True)
class Variable:
    """What the tags say of one variable; `dtype` is None for text, cells, structures and objects."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any] | None
    is_complex: bool
    is_struct: bool
    is_cell: bool = False

    @property
    def count(self) -> int:
        """Number of entries."""
        return math.prod(self.shape)


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


@dataclass(frozen=True)
class _Stored:
    """Where a variable lies: its data after the tag, deflated or not, and its numbers where they lie as they are."""

    start: int
    size: int
    deflated: bool
    numbers: "StoredArray | _Pairs | None"


@dataclass(frozen=True)
class _Pairs:
    """Complex numbers, real and imaginary part each an array of its own."""

    real: StoredArray
    imaginary: StoredArray

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        return self.real.shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.real.ndim

    def __getitem__(self, key: Any) -> NDArray[Any]:
        return paired(self.real[key], self.imaginary[key])


class MatlabV5:
    """The variables of one file, found without reading their values."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.variables: dict[str, Variable] = {}
        self._stored: dict[str, _Stored] = {}
        self._arrays: dict[str, Variable] | None = None
        self._kept: dict[str, Any] = {}
        with path.open("rb") as stream:
            header = stream.read(128)
            if len(header) < 128 or header[126:128] not in {b"IM", b"MI"}:
                raise ReadError(path, "damaged MATLAB header: no byte order mark")
            self._order: Order = "<" if header[126:128] == b"IM" else ">"
            self._walk(stream)

    def value(self, name: str) -> Any:
        """Return a whole variable: structures as dictionaries, cells as lists, arrays of one as numbers."""
        return simplified(self._load(name))

    def buffer(self, name: str) -> Buffer:
        """Return the array, or the first array of a cell, frame by frame; it is read whole."""
        value = self._load(name)
        while isinstance(value, list) and value:
            value = value[0]
        if not isinstance(value, np.ndarray) or value.ndim < 2 or value.size == 0:
            raise ReadError(self.path, f"{name} holds no samples")
        array = value
        return Buffer(array.shape, np.iscomplexobj(array), lambda index: _frame_of(array, index))

    def arrays(self) -> dict[str, Variable]:
        """Return arrays of numbers by their paths, also those inside structures and cells (`data.rf`, `RF(2)`)."""
        if self._arrays is None:
            self._arrays = {name: each for name, each in self.variables.items() if each.dtype is not None}
            for name, each in self.variables.items():
                if each.is_struct or each.is_cell:
                    self._arrays |= {
                        path: Variable(path, array.shape, array.dtype, np.iscomplexobj(array), is_struct=False)
                        for path, array in arrays_in(self.value(name), name)
                    }
        return self._arrays

    def block(self, path: str) -> NDArray[Any]:
        """Return a block out of the middle of an array, of complex ones the real part, which lies by itself."""
        array = self._array(path)
        return middle_block(array.real if isinstance(array, _Pairs) else array, array.shape)

    def frames(self, path: str, axes: str) -> Callable[[int], NDArray[Any]]:
        """Return a reader of frames (H, W), from the file where possible, else of the array read whole."""
        return lambda index: take_frame(self._array(path), axes, index)

    def _array(self, path: str) -> Any:
        """Return an array, as it lies in the file or whole; one of several frames is kept."""
        if path in self._kept:
            return self._kept[path]
        array = self._found(path)
        if array.ndim > 2:
            self._kept[path] = array
        return array

    def _found(self, path: str) -> Any:
        stored = self._stored.get(path)
        if stored is None:
            top = next(name for name in self._stored if path.startswith((f"{name}.", f"{name}(")))
            return dict(arrays_in(self.value(top), top))[path]
        if stored.numbers is not None:
            return stored.numbers
        return np.asarray(self._load(path))

    def _load(self, name: str) -> Any:
        stored = self._stored[name]
        with self.path.open("rb") as stream:
            stream.seek(stored.start)
            data = stream.read(stored.size)
        try:
            return matrix_value(memoryview(self._inflated(data) if stored.deflated else data), self._order)
        except (ValueError, struct.error, zlib.error) as error:
            raise ReadError(self.path, f"variable {name} is damaged ({error})") from None

    def _inflated(self, data: bytes) -> bytes:
        """Inflate a variable to the size that its own tag gives, and strip that tag."""
        stream = zlib.decompressobj()
        kind, size = struct.unpack(f"{self._order}II", stream.decompress(data, 8))
        if kind != MATRIX or size > min(LARGEST_VARIABLE, max(SMALL_BYTES, len(data) * RF_RATIO)):
            raise ValueError(f"an element of type {kind} with {size} bytes")
        return stream.decompress(stream.unconsumed_tail, max(size, 1))

    def _walk(self, stream: IO[bytes]) -> None:
        size = self.path.stat().st_size
        position = 128
        while position + 8 <= size:
            stream.seek(position)
            kind, count = struct.unpack(f"{self._order}II", stream.read(8))
            start = position + 8
            if kind not in {MATRIX, COMPRESSED}:
                raise ReadError(self.path, f"damaged MATLAB file: element of type {kind} at byte {position}")
            if start + count > size:
                number = len(self.variables) + 1
                raise ReadError(self.path, f"truncated: variable {number} needs {count} bytes, {size - start} are left")
            self._add(stream.read(min(count, PEEK)), start, count, kind == COMPRESSED)
            position = start + count

    def _add(self, head: bytes, start: int, size: int, deflated: bool) -> None:
        """File a variable from the first bytes of its element."""
        plain = zlib.decompressobj().decompress(head, PEEK)[8:] if deflated else head
        matrix = Matrix(memoryview(plain), self._order)
        if not matrix.name:
            return
        if matrix.dtype is not None:
            self._require_possible(matrix, size * (DEFLATE_RATIO if deflated else 1))
        numbers = self._numbers(matrix, plain, start, size, deflated=deflated)
        self.variables[matrix.name] = Variable(
            matrix.name, matrix.shape, matrix.dtype, matrix.is_complex, matrix.kind == STRUCTURE, matrix.kind == CELL
        )
        self._stored[matrix.name] = _Stored(start, size, deflated, numbers)

    def _numbers(
        self, matrix: Matrix, head: bytes, start: int, size: int, *, deflated: bool
    ) -> StoredArray | _Pairs | None:
        """Return numbers that lie in the file, or in what one variable of it inflates to, as they are."""
        if matrix.dtype is None or matrix.count == 0 or matrix.place + 8 > len(head):
            return None
        inflated = InflatedRange(self.path, start, size * DEFLATE_RATIO)
        data: ByteRange = inflated if deflated else PlainRange(self.path, start, size)
        place = matrix.place + (8 if deflated else 0)  # after the tag, which is deflated too
        real = self._array_at(matrix, data, place, head[matrix.place : matrix.place + 8])
        if real is None or not matrix.is_complex:
            return real
        after = place + 8 + -(-matrix.count * real.dtype.itemsize // 8) * 8
        try:
            imaginary = self._array_at(matrix, data, after, data.read(after, 8))
        except ReadError:
            return None  # a small file, or one that is cut short: read whole, it says so
        return None if imaginary is None else _Pairs(real, imaginary)

    def _array_at(self, matrix: Matrix, data: ByteRange, place: int, tag: bytes) -> StoredArray | None:
        kind, size = struct.unpack(f"{self._order}II", tag)
        if kind not in STORED or size != matrix.count * np.dtype(STORED[kind]).itemsize:
            return None
        return StoredArray(data, self._order + STORED[kind], place + 8, matrix.shape, "F")

    def _require_possible(self, matrix: Matrix, available: int) -> None:
        if any(size < 0 for size in matrix.shape):
            raise ReadError(self.path, f"{matrix.name} has an impossible shape {matrix.shape}")
        if matrix.dtype is not None and matrix.count * matrix.dtype.itemsize > LARGEST_VARIABLE:
            raise ReadError(self.path, f"{matrix.name} claims shape {matrix.shape}, more than the format can hold")
        if matrix.count > available:
            raise ReadError(self.path, f"{matrix.name} claims shape {matrix.shape}, more than the file can hold")


def _frame_of(array: NDArray[Any], index: int) -> NDArray[Any]:
    """Cut a frame out of an array of 2, 3 or 4 axes, the last of which counts frames."""
    place: tuple[Any, ...] = (slice(None), slice(None), *(0,) * (array.ndim - 3), index)
    return array if array.ndim == 2 else np.asarray(array[place])
