"""Values of a MATLAB v5 element: numbers, text, cells and structures out of its bytes, with every size checked.

An element is a tag (type, bytes) and data, padded to 8 bytes; a small one keeps up to 4 bytes in its tag. A matrix is
an element of elements: flags, sizes, name, then values, or one matrix for each cell or field. Written here because a
damaged file must be an error in one line: the parser in common use reads past its tables on some of them and ends the
process. Format: MathWorks, "MAT-File Format", level 5.
"""

import math
import struct
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np

Order = Literal["<", ">"]

MATRIX, COMPRESSED = 14, 15
STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
CELL, STRUCTURE, TEXT = 1, 2, 4
TEXT_CODES = {1: "u1", 2: "u1", 4: "u2", 16: "u1", 17: "u2", 18: "u4"}
COMPLEX_FLAG, LOGICAL_FLAG = 0x08, 0x02
DEEPEST, MOST_MEMBERS, MOST_VALUES = 16, 2**16, 2**17
"""Levels, entries of one cell or structure, and values below one name."""


class Element:
    """One element in a piece of memory: its type, its data, and where the next one begins."""

    def __init__(self, data: memoryview, place: int, order: Order) -> None:
        first, second = struct.unpack_from(f"{order}II", data, place)
        small = first >> 16
        self.kind = first & 0xFFFF if small else first
        size = small or second
        start = place + (4 if small else 8)
        if (small and small > 4) or start + size > len(data):
            raise ValueError(f"an element of {size} bytes at {place} does not fit")
        self.data = data[start : start + size]
        self.start = start
        self.end = place + 8 if small else start + -(-size // 8) * 8


class Matrix:
    """The head of a matrix: class, flags, sizes and name; its values begin at `place` of its data."""

    def __init__(self, data: memoryview, order: Order) -> None:
        flags = Element(data, 0, order)
        word = struct.unpack_from(f"{order}I", flags.data)[0]
        self.kind, self.flags = word & 0xFF, word >> 8
        sizes = Element(data, flags.end, order)
        self.shape = tuple(struct.unpack(f"{order}{len(sizes.data) // 4}i", sizes.data[: len(sizes.data) // 4 * 4]))
        name = Element(data, sizes.end, order)
        self.name = bytes(name.data).decode("ascii", "replace")
        self.place = name.end

    @property
    def count(self) -> int:
        """Number of entries."""
        return math.prod(self.shape)

    @property
    def is_complex(self) -> bool:
        """Whether an imaginary part follows the real one."""
        return bool(self.flags & COMPLEX_FLAG)

    @property
    def dtype(self) -> np.dtype[Any] | None:
        """Type of the numbers; None for logical values, text, cells, structures and objects."""
        return np.dtype(CLASSES[self.kind]) if self.kind in CLASSES and not self.flags & LOGICAL_FLAG else None


def matrix_value(data: memoryview, order: Order, depth: int = 0, left: list[int] | None = None) -> Any:
    """Return the value of a matrix from its data (after the tag).

    Numbers are arrays of the full shape in the stored type, text is str, cells are lists, structures lists of
    dictionaries; what else there is (objects, functions, sparse arrays) is None. A damaged one raises ValueError or
    struct.error.
    """
    left = [MOST_VALUES] if left is None else left
    left[0] -= 1
    if left[0] < 0:
        raise ValueError(f"more than {MOST_VALUES} values in cells and structures")
    if len(data) == 0:
        return np.empty((0, 0))
    matrix = Matrix(data, order)
    if depth > DEEPEST or any(size < 0 for size in matrix.shape):
        raise ValueError(f"a matrix of shape {matrix.shape} at depth {depth}")
    if matrix.kind in CLASSES:
        return _numbers(data, matrix, order)
    if matrix.kind == TEXT:
        text = Element(data, matrix.place, order)
        codes = np.frombuffer(text.data, order + TEXT_CODES.get(text.kind, "u1"))
        return "".join(map(chr, codes[:MOST_MEMBERS].tolist()))
    if matrix.kind in {CELL, STRUCTURE}:
        return _members(data, matrix, order, depth, left)
    return None


def simplified(value: Any) -> Any:
    """Squeeze arrays, turn arrays of one into numbers and lists of one into their entry, at every level."""
    if isinstance(value, np.ndarray):
        return (
            value.reshape(-1)[0].item() if value.size == 1 else np.squeeze(value) if value.size else value.reshape(-1)
        )
    if isinstance(value, dict):
        return {name: simplified(each) for name, each in value.items()}
    if isinstance(value, list):
        entries = [simplified(each) for each in value]
        return entries[0] if len(entries) == 1 else entries
    return value


def arrays_in(value: Any, path: str, depth: int = 0) -> Iterator[tuple[str, np.ndarray]]:
    """Yield arrays of numbers with at least two entries in nested structures and cells, with their paths."""
    if depth > DEEPEST:
        return
    if isinstance(value, dict):
        for name, each in value.items():
            yield from arrays_in(each, f"{path}.{name}", depth + 1)
    elif isinstance(value, list):
        for number, each in enumerate(value[:MOST_MEMBERS], 1):
            yield from arrays_in(each, f"{path}({number})", depth + 1)
    elif isinstance(value, np.ndarray) and value.size > 1:
        yield path, value


def _numbers(data: memoryview, matrix: Matrix, order: Order) -> np.ndarray:
    real = Element(data, matrix.place, order)
    values = _array(real, matrix, order)
    if matrix.is_complex:
        values = paired(values, _array(Element(data, real.end, order), matrix, order))
    return values


def paired(real: np.ndarray, imaginary: np.ndarray) -> np.ndarray:
    """Join real and imaginary parts, in single precision where that holds them."""
    narrow = np.result_type(real, imaginary, np.float16).itemsize <= 4
    joined = np.empty(real.shape, np.complex64 if narrow else np.complex128, "F" if real.flags.f_contiguous else "C")
    joined.real, joined.imag = real, imaginary
    return joined


def _array(element: Element, matrix: Matrix, order: Order) -> np.ndarray:
    if element.kind not in STORED:
        raise ValueError(f"numbers of type {element.kind}")
    values = np.frombuffer(element.data, order + STORED[element.kind])
    if values.size != matrix.count:
        raise ValueError(f"{values.size} numbers for shape {matrix.shape}")
    return values.reshape(matrix.shape, order="F")


def _members(data: memoryview, matrix: Matrix, order: Order, depth: int, left: list[int]) -> list[Any]:
    """Entries of a cell, or records of a structure array, in the order of storage."""
    place, names = matrix.place, [""]
    if matrix.kind == STRUCTURE:
        length = Element(data, place, order)
        (width,) = struct.unpack_from(f"{order}i", length.data)
        text = Element(data, length.end, order)
        if width < 1:
            raise ValueError(f"field names of {width} letters")
        packed = bytes(text.data)
        names = [packed[k : k + width].split(b"\0")[0].decode("ascii", "replace") for k in range(0, len(packed), width)]
        place = text.end
    if matrix.count * max(1, len(names)) > MOST_MEMBERS:
        raise ValueError(f"{matrix.count} entries of {len(names)} fields")
    records: list[Any] = []
    for _ in range(matrix.count):
        record: dict[str, Any] = {}
        for name in names:
            member = Element(data, place, order)
            record[name] = matrix_value(member.data, order, depth + 1, left)
            place = member.end
        records.append(record if matrix.kind == STRUCTURE else record[""])
    return records
