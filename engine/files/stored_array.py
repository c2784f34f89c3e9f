"""An array as it lies in a file, of which parts are read: what a memory map would be, without its dangers."""

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from engine.files.ranges import ByteRange

LONG_RUN = 1 << 14
"""Bytes side by side that are worth a read of their own; shorter ones are cut out of what lies around them."""

AT_ONCE = 1 << 24
"""Bytes that are read to cut short runs out of, unless one entry of the outermost axis is more."""


class StoredArray:
    """Type, shape and order of an array from byte `offset` of some bytes; subscripts read what they name.

    Subscripts are whole numbers and slices without steps, one for each axis or fewer.
    """

    def __init__(
        self,
        data: ByteRange,
        dtype: np.dtype[Any] | str,
        offset: int,
        shape: tuple[int, ...],
        order: Literal["C", "F"] = "C",
    ) -> None:
        self._data, self._offset, self._order = data, offset, order
        self.dtype, self.shape = np.dtype(dtype), shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def __getitem__(self, key: Any) -> NDArray[Any]:
        parts = key if isinstance(key, tuple) else (key,)
        wanted = [_bounds(part, size) for part, size in zip(parts, self.shape, strict=False)]
        wanted += [(0, size) for size in self.shape[len(parts) :]]
        numbers = tuple(0 if isinstance(part, int | np.integer) else slice(None) for part in parts)
        if self._order == "C":
            return np.asarray(self._take(self._offset, self.shape, wanted)[numbers])
        return np.asarray(self._take(self._offset, self.shape[::-1], wanted[::-1]).T[numbers])

    def _take(self, offset: int, shape: tuple[int, ...], wanted: list[tuple[int, int]]) -> NDArray[Any]:
        """Read the wanted entries of an array in C order that begins at a byte."""
        item = self.dtype.itemsize
        if not shape:
            return np.frombuffer(self._data.read(offset, item), self.dtype).reshape(())
        first, last = wanted[0]
        inner = math.prod(shape[1:]) * item
        sizes = tuple(end - start for start, end in wanted)
        whole = all(bounds == (0, size) for bounds, size in zip(wanted[1:], shape[1:], strict=True))
        if whole or ((last - first) * inner <= AT_ONCE and _run_bytes(shape, wanted, item) < LONG_RUN):
            data = self._data.read(offset + first * inner, (last - first) * inner)
            block = np.frombuffer(data, self.dtype).reshape(last - first, *shape[1:])
            return block[(slice(None), *(slice(*bounds) for bounds in wanted[1:]))]
        taken = np.empty(sizes, self.dtype)
        for number in range(first, last):
            taken[number - first] = self._take(offset + number * inner, shape[1:], wanted[1:])
        return taken


def _run_bytes(shape: tuple[int, ...], wanted: list[tuple[int, int]], item: int) -> int:
    """Bytes side by side of which the wanted entries consist."""
    run = item
    for size, (first, last) in zip(reversed(shape), reversed(wanted), strict=True):
        run *= last - first
        if last - first < size:
            break
    return run


def _bounds(part: Any, size: int) -> tuple[int, int]:
    if isinstance(part, slice):
        if part.step not in {None, 1}:
            raise ValueError("a stored array is read without steps")
        first, last, _ = part.indices(size)
        return first, max(first, last)
    if not 0 <= part < size:
        raise IndexError(f"entry {part} of an axis of {size}")
    return int(part), int(part) + 1
