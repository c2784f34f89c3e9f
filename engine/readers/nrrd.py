"""NRRD (.nrrd in one file, .nhdr with a data file beside it), as 3D Slicer and PLUS sequences write it.

Lines `field: value` and `key:=value` up to an empty line; `sizes` and `spacings` (or `space directions`) go from the
fastest axis to the slowest. What the axes are and what kind of data there is says
`engine.readers.common.ultrasound_image`. Encodings raw and gzip; parsed here, as the common library reads files whole.
Format: https://teem.sourceforge.net/nrrd/format.html
"""

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from engine.errors import ReadError
from engine.files.ranges import GZIP, InflatedRange, PlainRange
from engine.files.stored_array import StoredArray
from engine.readers.base import READERS, Reader, ReadOptions, Recording
from engine.readers.common.checks import DEFLATE_RATIO, require_bytes, require_numbers
from engine.readers.common.data_file import beside
from engine.readers.common.ultrasound_image import UltrasoundImage

LARGEST_HEADER = 2**24
TYPES = {
    "i1": "signed char, int8, int8_t",
    "u1": "uchar, unsigned char, uint8, uint8_t",
    "i2": "short, short int, signed short, signed short int, int16, int16_t",
    "u2": "ushort, unsigned short, unsigned short int, uint16, uint16_t",
    "i4": "int, signed int, int32, int32_t",
    "u4": "uint, unsigned int, uint32, uint32_t",
    "i8": "longlong, long long, long long int, signed long long, signed long long int, int64, int64_t",
    "u8": "ulonglong, unsigned long long, unsigned long long int, uint64, uint64_t",
    "f4": "float",
    "f8": "double",
}
GZIPPED = {"gzip", "gz"}


@READERS.entry
class Nrrd(Reader):
    """Magic `NRRD000` and a version."""

    name = "nrrd"
    title = "NRRD (.nrrd, .nhdr)"
    extensions = (".nrrd", ".nhdr")

    def sniff(self, path: Path, head: bytes) -> bool:
        """Recognise the magic."""
        return re.match(rb"NRRD000[1-9]\r?\n", head) is not None

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """Open header and data file; compressed data are inflated as frames are asked for."""
        header, end = _header(path)
        shape, dtype, spacing = _shape(path, header), _dtype(path, header), _spacing(path, header)
        target = header.get("data file", header.get("datafile"))
        where = path if target is None else beside(path, target, "data file")
        image = UltrasoundImage(
            path,
            "NRRD",
            shape,
            lambda shape: _data(where, header, end if target is None else 0, shape, dtype),
            header,
            spacing,
            "spacings" if "spacings" in header else "space directions",
        )
        recording = image.recording(options)
        return replace(recording, companions=() if target is None else (where,))


def _header(path: Path) -> tuple[dict[str, str], int]:
    """Parse up to the empty line or the end; also return where the header ends. Names of fields are lower case."""
    header: dict[str, str] = {}
    read = 0
    with path.open("rb") as stream:
        read += len(stream.readline(64))
        while line := stream.readline(65536):
            read += len(line)
            text = line.decode("utf-8", "replace").rstrip("\r\n")
            if read > LARGEST_HEADER:
                raise ReadError(path, f"its header has more than {LARGEST_HEADER} bytes")
            if not text.strip():
                break
            if text.startswith("#"):
                continue
            match = re.match(r"([^:]+):(=| ?)(.*)", text)
            if match is None:
                raise ReadError(path, f"damaged NRRD header: {text[:40]!r} is neither a field nor a key")
            header[match[1].strip() if match[2] == "=" else match[1].strip().lower()] = match[3].strip()
    return header, read


def _field(path: Path, header: Mapping[str, str], name: str) -> str:
    if name not in header:
        raise ReadError(path, f"NRRD header has no {name}")
    return header[name]


def _shape(path: Path, header: Mapping[str, str]) -> tuple[int, ...]:
    """Sizes in the order of NumPy, slowest first."""
    text = _field(path, header, "sizes")
    sizes = [int(entry) if entry.isdecimal() else 0 for entry in text.split()]
    if not 2 <= len(sizes) <= 3 or min(sizes) < 1 or header.get("dimension", str(len(sizes))) != str(len(sizes)):
        raise ReadError(path, f"sizes must be 2 or 3 positive whole numbers, found {text[:40]!r}")
    return tuple(reversed(sizes))


def _dtype(path: Path, header: Mapping[str, str]) -> np.dtype[np.generic]:
    kind = _field(path, header, "type")
    code = next((code for code, names in TYPES.items() if kind in names.split(", ")), None)
    if code is None:
        raise ReadError(path, f"type {kind[:40]!r} is not one of numbers that can be RF")
    dtype = np.dtype((">" if header.get("endian", "little") == "big" else "<") + code)
    require_numbers(path, dtype)
    return dtype


def _spacing(path: Path, header: Mapping[str, str]) -> tuple[float, ...]:
    """Spacing of each axis, slowest first, 0 where there is none; empty where no axis has one."""
    try:
        if "spacings" in header:
            numbers = [float(entry) for entry in header["spacings"].split()]
        elif "space directions" in header:
            vectors = re.findall(r"none|\(([^)]*)\)", header["space directions"])
            numbers = [math.hypot(*map(float, vector.split(","))) if vector else 0.0 for vector in vectors]
        else:
            return ()
    except ValueError:
        raise ReadError(path, "spacings and space directions must be numbers") from None
    if len(numbers) != len(_shape(path, header)):
        raise ReadError(path, f"has {len(numbers)} spacings for {len(_shape(path, header))} axes")
    return tuple(number if np.isfinite(number) and number > 0 else 0.0 for number in reversed(numbers))


def _data(
    where: Path, header: Mapping[str, str], start: int, shape: tuple[int, ...], dtype: np.dtype[np.generic]
) -> StoredArray:
    encoding = _field(where, header, "encoding").lower()
    skip = header.get("byte skip", header.get("byteskip", "0"))
    if header.get("line skip", header.get("lineskip", "0")) != "0" or not re.fullmatch(r"-1|\d{1,12}", skip):
        raise ReadError(where, "skips lines or bytes in a way that is not read")
    available, size = where.stat().st_size, int(np.prod(shape, dtype=object)) * dtype.itemsize
    if encoding in GZIPPED:
        if skip != "0":
            raise ReadError(where, "skips bytes of a compressed file, which is not read")
        require_bytes(where, -(-size // DEFLATE_RATIO), available - start, "sizes (compressed)")
        return StoredArray(InflatedRange(where, start, size, GZIP), dtype, 0, shape)
    if encoding != "raw":
        raise ReadError(where, f"encoding {encoding[:20]!r} is not read: save it raw or gzip")
    start = available - size if skip == "-1" else start + int(skip)
    if start < 0:
        raise ReadError(where, f"sizes promise {size} bytes, the file has {available}")
    require_bytes(where, start + size, available, "sizes")
    return StoredArray(PlainRange(where, start, size), dtype, 0, shape)
