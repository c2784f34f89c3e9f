"""MetaImage (.mhd with a data file, .mha in one file), as ITK and PLUS write it; one frame or many.

`DimSize = lines samples frames`; `ElementSpacing` in mm in the same order, with 1 1 1 a placeholder that says nothing.
The axial spacing gives the sampling rate only through the sound speed, so that rate counts as assumed.
Format: https://itk.org/Wiki/ITK/MetaIO/Documentation
"""

import sys
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock

import numpy as np

from engine.errors import ReadError
from engine.readers.base import ASSUMED, READERS, Reader, ReadOptions, Recording
from engine.readers.common.axes import arranged_shape, resolve_axes, take_frame
from engine.readers.common.checks import DEFLATE_RATIO, require_bytes, require_signed, sequence_shape
from engine.types import Map

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
AXIAL_MM, LATERAL_MM = (0.001, 0.5), (0.01, 5.0)
"""Spacings that RF can have; others are placeholders or another unit, and are not believed."""

STORED_AXES = {"M": "l", "U": "l", "F": "a", "N": "a", "A": "f", "D": "f"}
"""Letters of PLUS's `UltrasoundImageOrientation`: marked/unmarked side, far/near, ascending/descending elevation."""


@READERS.entry("metaimage")
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
        shape, dtype = _shape(path, header), _dtype(path, header)
        default = _stored_axes(path, header, len(shape))
        axes = resolve_axes(path, shape, options.axes, default)
        sizes = sequence_shape(path, *arranged_shape(shape, axes))
        read_stored = _data(path, header, end, shape, dtype)

        def read_frame(index: int) -> Map:
            stored, at = read_stored(index)
            return _unmirror(take_frame(stored, axes, at), header)

        known, suggested, notes = _geometry(path, header, axes, sizes[0])
        target = header["ElementDataFile"]
        return Recording(
            sizes,
            known,
            read_frame,
            (path,),
            "MetaImage",
            suggested,
            axes=axes,
            notes=notes,
            companions=() if target == "LOCAL" else (_beside(path, target),),
        )


def _header(path: Path) -> tuple[dict[str, str], int]:
    """Parse up to and with `ElementDataFile`; also return where the header ends."""
    header: dict[str, str] = {}
    read = 0
    with path.open("rb") as stream:
        while line := stream.readline(65536):
            read += len(line)
            key, equals, value = line.decode("utf-8", "replace").partition("=")
            if not equals or read > LARGEST_HEADER:
                if not key.strip() and read <= LARGEST_HEADER:
                    continue
                raise ReadError(path, f"damaged MetaImage header: {key.strip()[:40]!r} is not of the form key = value")
            header[key.strip()] = value.strip()
            if key.strip() == "ElementDataFile":
                return header, read
    raise ReadError(path, "MetaImage header has no ElementDataFile")


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
    if header.get("BinaryData", "True").lower() != "true":
        raise ReadError(path, "its values are stored as text, only binary data are read")
    big = header.get("ElementByteOrderMSB", header.get("BinaryDataByteOrderMSB", "False")).lower() == "true"
    dtype = np.dtype((">" if big else "<") + TYPES[kind])
    require_signed(path, dtype)
    return dtype


def _stored_axes(path: Path, header: Mapping[str, str], count: int) -> str:
    if "BRIGHTNESS" in header.get("UltrasoundImageType", ""):
        raise ReadError(path, "holds B-mode, not RF: UltrasoundImageType is BRIGHTNESS")
    if "IQ" in header.get("UltrasoundImageType", ""):
        raise ReadError(path, "holds IQ lines without a demodulation frequency: UltrasoundImageType is RF_IQ")
    letters = [STORED_AXES.get(letter) for letter in header.get("UltrasoundImageOrientation", "MFA")[:3]]
    axes = "".join(letter or "?" for letter in reversed(letters)).rjust(3, "f")
    return axes[-count:] if sorted(axes) == ["a", "f", "l"] else "fal"[-count:]


def _unmirror(frame: Map, header: Mapping[str, str]) -> Map:
    """Turn near-to-far downwards and the marked side first, as PLUS's orientation letters say."""
    orientation = header.get("UltrasoundImageOrientation", "MF")[:2]
    frame = frame[::-1] if "N" in orientation else frame
    return frame[:, ::-1] if "U" in orientation else frame


def _data(
    path: Path, header: Mapping[str, str], end: int, shape: tuple[int, ...], dtype: np.dtype[np.generic]
) -> Callable[[int], tuple[np.ndarray, int]]:
    """Return a function from a frame's number to an array and where in it that frame lies."""
    target = header["ElementDataFile"]
    local = target == "LOCAL"
    where = path if local else _beside(path, target)
    available = where.stat().st_size
    size = int(np.prod(shape, dtype=object)) * dtype.itemsize
    if header.get("CompressedData", "False").lower() == "true":
        start = end if local else 0
        require_bytes(where, -(-size // DEFLATE_RATIO), available - start, "DimSize (compressed)")
        return _Inflated(where, start, shape, dtype)
    start = int(header.get("HeaderSize", "0")) if not local else end
    start = available - size if start == -1 else start
    if start < 0:
        raise ReadError(path, f"HeaderSize is {header.get('HeaderSize', 0)}, impossible with {available} bytes of data")
    require_bytes(where, start + size, available, "DimSize")
    stored = np.memmap(where, dtype, "r", start, shape)
    return lambda index: (stored, index)


def _beside(path: Path, target: str) -> Path:
    """Return the data file, which must lie in the header's folder or below it."""
    if target.split()[0] in {"LIST"} or "%" in target:
        raise ReadError(path, "ElementDataFile is a list of files: open its files as one image each")
    where = (path.parent / target).resolve()
    if not where.is_relative_to(path.parent.resolve()):
        raise ReadError(path, f"ElementDataFile {target!r} lies outside the header's folder")
    if not where.is_file():
        raise ReadError(path, f"ElementDataFile {target!r} does not exist")
    return where


class _Inflated:
    """Frames of one zlib stream: kept at the next frame, started again to go back."""

    def __init__(self, path: Path, start: int, shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> None:
        self._path, self._start, self._dtype = path, start, dtype
        self._shape = shape if len(shape) == 2 else shape[1:]
        self._size = int(np.prod(self._shape)) * dtype.itemsize
        self._whole = len(shape) == 2
        self._lock = Lock()
        self._next, self._offset, self._stream = 0, start, zlib.decompressobj()

    def __call__(self, index: int) -> tuple[np.ndarray, int]:
        """Return an array that holds frame `index` at 0."""
        with self._lock:
            if index < self._next:
                self._next, self._offset, self._stream = 0, self._start, zlib.decompressobj()
            while self._next <= index:
                data = self._inflate()
                self._next += 1
        frame = np.frombuffer(data, self._dtype).reshape(self._shape)
        return (frame if self._whole else frame[None]), 0

    def _inflate(self) -> bytes:
        parts: list[bytes] = []
        wanted = self._size
        with self._path.open("rb") as file:
            while wanted:
                if not self._stream.unconsumed_tail:
                    file.seek(self._offset)
                held = self._stream.unconsumed_tail or file.read(2**20)
                self._offset = max(self._offset, file.tell())
                part = self._stream.decompress(held, wanted)
                if not part and not held:
                    raise ReadError(self._path, "truncated: the compressed data end too early")
                parts.append(part)
                wanted -= len(part)
        return b"".join(parts)


def _geometry(
    path: Path, header: Mapping[str, str], axes: str, frames: int
) -> tuple[dict[str, float], dict[str, float], tuple[str, ...]]:
    known: dict[str, float] = {}
    suggested: dict[str, float] = {}
    notes: list[str] = []
    name = "ElementSpacing" if "ElementSpacing" in header else "ElementSize"
    if name in header:
        spacing = dict(zip(axes, reversed(_numbers(path, header, name)[: len(axes)]), strict=False))
        axial, lateral = spacing.get("a", 0.0), spacing.get("l", 0.0)
        if AXIAL_MM[0] <= axial <= AXIAL_MM[1] and LATERAL_MM[0] <= lateral <= LATERAL_MM[1] and axial != lateral:
            known["pitch_m"] = lateral * 1e-3
            suggested["sampling_hz"] = ASSUMED["sound_speed_m_s"] / (2 * axial * 1e-3)
            notes.append(f"sampling rate from the axial spacing of {axial:g} mm at {ASSUMED['sound_speed_m_s']:g} m/s")
        else:
            notes.append(f"{name} = {header[name]} is a placeholder and is not used")
    rate = _frame_rate(header, frames)
    if rate is not None:
        known["frame_rate_hz"] = rate
    return known, suggested, tuple(notes)


def _frame_rate(header: Mapping[str, str], frames: int) -> float | None:
    try:
        first, last = (float(header[f"Seq_Frame{k:04d}_Timestamp"]) for k in (0, frames - 1))
    except (KeyError, ValueError):
        return None
    return (frames - 1) / (last - first) if 0 < last - first < sys.maxsize else None


def _numbers(path: Path, header: Mapping[str, str], key: str) -> list[float]:
    try:
        numbers = [float(entry) for entry in header[key].split()]
    except (KeyError, ValueError):
        raise ReadError(path, f"{key} must be a row of numbers, found {header.get(key)!r}") from None
    if not np.isfinite(numbers).all():
        raise ReadError(path, f"{key} must be finite, found {header[key]!r}")
    return numbers
