"""SonixDAQ (CH000.daq to CH127.daq): what each receive channel of an Ultrasonix probe heard, a file a channel.

Header of 3 little-endian int32 (last channel, frames, samples of a frame), then int16, frame after frame; readers of
the vendor's SDK 6.0 show it. Channel i hears element 16 (i mod 8) + i div 8. What was transmitted, at which rate it was
sampled and where the elements lie is in no file, so that there is nothing to beamform such data with.
"""

import re
import struct
from pathlib import Path
from typing import NoReturn

from engine.errors import ReadError
from engine.readers.base import READERS, Reader, ReadOptions

HEADER = struct.Struct("<3i")
NAME = re.compile(r"CH(\d{3})(-\d+)?\.daq", re.IGNORECASE)
BOARDS, ELEMENTS_APART = 8, 16


@READERS.entry
class SonixDaq(Reader):
    """Recognised by the name of a channel and a header that accounts for every byte; refused with what it is."""

    name = "sonix-daq"
    title = "SonixDAQ channel (.daq)"
    extensions = ()

    def sniff(self, path: Path, head: bytes) -> bool:
        """Recognise a channel's name, and sizes that are the file's."""
        if NAME.fullmatch(path.name) is None or len(head) < HEADER.size:
            return False
        last, frames, samples = HEADER.unpack_from(head)
        possible: bool = 0 <= last < 1024 and frames > 0 and samples > 0
        return possible and path.stat().st_size == HEADER.size + 2 * int(frames) * int(samples)

    def read(self, path: Path, options: ReadOptions) -> NoReturn:
        """Say what the file holds and what it takes to make RF lines of it."""
        with path.open("rb") as stream:
            _, frames, samples = HEADER.unpack(stream.read(HEADER.size))
        match = NAME.fullmatch(path.name)
        channel = int(match[1]) if match else 0
        raise ReadError(
            path,
            f"is channel {channel} of a SonixDAQ (element {element_of(channel)} of the probe, {frames} frames of "
            f"{samples} samples), before beamforming; no file of it says what was transmitted, at which rate, nor the "
            "pitch: beamform all channels with the sequence they were taken with, and save RF lines as .mat or .npz",
        )


def element_of(channel: int) -> int:
    """Return the element, from 0, that a channel, from 0, is wired to.

    >>> [element_of(channel) for channel in (0, 1, 8, 127)]
    [0, 16, 1, 127]
    """
    return ELEMENTS_APART * (channel % BOARDS) + channel // BOARDS
