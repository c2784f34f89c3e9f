import struct

import numpy as np
import pytest

from engine.errors import ReadError
from engine.readers import ReadOptions, open_recording

VECTOR_HEADER = 64


def chunk(name, body):
    return name + struct.pack("<I", len(body)) + body


def write(path, frames, *, angle=None, x_mm=None, sets=None, stored_extra=0, **changes):
    """Chunks in the order of the system's files; `stored_extra` counts the vector header as samples, as some do."""
    count, rows, lines = frames.shape
    x_mm = np.arange(lines) * 0.2 - (lines - 1) * 0.1 if x_mm is None else x_mm
    angle = np.zeros(lines) if angle is None else angle
    sets = np.zeros(lines, np.uint32) if sets is None else sets
    beams = struct.pack("<3I", 1, rows + stored_extra, lines) + b"B\0" * lines + sets.astype("<u4").tobytes()
    beams += b"".join(np.asarray(each, "<f4").tobytes() for each in (x_mm, np.zeros(lines), angle))
    head = chunk(b"avih", struct.pack("<14I", 0, 0, 0, 0, changes.get("count", count), *[0] * 9))
    head += chunk(b"rfgi", struct.pack("<IiIIff6B", 1, 10, 0, count, 0.5, 4.0, *[0] * 6))
    strf = (1, 40e6, changes.get("bits", 16), 0xFFFF, VECTOR_HEADER, changes.get("compression", 0))
    head += chunk(b"strf", struct.pack("<If4I", *strf))
    head += chunk(b"csh0", struct.pack("<7I", 1, 0, 0, 0, 0, count, lines)) + chunk(b"rfbd", beams)
    head += chunk(b"rfbm", struct.pack("<Iif", 1, 1, 25.0) + bytes(40))
    head += chunk(b"RFS0", struct.pack("<I?ff?ifff", 1, True, 1.0, 4.0, True, 0, 2.0, 3.0, 8.9) + bytes(100))
    out = b"RIFF\0\0\0\0AVI " + head + b"LIST\0\0\0\0"
    movi = len(out)
    out += b"movi"
    index = b""
    for number, frame in enumerate(frames):
        vectors = b"".join(bytes([number]) * VECTOR_HEADER + line.astype("<i2").tobytes() for line in frame.T)
        out += b"frh0" + struct.pack("<I", 14) + bytes(14)
        index += b"00db" + struct.pack("<III", 16, len(out) - movi, len(vectors))
        out += chunk(b"00db", vectors)
    path.write_bytes(out + b"idx1" + struct.pack("<I", len(index)) + index)
    return path


@pytest.mark.parametrize("stored_extra", [0, VECTOR_HEADER // 2])
def test_frames_return_without_vector_headers(tmp_path, phantom, assert_frames, stored_extra):
    recording = open_recording([write(tmp_path / "a.rfd", phantom, stored_extra=stored_extra)])
    assert_frames(recording, phantom)
    assert recording.known == {
        "sampling_hz": 40e6,
        "center_hz": pytest.approx(8.9e6),
        "frame_rate_hz": 25.0,
        "start_depth_m": 5e-3,
        "pitch_m": pytest.approx(0.2e-3, rel=1e-4),
    }
    assert recording.sector is None


def test_focal_zones_are_images_of_their_own(tmp_path, phantom):
    sets = np.tile([0, 1], 12).astype(np.uint32)
    x_mm = np.repeat(np.arange(12) * 0.2, 2)
    path = write(tmp_path / "a.rfd", phantom, sets=sets, x_mm=x_mm)
    recording = open_recording([path], ReadOptions(variable="B set 1"))
    assert recording.variables == ("B set 0", "B set 1")
    np.testing.assert_array_equal(recording.read_frame(2), phantom[2][:, 1::2])
    assert recording.known["pitch_m"] == pytest.approx(0.2e-3, rel=1e-4)


def test_convex_beams_make_a_sector(tmp_path, phantom, assert_frames):
    angle = (np.arange(24) - 11.5) * 0.02
    path = write(tmp_path / "a.rfd", phantom, angle=angle, x_mm=40 * np.sin(angle))
    recording = open_recording([path])
    assert_frames(recording, phantom)
    assert recording.sector is not None
    assert recording.sector.apex_radius_m == pytest.approx(40e-3, rel=1e-3)
    assert recording.sector.angle_step_rad == pytest.approx(0.02, rel=1e-3)
    half_depth = 40e-3 + 5e-3 + 240 * 1540 / (4 * 40e6)
    assert recording.known["pitch_m"] == pytest.approx(0.02 * half_depth, rel=1e-3)
    assert recording.complete().geometry.sector == recording.sector


def test_uneven_beams_leave_the_pitch_open(tmp_path, phantom):
    recording = open_recording([write(tmp_path / "a.rfd", phantom, x_mm=np.arange(24) ** 2.0)])
    assert "pitch_m" in recording.missing()
    assert "neither parallel and even nor evenly fanned" in recording.notes[0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"count": 2**31}, "avih says 2147483648 frames, impossible"),
        ({"count": 2}, "the index idx1 is not at the end"),
        ({"bits": 12}, "12 bits"),
        ({"compression": 1}, "compression 1"),
    ],
)
def test_impossible_headers(tmp_path, phantom, changes, message):
    with pytest.raises(ReadError, match=message):
        open_recording([write(tmp_path / "a.rfd", phantom, **changes)])


def test_damage(tmp_path, phantom, survives):
    survives(write(tmp_path / "a.rfd", phantom), examples=60)
