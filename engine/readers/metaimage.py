"""MetaImage (.mhd with a data file, .mha in one file), as ITK and PLUS write it; one frame or many.

`DimSize` and `ElementSpacing` go from the fastest axis to the slowest. Which of them is depth, in what unit the spacing
is and what kind of data there is says `engine.readers.common.ultrasound_image`, for this format and its relatives.
Format: https://itk.org/Wiki/ITK/MetaIO/Documentation
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from engine.errors import ReadError
from engine.files.ranges import InflatedRange, PlainRange
from engine.files.stored_array import StoredArray
from engine.readers.base import READERS, Reader, ReadOptions, Recording
from engine.readers.common.checks import DEFLATE_RATIO, require_bytes, require_numbers
from engine.readers.common.data_file import beside
from engine.readers.common.ultrasound_image import UltrasoundImage

LARGEST_HEADER = 2**24
TYPES = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}


@READERS.entry
class MetaImage(Reader):
    """Text header of `Key = value` lines that ends with `ElementDataFile`."""

    name = "metaimage"
    title = "MetaImage (.mhd, .mha)"
    extensions = (".mhd", ".mha")

    def sniff(self, path: Path, head: bytes) -> bool:
        """Recognise the keys that every such header holds."""
        start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
        first = start.split(b"=", 1)[0].strip()
        known = first in {b"ObjectType", b"NDims", b"Comment", b"ObjectSubType"}
        return known and (b"DimSize" in head or b"ElementDataFile" in head or b"NDims" in head)

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """Open header and data file; compressed data are inflated as frames are asked for."""
        header, end = _header(path)
        dtype, target = _dtype(path, header), header["ElementDataFile"]
        name = "ElementSpacing" if "ElementSpacing" in header else "ElementSize"
        spacing = tuple(reversed(_numbers(path, header, name))) if name in header else ()
        shape = _shape(path, header)
        image = UltrasoundImage(
            path,
            "MetaImage",
            shape,
            lambda shape: _data(path, header, end, shape, dtype),
            header,
            spacing[-len(shape) :],
            name,
        )
        recording = image.recording(options)
        return replace(recording, companions=() if target == "LOCAL" else (_beside(path, target),))


def _header(path: Path) -> tuple[dict[str, str], int]:
    """Parse the header, also what follows `ElementDataFile` where the data lie elsewhere; return where it ends."""
    header: dict[str, str] = {}
    read = 0
    with path.open("rb") as stream:
        while line := stream.readline(65536):
            read += len(line)
            key, equals, value = line.decode("utf-8", "replace").partition("=")
            if not equals or read > LARGEST_HEADER:
                if read <= LARGEST_HEADER and (not key.strip() or "ElementDataFile" in header):
                    continue
                raise ReadError(path, f"damaged MetaImage header: {key.strip()[:40]!r} is not of the form key = value")
            header.setdefault(key.strip(), value.strip())
            if key.strip() == "ElementDataFile" and value.strip() == "LOCAL":
                break
    if "ElementDataFile" not in header:
        raise ReadError(path, "MetaImage header has no ElementDataFile")
    return header, read


def _shape(path: Path, header: Mapping[str, str]) -> tuple[int, ...]:
    """Sizes in the order of NumPy, slowest first; axes of one frame or of no extent are dropped beyond three."""
    sizes = _numbers(path, header, "DimSize")
    if len(sizes) < 2 or any(size != int(size) or size < 1 for size in sizes):
        raise ReadError(path, f"DimSize must be 2 or 3 positive whole numbers, found {header.get('DimSize')!r}")
    shape = tuple(int(size) for size in reversed(sizes))
    while len(shape) > 3 and shape[0] == 1:
        shape = shape[1:]
    if len(shape) > 3:
        raise ReadError(path, f"DimSize has {len(shape)} axes, RF has lines, samples and frames")
    if header.get("ElementNumberOfChannels", "1") != "1":
        raise ReadError(path, f"has {header['ElementNumberOfChannels']} values a pixel: colour or IQ, not RF")
    return shape


def _dtype(path: Path, header: Mapping[str, str]) -> np.dtype[np.generic]:
    kind = header.get("ElementType", "")
    if kind not in TYPES:
        raise ReadError(path, f"ElementType {kind!r} is not one of {', '.join(TYPES)}")
    if not _flag(header, "BinaryData", "True"):
        raise ReadError(path, "its values are stored as text, only binary data are read")
    big = _flag(header, "ElementByteOrderMSB", header.get("BinaryDataByteOrderMSB", "False"))
    dtype = np.dtype((">" if big else "<") + TYPES[kind])
    require_numbers(path, dtype)
    return dtype


def _flag(header: Mapping[str, str], key: str, default: str) -> bool:
    return header.get(key, default).lower() in {"true", "1"}


def _data(
    path: Path, header: Mapping[str, str], end: int, shape: tuple[int, ...], dtype: np.dtype[np.generic]
) -> StoredArray:
    """Return the array as it lies in the data file, inflated where it is compressed."""
    target = header["ElementDataFile"]
    local = target == "LOCAL"
    where = path if local else _beside(path, target)
    available = where.stat().st_size
    size = int(np.prod(shape, dtype=object)) * dtype.itemsize
    if _flag(header, "CompressedData", "False"):
        start = end if local else 0
        require_bytes(where, -(-size // DEFLATE_RATIO), available - start, "DimSize (compressed)")
        return StoredArray(InflatedRange(where, start, size), dtype, 0, shape)
    start = int(header.get("HeaderSize", "0")) if not local else end
    start = available - size if start == -1 else start
    if start < 0:
        raise ReadError(path, f"HeaderSize is {header.get('HeaderSize', 0)}, impossible with {available} bytes of data")
    require_bytes(where, start + size, available, "DimSize")
    return StoredArray(PlainRange(where, start, size), dtype, 0, shape)


def _beside(path: Path, target: str) -> Path:
    """Return the data file; a list of them is refused."""
    if target.split()[0] in {"LIST"} or "%" in target:
        raise ReadError(path, "ElementDataFile is a list of files: open its files as one image each")
    return beside(path, target, "ElementDataFile")


def _numbers(path: Path, header: Mapping[str, str], key: str) -> list[float]:
    try:
        numbers = [float(entry) for entry in header[key].split()]
    except (KeyError, ValueError):
        raise ReadError(path, f"{key} must be a row of numbers, found {header.get(key)!r}") from None
    if not np.isfinite(numbers).all():
        raise ReadError(path, f"{key} must be finite, found {header[key]!r}")
    return numbers
