"""Ultrasonix / Sonix RF (.rf): 19 little-endian int32, then frames of int16, sample fastest.

Header: type, frames, lines, samples, bits, eight corner coordinates, probe, transmit Hz, sampling Hz, frame rate, line
density, extra. Some program versions put a 4-byte tag before each frame: the file's size decides, never the version.
Format: Ultrasonix research interface, `uFileHeader`.
"""

import struct
from pathlib import Path

import numpy as np

from engine.errors import ReadError
from engine.files.ranges import PlainRange
from engine.files.stored_array import StoredArray
from engine.readers.base import READERS, Reader, ReadOptions, Recording
from engine.readers.common.checks import sequence_shape
from engine.types import Map

HEADER = struct.Struct("<19i")
RF = 16
OTHERS = {
    1: "a screen capture",
    2: "B-mode before scan conversion",
    4: "B-mode",
    8: "B-mode",
    32: "M-mode",
    64: "M-mode",
    128: "pulsed Doppler RF",
    256: "a pulsed Doppler spectrum",
    512: "colour Doppler RF",
    1024: "colour Doppler",
    2048: "colour velocity and variance (.cvv)",
    8192: "elastography over B-mode (.el)",
    16384: "an elastography overlay (.elo)",
    32768: "elastography before scan conversion (.epr)",
    65536: "an electrocardiogram",
    131072: "positions of a tracker",
}
LARGEST_KIND = 2**24


@READERS.entry
class Ultrasonix(Reader):
    """RF of SonixTouch, SonixRP and their relatives; their B-mode files are recognised and refused."""

    name = "ultrasonix"
    title = "Ultrasonix / Sonix (.rf)"
    extensions = (".rf", ".bpr", ".b8", ".b32")

    def sniff(self, path: Path, head: bytes) -> bool:
        """Recognise a header whose every size is possible: the format has no magic number."""
        if len(head) < HEADER.size:
            return False
        kind, frames, lines, samples, bits, *_ = HEADER.unpack_from(head)
        rates = HEADER.unpack_from(head)[14:18]
        possible = 0 < kind <= LARGEST_KIND and kind.bit_count() == 1 and bits in {8, 16, 32} and 1 <= frames <= 10**6
        return possible and 1 <= lines <= 2**13 and 1 <= samples <= 2**16 and all(0 <= rate <= 10**9 for rate in rates)

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """Set up the frames, past their tags where there are any."""
        with path.open("rb") as stream:
            fields = HEADER.unpack(stream.read(HEADER.size))
        kind, frames, lines, samples, bits = fields[:5]
        transmit_hz, sampling_hz, frame_rate_hz = fields[14:17]
        if kind != RF:
            what = OTHERS.get(kind, f"data of type {kind}")
            raise ReadError(path, f"holds {what} of an Ultrasonix scanner, not RF: record the RF (.rf) with it")
        if bits != 16:
            raise ReadError(path, f"sample size is {bits} bits, RF of this format has 16")
        sequence_shape(path, frames, samples, lines)
        tag, kept = _kept(path, frames, samples * lines * 2)
        shape = sequence_shape(path, kept, samples, lines)
        record = np.dtype([("tag", f"V{tag}"), ("rf", "<i2", (lines, samples))])
        stored = StoredArray(PlainRange(path, 0, path.stat().st_size), record, HEADER.size, (kept,))

        def read_frame(index: int) -> Map:
            frame: Map = stored[index]["rf"].T
            return frame

        values = {"sampling_hz": sampling_hz, "center_hz": transmit_hz, "frame_rate_hz": frame_rate_hz}
        return Recording(
            shape,
            {name: float(value) for name, value in values.items() if value > 0},
            read_frame,
            (path,),
            "Ultrasonix RF",
            notes=_notes(frames, kept, fields[13]),
            found_at={name: "header" for name, value in values.items() if value > 0},
        )


def _notes(promised: int, kept: int, probe: int) -> tuple[str, ...]:
    lines = (
        f"probe {probe}: its pitch is not in the file, nor, of a curved or phased one, its radius and angle "
        "(--radius-mm, --angle-step-deg)"
    )
    stopped = f"the header promises {promised} frames, the file keeps {kept} whole ones: the recording was stopped"
    return (lines, stopped) if kept < promised else (lines,)


def _kept(path: Path, frames: int, frame_bytes: int) -> tuple[int, int]:
    """Bytes of the tag before each frame, and the whole frames that the file keeps of those that it promises."""
    found = path.stat().st_size - HEADER.size
    for tag in (0, 4):
        if found == frames * (frame_bytes + tag):
            return tag, frames
    if found > frames * (frame_bytes + 4) or found < frame_bytes:
        plain, tagged = (HEADER.size + frames * (frame_bytes + tag) for tag in (0, 4))
        size = found + HEADER.size
        raise ReadError(path, f"{frames} frames need {plain} bytes, or {tagged} with frame tags; the file has {size}")
    tag = 4 if found % frame_bytes and (found % (frame_bytes + 4) == 0 or _counts(path, found, frame_bytes)) else 0
    return tag, min(frames, found // (frame_bytes + tag))


def _counts(path: Path, found: int, frame_bytes: int) -> bool:
    """Whether the words where tags would be count frames, as tags do."""
    places = range(0, found - 4, frame_bytes + 4)[:8]
    with path.open("rb") as stream:
        words = [stream.seek(HEADER.size + place) and struct.unpack("<i", stream.read(4))[0] for place in places]
    steps = np.diff(words)
    return steps.size > 0 and bool((steps == 1).all())
