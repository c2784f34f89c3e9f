"""Checks that every reader makes before it allocates or believes anything; each failure is one ReadError."""

import math
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from engine.errors import ReadError

LARGEST_FRAME = 2**26
"""Samples in one frame above which a header is not believed (16384 samples of 4096 lines); bounds the memory."""

MOST_TRANSMITS, LARGEST_CHANNELS = 2**13, 2**27
"""Transmits and channel samples of one frame above which a header is not believed: 128 x 128 x 8192."""

LARGEST_SEQUENCE = 2**24
"""Frames in one recording above which a header is not believed."""

DEFLATE_RATIO = 1032
"""Deflate cannot expand by more than this (zlib's technical notes); a header that claims more is false."""

DAMAGED = (
    OSError,
    ValueError,
    KeyError,
    IndexError,
    TypeError,
    AttributeError,
    ArithmeticError,
    MemoryError,
    RecursionError,
    EOFError,
    RuntimeError,
    UnicodeError,
    struct.error,
    zlib.error,
    zipfile.BadZipFile,
    tarfile.TarError,
)
"""What parsing libraries raise on a damaged file; turned into one ReadError at the door, in `open_recording`."""


def sequence_shape(path: Path, frames: int, rows: int, lines: int) -> tuple[int, int, int]:
    """Return (T, H, W) after checking that each size is possible."""
    for name, size in (("frames", frames), ("samples", rows), ("lines", lines)):
        if size < 1:
            raise ReadError(path, f"number of {name} is {size}")
    if rows * lines > LARGEST_FRAME:
        raise ReadError(path, f"one frame would hold {rows} x {lines} values, more than can be")
    if frames > LARGEST_SEQUENCE:
        raise ReadError(path, f"number of frames is {frames}, more than can be")
    return int(frames), int(rows), int(lines)


def require_channels(path: Path, transmits: int, channels: int, samples: int) -> None:
    """Refuse a frame of more channel data than any system takes, before anything is made for each transmit."""
    for name, size in (("transmits", transmits), ("channels", channels), ("samples", samples)):
        if size < 1:
            raise ReadError(path, f"number of {name} is {size}")
    if transmits > MOST_TRANSMITS or transmits * channels * samples > LARGEST_CHANNELS:
        raise ReadError(
            path,
            f"one frame would hold {transmits} transmits x {channels} channels x {samples} samples, more than can be",
        )


def require_bytes(path: Path, needed: int, found: int, what: str = "the header") -> None:
    """Refuse a file that holds fewer bytes than its own header promises."""
    if found < needed:
        raise ReadError(path, f"truncated: {what} promises {needed} bytes, the file has {found}")


def positive(path: Path, field: str, value: object) -> float:
    """Return a number from a file that must be positive and finite."""
    number = finite(path, field, value)
    if number <= 0:
        raise ReadError(path, f"{field} must be positive, found {number:g}")
    return number


def finite(path: Path, field: str, value: object) -> float:
    """Return a number from a file that must be one finite number (a scalar, or an array of one value)."""
    array = np.asarray(value)
    if array.size != 1 or array.dtype.kind not in "iufb":
        raise ReadError(path, f"{field} must be one number, found {_short(value)}")
    number = float(array.reshape(-1)[0])
    if not math.isfinite(number):
        raise ReadError(path, f"{field} must be finite, found {number}")
    return number


def geometry_values(path: Path, values: Mapping[str, object]) -> dict[str, float]:
    """Check geometry values from a file by their names: all positive, but for a finite `start_depth_m`."""
    return {
        name: finite(path, name, value) if name == "start_depth_m" else positive(path, name, value)
        for name, value in values.items()
    }


def require_numbers(path: Path, dtype: np.dtype[np.generic], what: str = "values") -> None:
    """Refuse item types that cannot hold RF: text, records, complex numbers."""
    if dtype.kind not in "iuf" or dtype.itemsize > 8:
        raise ReadError(path, f"{what} are of type {dtype}, not numbers that can be RF")


def _short(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 40 else f"{text[:37]}..."
