import gzip

import numpy as np
import pytest

from engine.errors import ReadError
from engine.readers import ReadOptions, open_recording

TYPES = {"int16": "short", "float32": "float", "uint8": "uchar"}


def write(path, frames, *, packed=False, detached=False, **changes):
    fields = {
        "type": TYPES[str(frames.dtype)],
        "dimension": frames.ndim,
        "sizes": " ".join(str(size) for size in reversed(frames.shape)),
        "spacings": "0.2 0.01925 nan",
        "endian": "little",
        "encoding": "gzip" if packed else "raw",
        **{name.replace("_", " "): value for name, value in changes.items() if not name.startswith("Ultra")},
    }
    keys = {name: value for name, value in changes.items() if name.startswith(("Ultra", "Seq"))}
    if detached:
        fields["data file"] = "a.raw"
    text = "NRRD0004\n# made by a test\n" + "".join(f"{name}: {value}\n" for name, value in fields.items())
    text += "".join(f"{name}:={value}\n" for name, value in keys.items())
    data = frames.tobytes()
    data = gzip.compress(data) if packed else data
    path.write_bytes(text.encode() + (b"" if detached else b"\n" + data))
    if detached:
        (path.parent / "a.raw").write_bytes(data)
    return path


@pytest.mark.parametrize("detached", [False, True])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("dtype", ["int16", "float32"])
def test_frames_return(tmp_path, phantom, assert_frames, dtype, packed, detached):
    recording = open_recording([write(tmp_path / "a.nrrd", phantom.astype(dtype), packed=packed, detached=detached)])
    assert_frames(recording, phantom)
    assert recording.known["pitch_m"] == pytest.approx(0.2e-3)
    assert recording.suggested["sampling_hz"] == pytest.approx(40e6)
    assert [each.name for each in recording.companions] == (["a.raw"] if detached else [])


def test_a_plus_sequence(tmp_path, speckle, assert_frames):
    stored = np.ascontiguousarray(speckle[:, ::-1]).astype(np.float32)
    path = write(tmp_path / "a.seq.nrrd", stored, UltrasoundImageOrientation="MN", UltrasoundImageType="RF_REAL")
    header, data = path.read_bytes().split(b"\n\n", 1)
    stamps = b"\nSeq_Frame0000_Timestamp:=10.0\nSeq_Frame0001_Timestamp:=10.04"
    path.write_bytes(header + stamps + b"\n\n" + data)
    recording = open_recording([path])
    assert_frames(recording, speckle.astype(np.float32))
    assert not recording.axes_assumed
    assert recording.known["frame_rate_hz"] == pytest.approx(25)


def test_space_directions_and_lines_last(tmp_path, speckle, assert_frames):
    stored = np.ascontiguousarray(speckle[0].T).astype(np.float32)
    path = write(tmp_path / "a.nrrd", stored)
    directions = b"space directions: (0.01925,0,0) (0,0.3,0)"
    path.write_bytes(path.read_bytes().replace(b"spacings: 0.2 0.01925 nan", directions))
    recording = open_recording([path])
    assert_frames(recording, speckle[:1].astype(np.float32))
    assert (recording.axes, recording.axes_assumed) == ("la", True)
    assert recording.known["pitch_m"] == pytest.approx(0.3e-3)
    assert open_recording([path], ReadOptions(axes="al")).shape == (1, 40, 400)


def test_as_the_common_library_writes_it(tmp_path, phantom, assert_frames):
    nrrd = pytest.importorskip("nrrd")
    for encoding in ("raw", "gzip"):
        header = {"spacings": [0.2, 0.02, 1.0], "encoding": encoding}
        nrrd.write(str(tmp_path / "a.nrrd"), phantom.transpose(2, 1, 0), header)
        assert_frames(open_recording([tmp_path / "a.nrrd"]), phantom)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sizes": "24 240 4"}, "truncated: sizes promises"),
        ({"sizes": "24 -240 3"}, "sizes must be 2 or 3 positive"),
        ({"type": "block"}, "type 'block' is not one of numbers"),
        ({"encoding": "bzip2"}, "encoding 'bzip2' is not read"),
        ({"data_file": "../secret.raw"}, "outside the header's folder"),
        ({"data_file": "gone.raw"}, "'gone.raw' does not exist"),
        ({"line_skip": "3"}, "skips lines"),
        ({"spacings": "a b c"}, "must be numbers"),
        ({"spacings": "1 1"}, "2 spacings for 3 axes"),
    ],
)
def test_bad_headers_are_one_line(tmp_path, phantom, changes, message):
    with pytest.raises(ReadError, match=message):
        open_recording([write(tmp_path / "a.nrrd", phantom, **changes)])


@pytest.mark.parametrize("packed", [False, True])
def test_damage(tmp_path, phantom, survives, packed):
    survives(write(tmp_path / "a.nrrd", phantom[:, :60], packed=packed))
