"""NIfTI-1 (.nii, .nii.gz): rarely RF, mostly images. Only its fourth axis has a meaning, time; numbers show the others.

Format: NIfTI-1, https://nifti.nimh.nih.gov/nifti-1
"""

import gzip
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np

from engine.errors import ReadError
from engine.files.ranges import GZIP, InflatedRange, PlainRange
from engine.files.stored_array import StoredArray
from engine.readers.base import READERS, Reader, ReadOptions, Recording
from engine.readers.common.axes import arranged_shape, take_frame
from engine.readers.common.axis_evidence import AxisEvidence, choose_axes
from engine.readers.common.checks import DEFLATE_RATIO, require_bytes, require_numbers, sequence_shape
from engine.readers.common.oscillation import middle_block
from engine.readers.common.spacing import rate_note, rate_of, spacing_in_m
from engine.types import Map

TYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8"}
HEADER_BYTES = 348
LARGEST_OFFSET = 2**20
"""Bytes of header and extensions above which they are not believed."""

LENGTH_UNITS = {1: ("m",), 2: ("mm",), 3: ("um",)}
SECONDS = {8: 1.0, 16: 1e-3, 24: 1e-6}
"""Codes of `xyzt_units`."""
TIME_AXIS = 3


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
        """Open the array; which of its axes is what, numbers, spacings and sizes tell."""
        with path.open("rb") as file:
            zipped = file.read(2) == b"\x1f\x8b"
        with gzip.open(path) if zipped else path.open("rb") as stream:
            head = stream.read(HEADER_BYTES)
        require_bytes(path, HEADER_BYTES, len(head), "the format")
        if head[344:348] == b"ni1\0":
            raise ReadError(path, "is a NIfTI pair of .hdr and .img: save it as one .nii file")
        order = "<" if struct.unpack_from("<i", head)[0] == HEADER_BYTES else ">"
        shape, dtype, start = _layout(path, head, order)
        size = int(np.prod(shape, dtype=object)) * dtype.itemsize
        found = path.stat().st_size
        require_bytes(path, -(-(start + size) // DEFLATE_RATIO) if zipped else start + size, found)
        bytes_of = InflatedRange(path, 0, start + size, GZIP) if zipped else PlainRange(path, 0, found)
        stored = StoredArray(bytes_of, dtype, start, shape, "F")
        pixdim = tuple(float(each) for each in struct.unpack_from(f"{order}8f", head, 76)[1 : 1 + len(shape)])
        evidence = AxisEvidence(
            shape,
            lambda: middle_block(stored, shape),
            spacing=tuple(
                each if np.isfinite(each) and each > 0 and place != TIME_AXIS else 0.0
                for place, each in enumerate(pixdim)
            ),
            frames_last=True,
            frames_axis=TIME_AXIS if len(shape) > TIME_AXIS and shape[TIME_AXIS] > 1 else None,
        )
        choice = choose_axes(path, evidence, options.axes)
        axes = choice.letters
        sizes = sequence_shape(path, *arranged_shape(shape, axes))
        slope, intercept = struct.unpack_from(f"{order}2f", head, 112)
        scale = slope if np.isfinite(slope) and slope else 1.0

        def read_frame(index: int) -> Map:
            frame = take_frame(stored, axes, index)
            return np.asarray(frame * np.float32(scale) + np.float32(intercept if scale != 1.0 else 0), np.float32)

        recording = Recording(
            sizes,
            {},
            read_frame,
            (path,),
            "NIfTI",
            axes=axes,
            axes_assumed=choice.assumed,
            notes=("a NIfTI file does not say whether it holds RF", *choice.notes),
        )
        return _with_geometry(recording, pixdim, head[123])


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


def _with_geometry(recording: Recording, pixdim: tuple[float, ...], units: int) -> Recording:
    """Add what spacings say, in the unit that the header gives or their size shows; a placeholder of 1 says nothing."""
    known, suggested, notes, found_at = dict[str, float](), dict[str, float](), list[str](), dict[str, str]()
    stated = LENGTH_UNITS.get(units & 7)
    axial, lateral = (pixdim[recording.axes.index(letter)] for letter in "al")
    believed = spacing_in_m(axial, lateral, stated) if stated else spacing_in_m(axial, lateral)
    if believed is not None:
        axial, known["pitch_m"], unit = believed
        found_at["pitch_m"] = "pixdim"
        suggested["sampling_hz"] = rate_of(axial)
        notes += [rate_note(axial)] if stated else [rate_note(axial), f"pixdim is taken to be in {unit}"]
    elif axial != lateral or axial not in {0.0, 1.0}:
        notes.append(f"pixdim = {axial:g}, {lateral:g} along depth and lines is no spacing of RF and is not used")
    step = SECONDS.get(units & 56)
    if step is not None and recording.axes.find("f") == TIME_AXIS and pixdim[TIME_AXIS] > 0 and pixdim[TIME_AXIS] != 1:
        known["frame_rate_hz"], found_at["frame_rate_hz"] = 1 / (pixdim[TIME_AXIS] * step), "pixdim"
    return replace(recording, known=known, suggested=suggested, found_at=found_at, notes=(*recording.notes, *notes))
