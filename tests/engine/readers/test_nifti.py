import gzip

import numpy as np
import pytest

from engine.errors import ReadError
from engine.readers import ReadOptions, open_recording


def header(shape, *, order="<", code=4, bits=16, zooms=(0.3, 0.02, 1.0), units=2, magic=b"n+1\0"):
    out = bytearray(352)
    pad = [1] * (7 - len(shape))
    out[0:4] = np.array(348, order + "i4").tobytes()
    out[40:56] = np.array([len(shape), *shape, *pad], order + "i2").tobytes()
    out[70:74] = np.array([code, bits], order + "i2").tobytes()
    out[76:108] = np.array([1, *zooms, *[1.0] * (7 - len(zooms))], order + "f4").tobytes()
    out[108:120] = np.array([352, 0, 0], order + "f4").tobytes()
    out[123] = units
    out[344:348] = magic
    return bytes(out)


def write(path, frames, *, order="<", **changes):
    stored = frames.transpose(2, 1, 0).astype(order + "i2")
    data = header(stored.shape, order=order, **changes) + stored.tobytes("F")
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_lines_samples_frames(tmp_path, phantom, assert_frames, name, order):
    recording = open_recording([write(tmp_path / name, phantom, order=order)])
    assert_frames(recording, phantom)
    assert recording.axes == "laf"
    assert recording.axes_assumed
    assert recording.known["pitch_m"] == pytest.approx(0.3e-3)
    assert recording.suggested["sampling_hz"] == pytest.approx(38.5e6)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize("four", [False, True])
def test_as_nibabel_writes_it(tmp_path, phantom, assert_frames, name, four):
    nibabel = pytest.importorskip("nibabel")
    stored = phantom.transpose(2, 1, 0)
    image = nibabel.Nifti1Image(stored[:, :, None, :] if four else stored, np.diag([0.3, 0.02, 1, 1]))
    image.header.set_xyzt_units("mm")
    nibabel.save(image, tmp_path / name)
    recording = open_recording([tmp_path / name])
    assert_frames(recording, phantom)
    assert recording.known["pitch_m"] == pytest.approx(0.3e-3)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize("axes", ["alf", "fal"])
def test_other_axes(tmp_path, phantom, assert_frames, name, axes):
    stored = phantom.transpose(["fal".index(letter) for letter in axes])
    data = header(stored.shape) + stored.tobytes("F")
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    assert_frames(open_recording([tmp_path / name], ReadOptions(axes=axes)), phantom)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"code": 32}, "datatype 32"),
        ({"magic": b"ni1\0"}, "pair of .hdr and .img"),
    ],
)
def test_refusals(tmp_path, phantom, changes, message):
    with pytest.raises(ReadError, match=message):
        open_recording([write(tmp_path / "a.nii", phantom, **changes)])


@pytest.mark.parametrize(
    ("changes", "pitch_m", "note"),
    [
        ({"units": 0}, 0.3e-3, "pixdim is taken to be in mm"),
        ({"units": 0, "zooms": (0.3e-3, 0.02e-3, 1)}, 0.3e-3, "pixdim is taken to be in m"),
        ({"units": 3, "zooms": (300, 20, 1)}, 0.3e-3, "axial spacing of 0.02 mm"),
        ({"zooms": (1.0, 1.0, 1.0)}, None, "axes laf (lateral, axial, frame) are assumed"),
        ({"zooms": (30.0, 20.0, 1.0)}, None, "is no spacing of RF"),
    ],
)
def test_spacing_in_the_unit_that_it_can_be_in(tmp_path, phantom, changes, pitch_m, note):
    recording = open_recording([write(tmp_path / "a.nii", phantom, **changes)])
    assert recording.known.get("pitch_m") == (None if pitch_m is None else pytest.approx(pitch_m))
    assert any(note in each for each in recording.notes)


@pytest.mark.parametrize("axes", ["alf", "laf", "fal", "fla"])
def test_axes_are_found_from_the_numbers(tmp_path, phantom, assert_frames, axes):
    stored = phantom.transpose(["fal".index(letter) for letter in axes])
    spacing = {"f": 1.0, "a": 0.02, "l": 0.3}
    data = header(stored.shape, zooms=[spacing[letter] for letter in axes]) + stored.tobytes("F")
    (tmp_path / "a.nii").write_bytes(data)
    recording = open_recording([tmp_path / "a.nii"])
    assert recording.axes == axes
    assert recording.axes_assumed
    assert recording.known["pitch_m"] == pytest.approx(0.3e-3)
    assert any("the axis of the finer spacing" in note for note in recording.notes)
    assert_frames(recording, phantom)


def test_the_fourth_axis_is_time_also_with_more_frames_than_lines(tmp_path, phantom):
    frames = np.concatenate([phantom] * 10)
    stored = frames.transpose(1, 2, 0)[:, :, None, :]
    data = header(stored.shape, zooms=(0.02, 0.3, 1.0, 0.04), units=2 | 8) + stored.tobytes("F")
    (tmp_path / "a.nii").write_bytes(data)
    recording = open_recording([tmp_path / "a.nii"])
    assert recording.axes == "al1f"
    assert recording.known["frame_rate_hz"] == pytest.approx(25)
    np.testing.assert_array_equal(recording.read_frame(4), frames[4])


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_damage(tmp_path, phantom, survives, name):
    survives(write(tmp_path / name, phantom[:, :60]))
