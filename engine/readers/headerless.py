"""Numbers without a header (.bin, .dat, .raw, .sxi): read as the user says, `TYPE SIZES AXES [HEADER_BYTES]`.

For example `int16 2x64x1200 fla 76`: little-endian int16, 2 frames of 64 lines of 1200 samples, sample fastest, after
76 bytes. Sizes and axes go from the slowest axis to the fastest; `>int16` is big-endian.
"""

import hashlib
import math
import re
from collections.abc import Sequence
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
SUFFIXES = (".bin", ".dat", ".raw", ".sxi")
"""What such files are usually called; of a file that is called so and that no reader knows it is worth asking."""

KEY_BYTES = 2**20
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

    @property
    def file_bytes(self) -> int:
        """Bytes that a file of this layout has."""
        return self.header_bytes + math.prod(self.shape) * self.dtype.itemsize

    def require_fit(self, path: Path) -> None:
        """Refuse a file of which not every byte after the header belongs to a frame, with a ReadError."""
        found = path.stat().st_size
        require_bytes(path, self.file_bytes, found, "the layout")
        if found != self.file_bytes:
            rest = found - self.file_bytes
            raise ReadError(path, f"has {rest} bytes more than the layout says: correct sizes, type or header bytes")


def may_lack_header(paths: Sequence[Path]) -> bool:
    """Say by their names whether files may be numbers without a header."""
    return bool(paths) and all(path.suffix.lower() in SUFFIXES and path.is_file() for path in paths)


def bytes_key(paths: Sequence[Path]) -> str:
    """Key, 64 hexadecimal digits, of files that no reader knows: of their sizes, first, middle and last bytes."""
    digest = hashlib.sha256(b"numbers without a header")
    for path in paths:
        size = path.stat().st_size
        digest.update(f" {size} ".encode())
        with path.open("rb") as stream:
            for place in (0, size // 2, size - KEY_BYTES):
                stream.seek(max(place, 0))
                digest.update(stream.read(KEY_BYTES))
    return digest.hexdigest()


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
    axes = resolve_axes(path, layout.shape, options.axes, layout.axes)
    sizes = sequence_shape(path, *arranged_shape(layout.shape, axes))
    layout.require_fit(path)
    stored = StoredArray(PlainRange(path, 0, layout.file_bytes), layout.dtype, layout.header_bytes, layout.shape)
    return Recording(
        sizes,
        {},
        lambda index: take_frame(stored, axes, index),
        (path,),
        Headerless.title,
        axes=axes,
        notes=(f"read as you say: {options.layout}",),
    )
