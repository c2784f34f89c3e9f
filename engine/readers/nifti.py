"""NIfTI-1 (.nii, .nii.gz): rarely RF, mostly images; axes are taken as lines, samples, frames, and marked assumed.

Format: NIfTI-1, https://nifti.nimh.nih.gov/nifti-1
"""

import gzip
import struct
from pathlib import Path

import numpy as np

from engine.errors import ReadError
from engine.files.ranges import GZIP, InflatedRange, PlainRange
from engine.files.stored_array import StoredArray
from engine.readers.base import ASSUMED, READERS, Reader, ReadOptions, Recording
from engine.readers.common.axes import arranged_shape, resolve_axes, take_frame
from engine.readers.common.checks import DEFLATE_RATIO, require_bytes, require_numbers, sequence_shape
from engine.types import Map

TYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8"}
HEADER_BYTES = 348
LARGEST_OFFSET = 2**20
"""Bytes of header and extensions above which they are not believed."""

TO_METRES = {1: 1.0, 2: 1e-3, 3: 1e-6}


@READERS.entry
class Nifti(Reader):
    """One file, plain or gzipped, read frame by frame."""

    name = "nifti"
    title = "NIfTI (.nii, .nii.gz)"
    extensions = (".nii", ".gz")

    def sniff(self, path: Path, head: bytes) -> bool:
        """Recognise the magic at byte 344, inside gzip if need be."""
        if head.startswith(b"\x1f\x8b"):
            with gzip.open(path) as stream:
                head = stream.read(HEADER_BYTES)
        return head[344:348] in {b"n+1\0", b"ni1\0"}

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """Open the array; its first axis is taken to be lateral, its second axial, its third or fourth time."""
        with path.open("rb") as file:
            zipped = file.read(2) == b"\x1f\x8b"
        with gzip.open(path) if zipped else path.open("rb") as stream:
            head = stream.read(HEADER_BYTES)
        require_bytes(path, HEADER_BYTES, len(head), "the format")
        if head[344:348] == b"ni1\0":
            raise ReadError(path, "is a NIfTI pair of .hdr and .img: save it as one .nii file")
        order = "<" if struct.unpack_from("<i", head)[0] == HEADER_BYTES else ">"
        shape, dtype, start = _layout(path, head, order)
        axes = resolve_axes(path, shape, options.axes, "laf")
        sizes = sequence_shape(path, *arranged_shape(shape, axes))
        size = int(np.prod(shape, dtype=object)) * dtype.itemsize
        found = path.stat().st_size
        require_bytes(path, -(-(start + size) // DEFLATE_RATIO) if zipped else start + size, found)
        slope, intercept = struct.unpack_from(f"{order}2f", head, 112)
        scale = slope if np.isfinite(slope) and slope else 1.0
        bytes_of = InflatedRange(path, 0, start + size, GZIP) if zipped else PlainRange(path, 0, found)
        stored = StoredArray(bytes_of, dtype, start, shape, "F")

        def read_frame(index: int) -> Map:
            frame = take_frame(stored, axes, index)
            return np.asarray(frame * np.float32(scale) + np.float32(intercept if scale != 1.0 else 0), np.float32)

        known, suggested = _geometry(head, order, axes)
        return Recording(
            sizes,
            known,
            read_frame,
            (path,),
            "NIfTI",
            suggested,
            axes=axes,
            axes_assumed=options.axes is None,
            notes=("a NIfTI file does not say whether it holds RF, nor which axis is depth",),
        )


def _layout(path: Path, head: bytes, order: str) -> tuple[tuple[int, ...], np.dtype[np.generic], int]:
    dim = struct.unpack_from(f"{order}8h", head, 40)
    kind = struct.unpack_from(f"{order}h", head, 70)[0]
    start = struct.unpack_from(f"{order}f", head, 108)[0]
    if not 2 <= dim[0] <= 7 or any(size < 1 for size in dim[1 : dim[0] + 1]):
        raise ReadError(path, f"dim is {list(dim)}, impossible")
    if kind not in TYPES:
        raise ReadError(path, f"datatype {kind} is not one of numbers that can be RF")
    dtype = np.dtype(order + TYPES[kind])
    require_numbers(path, dtype)
    if not HEADER_BYTES <= start <= LARGEST_OFFSET:
        raise ReadError(path, f"vox_offset is {start}, impossible")
    return tuple(int(size) for size in dim[1 : dim[0] + 1]), dtype, int(start)


def _geometry(head: bytes, order: str, axes: str) -> tuple[dict[str, float], dict[str, float]]:
    """Spacing in space, where the header gives its unit and it is no placeholder of 1."""
    pixdim = struct.unpack_from(f"{order}8f", head, 76)
    scale = TO_METRES.get(head[123] & 7)
    if scale is None:
        return {}, {}
    axial, lateral = (pixdim[1 + axes.index(letter)] * scale for letter in ("a", "l"))
    if not (1e-6 <= axial <= 5e-4 and 1e-5 <= lateral <= 5e-3):
        return {}, {}
    return {"pitch_m": lateral}, {"sampling_hz": ASSUMED["sound_speed_m_s"] / (2 * axial)}
