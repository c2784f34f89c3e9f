import io
import struct
import tarfile

import numpy as np
import pytest

from engine.errors import ReadError
from engine.readers import open_recording

YML = """# raw data parameters
frames: 3
frame rate: 11 Hz
transmit frequency: 10 MHz
imaging depth: 40 mm
tgc: {{ 0.00mm, 30.00dB }}{{ 40.00mm, 35.00dB }}
size: {{samples per line: 240, number of lines: 24, sample size: 2 bytes}}
type: {kind}
sampling rate: {rate}
delay samples: 62
lines:
  - {{rx element: 0, tx element: 1.5, angle: 0 °}}
"""


def raw(frames, item=2):
    count, rows, lines = frames.shape
    body = b"".join(
        struct.pack("<Q", 10**9 + 90_000_000 * number) + np.ascontiguousarray(frame.T, "<i2").tobytes()
        for number, frame in enumerate(frames)
    )
    return struct.pack("<5I", 1, count, lines, rows, item) + body


def lzop(data, *, block=5000, flags=0x1, extra=b""):
    """A container as lzop 1.03 writes it: stored blocks too, where packing does not help."""
    compressor = pytest.importorskip("lzallright").LZOCompressor()
    out = b"\x89LZO\x00\r\n\x1a\n" + struct.pack(">HHHBBI", 0x1030, 0x2080, 0x0940, 1, 5, flags)
    out += struct.pack(">III", 0o100644, 0, 0) + bytes([5]) + b"a.raw" + struct.pack(">I", 0)
    out += struct.pack(">I", len(extra)) + extra + b"\0\0\0\0" if extra else b""
    checks = b"\0\0\0\0" * bin(flags & 0x101).count("1")
    packed_checks = b"\0\0\0\0" * bin(flags & 0x202).count("1")
    for start in range(0, len(data), block):
        plain = data[start : start + block]
        packed = compressor.compress(plain)
        packed = packed if len(packed) < len(plain) else plain
        out += struct.pack(">II", len(plain), len(packed)) + checks
        out += (packed_checks if len(packed) < len(plain) else b"") + packed
    return out + struct.pack(">I", 0)


def tar(path, members):
    with tarfile.open(path, "w") as archive:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return path


def yml(kind="RF", rate="60 MHz"):
    return YML.format(kind=kind, rate=rate).encode()


@pytest.mark.parametrize("packed", [False, True])
def test_tar_is_read_in_place(tmp_path, phantom, assert_frames, packed):
    data = lzop(raw(phantom)) if packed else raw(phantom)
    name = "2020_rf.raw.lzo" if packed else "2020_rf.raw"
    path = tar(tmp_path / "a.tar", {"2020_env.raw": b"xx", "2020_rf.yml": yml(), name: data, "2020_rf.tgc.yml": b"x"})
    recording = open_recording([path])
    assert_frames(recording, phantom)
    assert dict(recording.known) == {"sampling_hz": 60e6, "center_hz": 10e6, "frame_rate_hz": 11.0}
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a.tar"]


@pytest.mark.parametrize("packed", [False, True])
def test_raw_beside_its_yml(tmp_path, phantom, assert_frames, packed):
    path = tmp_path / ("b_rf.raw.lzo" if packed else "b_rf.raw")
    path.write_bytes(lzop(raw(phantom)) if packed else raw(phantom))
    (tmp_path / "b_rf.yml").write_bytes(yml(rate="30 MHz"))
    recording = open_recording([path])
    assert_frames(recording, phantom)
    assert recording.known["sampling_hz"] == 30e6
    assert "delay of 62 samples" in " ".join(recording.notes)


@pytest.mark.parametrize(("flags", "extra"), [(0, b""), (0x303, b""), (0x41, b"extra")])
def test_every_kind_of_lzop_header(tmp_path, phantom, assert_frames, flags, extra):
    (tmp_path / "b_rf.raw.lzo").write_bytes(lzop(raw(phantom), flags=flags, extra=extra))
    assert_frames(open_recording([tmp_path / "b_rf.raw.lzo"]), phantom)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"a_iq.raw": b"x", "a_iq.yml": yml("IQ")}, "holds no RF stream of a Clarius scanner, only IQ"),
        ({"a_env.raw": b"x"}, "only env: switch the raw data to RF"),
        ({"a_rf.raw": b"x", "a_rf.yml": yml()}, "truncated"),
        ({"a_rf.raw": struct.pack("<5I", 1, 9, 24, 240, 2), "a_rf.yml": yml()}, "truncated"),
        ({"a_rf.raw": struct.pack("<5I", 1, 9, 2**31, 2**31, 2)}, "more than can be"),
        ({"a_rf.raw": struct.pack("<5I", 1, 9, 24, 240, 4)}, "4 bytes a sample"),
        ({"a_rf.raw": raw(np.ones((1, 9, 9))), "a_rf.yml": yml(rate="often")}, "must be a frequency, found 'often'"),
    ],
)
def test_what_cannot_be_read_is_one_line(tmp_path, members, message):
    with pytest.raises(ReadError, match=message):
        open_recording([tar(tmp_path / "a.tar", members)])


def test_truncated_lzop(tmp_path, phantom):
    (tmp_path / "b_rf.raw.lzo").write_bytes(lzop(raw(phantom))[:-3000])
    with pytest.raises(ReadError, match=r"damaged|truncated"):
        open_recording([tmp_path / "b_rf.raw.lzo"])


@pytest.mark.parametrize("packed", [False, True])
def test_damage(tmp_path, phantom, survives, packed):
    data = {"a_rf.raw.lzo": lzop(raw(phantom))} if packed else {"a_rf.raw": raw(phantom)}
    survives(tar(tmp_path / "a.tar", {"a_rf.yml": yml(), **data}), examples=40)


def write_pair(folder, frames, *, times_ms=None, yml=True, first=0, kind="RF"):
    data = bytearray(raw(frames))
    stride = 8 + frames[0].size * 2
    for number, milliseconds in enumerate(times_ms or ()):
        struct.pack_into("<Q", data, 20 + number * stride, milliseconds * 10**6)
    (folder / "a_rf.raw").write_bytes(data)
    if yml:
        elements = "".join(f"  - {{rx element: {first + k}, tx element: 1.5, angle: 0}}\n" for k in range(24))
        head = YML.format(kind=kind, rate="40 MHz").partition("  - ")[0]
        (folder / "a_rf.yml").write_text(head + elements)
    return folder / "a_rf.raw"


def test_a_stream_alone_names_the_parameters_that_are_missing(tmp_path, phantom):
    recording = open_recording([write_pair(tmp_path, phantom, yml=False)])
    assert any("its parameters, a_rf.yml, are not beside it" in note for note in recording.notes)
    assert dict(recording.known) == {}
    (tmp_path / "b_rf.yml").write_text(YML.format(kind="RF", rate="15 MHz"))
    with pytest.raises(ReadError, match=r"holds the parameters of b_rf\.raw, which is not beside it"):
        open_recording([tmp_path / "b_rf.yml"])


def test_the_parameters_stand_for_the_stream(tmp_path, phantom, assert_frames):
    write_pair(tmp_path, phantom)
    recording = open_recording([tmp_path / "a_rf.yml"])
    assert_frames(recording, phantom)
    assert recording.known["sampling_hz"] == 40e6
    assert recording.found_at["sampling_hz"] == "a_rf.yml: sampling rate"


def test_gaps_and_a_part_of_the_aperture_are_said(tmp_path, phantom):
    recording = open_recording([write_pair(tmp_path, phantom[[0, 1, 2, 0]], times_ms=(0, 91, 728, 819), first=48)])
    assert any("gaps after frame 1" in note for note in recording.notes)
    assert any("elements 48 to 71" in note for note in recording.notes)
    assert recording.known["frame_rate_hz"] == pytest.approx(1000 / 91)


def test_a_compressed_tar_is_named(tmp_path, phantom):
    import gzip

    plain = tar(
        tmp_path / "a.tar", {"a_rf.raw": raw(phantom), "a_rf.yml": YML.format(kind="RF", rate="15 MHz").encode()}
    )
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(plain.read_bytes()))
    with pytest.raises(ReadError, match="unpack it to the "):
        open_recording([tmp_path / "a.tar.gz"])
