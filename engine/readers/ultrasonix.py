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
}


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
        possible = kind in {RF, *OTHERS} and bits in {8, 16, 32} and 1 <= frames <= 10**6
        return possible and 1 <= lines <= 2**13 and 1 <= samples <= 2**16 and all(0 <= rate <= 10**9 for rate in rates)

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """Set up the frames, past their tags where there are any."""
        with path.open("rb") as stream:
            fields = HEADER.unpack(stream.read(HEADER.size))
        kind, frames, lines, samples, bits = fields[:5]
        transmit_hz, sampling_hz, frame_rate_hz = fields[14:17]
        if kind != RF:
            raise ReadError(path, f"holds {OTHERS[kind]} of an Ultrasonix scanner, not RF")
        if bits != 16:
            raise ReadError(path, f"sample size is {bits} bits, RF of this format has 16")
        shape = sequence_shape(path, frames, samples, lines)
        tag = _tag_bytes(path, frames, samples * lines * 2)
        record = np.dtype([("tag", f"V{tag}"), ("rf", "<i2", (lines, samples))])
        stored = StoredArray(PlainRange(path, 0, path.stat().st_size), record, HEADER.size, (frames,))

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
            notes=(f"probe {fields[13]}: its pitch is not in the file",),
        )


def _tag_bytes(path: Path, frames: int, frame_bytes: int) -> int:
    found = path.stat().st_size
    plain, tagged = (HEADER.size + frames * (frame_bytes + tag) for tag in (0, 4))
    if found not in {plain, tagged}:
        raise ReadError(path, f"{frames} frames need {plain} bytes, or {tagged} with frame tags; the file has {found}")
    return 0 if found == plain else 4
