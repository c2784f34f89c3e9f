import struct

import numpy as np
import pytest

from engine.errors import ReadError
from engine.readers import ReadOptions, open_recording
from engine.types import Sector


def write(path, frames, *, tags=False, kind=16, bits=16, **changes):
    count, rows, lines = frames.shape
    rates = {"transmit_hz": 5_000_000, "sampling_hz": 40_000_000, "frame_rate_hz": 30, **changes}
    header = [kind, changes.get("count", count), lines, rows, bits, *range(8), 2]
    header += [rates["transmit_hz"], rates["sampling_hz"], rates["frame_rate_hz"], 128, 0]
    body = b"".join(
        (struct.pack("<i", number) if tags else b"") + np.ascontiguousarray(frame.T, "<i2").tobytes()
        for number, frame in enumerate(frames)
    )
    path.write_bytes(struct.pack("<19i", *header) + body)
    return path


@pytest.mark.parametrize("tags", [False, True])
def test_frames_return_with_and_without_tags(tmp_path, phantom, assert_frames, tags):
    recording = open_recording([write(tmp_path / "a.rf", phantom, tags=tags)])
    assert_frames(recording, phantom)
    assert dict(recording.known) == {"sampling_hz": 40e6, "center_hz": 5e6, "frame_rate_hz": 30.0}
    assert recording.missing() == ("sound_speed_m_s", "pitch_m", "start_depth_m")


@pytest.mark.parametrize("shape", [(1, 33, 2), (5, 17, 3)])
def test_odd_sizes(tmp_path, assert_frames, shape):
    rows = np.arange(shape[1])[None, :, None]
    frames = (np.sin(rows + np.zeros(shape)) * 9000).astype(np.int16)
    for tags in (False, True):
        assert_frames(open_recording([write(tmp_path / "a.rf", frames, tags=tags)]), frames)


def test_rates_of_zero_are_not_known(tmp_path, phantom):
    path = write(tmp_path / "a.rf", phantom, transmit_hz=0, sampling_hz=0, frame_rate_hz=0)
    assert dict(open_recording([path]).known) == {}


@pytest.mark.parametrize("tags", [False, True])
def test_a_stopped_recording_keeps_its_whole_frames(tmp_path, phantom, assert_frames, tags):
    path = write(tmp_path / "a.rf", phantom, count=10, tags=tags)
    recording = open_recording([path])
    assert_frames(recording, phantom)
    assert "the header promises 10 frames, the file keeps 3 whole ones" in recording.notes[-1]
    path.write_bytes(path.read_bytes()[:-1000])
    assert_frames(open_recording([path]), phantom[:2])


def test_a_file_that_holds_more_or_nothing_is_one_line(tmp_path, phantom):
    path = write(tmp_path / "a.rf", phantom, count=2)
    with pytest.raises(ReadError, match=r"2 frames need 23116 bytes, or 23124 with frame tags; the file has 34636$"):
        open_recording([path])
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ReadError, match="the file has 2000"):
        open_recording([path])


def test_a_sector_is_given_by_hand(tmp_path, phantom):
    path = write(tmp_path / "a.rf", phantom)
    recording = open_recording([path], ReadOptions(sector=Sector(0.06, 0.01)))
    geometry = recording.complete().geometry
    assert geometry.sector == Sector(0.06, 0.01)
    assert geometry.pitch_m == pytest.approx(0.01 * (0.06 + 240 * 1540 / 40e6 / 4))
    assert geometry.sources.pitch_m == "user"


@pytest.mark.parametrize(
    ("kind", "bits", "message"),
    [
        (4, 8, "holds B-mode of an"),
        (2, 8, "B-mode before"),
        (512, 16, "colour Doppler RF"),
        (2048, 16, "colour velocity"),
        (4096, 8, "type 4096"),
        (16, 8, "8 bits, RF"),
    ],
)
def test_other_contents_are_refused(tmp_path, phantom, kind, bits, message):
    with pytest.raises(ReadError, match=message):
        open_recording([write(tmp_path / "a.b8", phantom, kind=kind, bits=bits)])


@pytest.mark.parametrize("tags", [False, True])
def test_damage(tmp_path, phantom, survives, tags):
    survives(write(tmp_path / "a.rf", phantom, tags=tags), examples=40)
