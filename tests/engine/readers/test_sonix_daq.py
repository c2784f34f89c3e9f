"""Channels of a SonixDAQ are called what they are; other files of the name are not."""

import struct

import numpy as np
import pytest

from engine.errors import ReadError
from engine.readers import open_recording
from engine.readers.sonix_daq import element_of


def write(path, frames=3, samples=50, more=b""):
    numbers = np.arange(frames * samples, dtype="<i2")
    path.write_bytes(struct.pack("<3i", 127, frames, samples) + numbers.tobytes() + more)
    return path


def test_a_channel_is_refused_as_what_it_is(tmp_path):
    with pytest.raises(ReadError, match=r"channel 9 of a SonixDAQ \(element 17 of the probe, 3 frames of 50 samples\)"):
        open_recording([write(tmp_path / "CH009.daq")])


def test_a_folder_of_channels_holds_no_recording(tmp_path):
    for channel in range(3):
        write(tmp_path / f"CH{channel:03d}.daq")
    with pytest.raises(ReadError, match="SonixDAQ"):
        open_recording([tmp_path])


@pytest.mark.parametrize(("name", "more"), [("other.daq", b""), ("CH009.daq", b"\0")])
def test_other_files_are_not_taken_for_one(tmp_path, name, more):
    with pytest.raises(ReadError, match="no format that is known"):
        open_recording([write(tmp_path / name, more=more)])


def test_every_element_has_one_channel():
    assert sorted(map(element_of, range(128))) == list(range(128))
