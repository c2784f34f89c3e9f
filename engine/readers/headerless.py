"""Numbers without a header (.bin, .dat, .raw, .sxi): read as the user says, `TYPE SIZES AXES [HEADER_BYTES]`.

For example `int16 2x64x1200 fla 76`: little-endian int16, 2 frames of 64 lines of 1200 samples, sample fastest, after
76 bytes. Sizes and axes go from the slowest axis to the fastest; `>int16` is big-endian.
"""

import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.errors import ParameterError, ReadError
from engine.files.ranges import PlainRange
from engine.files.stored_array import StoredArray
from engine.readers.base import Reader, ReadOptions, Recording
from engine.readers.common.axes import arranged_shape, resolve_axes, take_frame
from engine.readers.common.checks import require_bytes, sequence_shape

TYPES = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "float32", "float64")
FORM = "TYPE SIZES AXES [HEADER_BYTES], for example 'int16 2x64x1200 fla 76'"


@dataclass(frozen=True)
class Layout:
    """How numbers without a header lie: type, sizes and axes from the slowest to the fastest, bytes before them."""

    dtype: np.dtype[np.generic]
    shape: tuple[int, ...]
    axes: str
    header_bytes: int = 0

    @classmethod
    def from_text(cls, text: str) -> "Layout":
        """Parse the user's words; what does not fit is a ParameterError.

        >>> Layout.from_text("int16 2x64x1200 fla 76").shape
        (2, 64, 1200)
        """
        match = re.fullmatch(r"([<>]?)(\w+)\s+(\d+(?:x\d+){1,2})\s+([fal]{2,3})(?:\s+(\d{1,12}))?", text.strip())
        if match is None or match[2] not in TYPES:
            raise ParameterError(f"layout {text!r} is not of the form {FORM}; types are {', '.join(TYPES)}")
        shape = tuple(int(size) for size in match[3].split("x"))
        if sorted(match[4]) != sorted("fal" if len(shape) == 3 else "al"):
            raise ParameterError(f"layout {text!r}: each of its {len(shape)} sizes needs a letter, f, a or l")
        return cls(
            np.dtype(match[2]).newbyteorder(">" if match[1] == ">" else "<"), shape, match[4], int(match[5] or 0)
        )


class Headerless(Reader):
    """Stands outside the registry, as no content shows such a file: the user's words do."""

    name = "headerless"
    title = "numbers without a header"
    extensions = ()

    def sniff(self, path: Path, head: bytes) -> bool:
        """Recognise nothing."""
        return False

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """Open a file whose layout the user gives; every byte after the header must belong to a frame."""
        return _read(path, Layout.from_text(options.layout or ""), options)


HEADERLESS = Headerless()


def _read(path: Path, layout: Layout, options: ReadOptions) -> Recording:
    found = path.stat().st_size
    size = math.prod(layout.shape) * layout.dtype.itemsize
    axes = resolve_axes(path, layout.shape, options.axes, layout.axes)
    sizes = sequence_shape(path, *arranged_shape(layout.shape, axes))
    require_bytes(path, layout.header_bytes + size, found, "the layout")
    if found != layout.header_bytes + size:
        rest = found - layout.header_bytes - size
        raise ReadError(path, f"has {rest} bytes more than the layout says: correct sizes, type or header bytes")
    stored = StoredArray(PlainRange(path, 0, found), layout.dtype, layout.header_bytes, layout.shape)
    return Recording(
        sizes,
        {},
        lambda index: take_frame(stored, axes, index),
        (path,),
        Headerless.title,
        axes=axes,
        notes=(f"read as you say: {options.layout}",),
    )
