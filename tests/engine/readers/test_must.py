import numpy as np
import pytest
from scipy.io import savemat

from engine.errors import ReadError
from engine.readers import open_recording

ELEMENTS = (np.arange(32) - 15.5) * 0.3e-3
DELAYS = (ELEMENTS - ELEMENTS[0]) * np.sin(0.08) / 1540


def write(path, echo, points, **changes):
    frames = []
    for x, z in points:
        there = np.min(DELAYS + np.hypot(x - ELEMENTS, z) / 1540)
        frames.append(echo(ELEMENTS, (x, z), there, samples=400, sampling_hz=20e6, center_hz=5e6, start_s=1e-6).T)
    param = {"fs": 20e6, "fc": 5e6, "c": 1540.0, "pitch": 0.3e-3, "t0": 1e-6, "TXdelay": DELAYS, "PRF": 50.0}
    savemat(path, {"RF": np.stack(frames, axis=-1).squeeze(), "param": {**param, **changes}})
    return path


def test_points_come_to_their_places(tmp_path, echo, assert_point):
    points = [(float(ELEMENTS[9]), 10e-3), (float(ELEMENTS[20]), 8e-3)]
    recording = open_recording([write(tmp_path / "a.mat", echo, points)])
    assert recording.format == "MUST channel data"
    assert recording.shape == (2, 400, 32)
    assert recording.known["center_hz"] == 5e6
    assert recording.known["frame_rate_hz"] == 50.0
    assert_point(recording, points[0])


def test_same_image_as_the_toolbox(tmp_path, echo):
    must = pytest.importorskip("pymust")
    point = (float(ELEMENTS[9]), 10e-3)
    recording = open_recording([write(tmp_path / "a.mat", echo, [point])])
    geometry = recording.complete().geometry
    x, z = np.meshgrid(ELEMENTS, geometry.depths_m(400)[200:300])
    param = must.utils.Param()
    param.Nelements = 32
    param.fs, param.fc, param.c, param.pitch, param.t0, param.fnumber = 20e6, 5e6, 1540.0, 0.3e-3, np.array([1e-6]), 1.5
    channels = echo(
        ELEMENTS,
        point,
        np.min(DELAYS + np.hypot(point[0] - ELEMENTS, point[1]) / 1540),
        samples=400,
        sampling_hz=20e6,
        center_hz=5e6,
        start_s=1e-6,
    ).T
    matrix = must.dasmtx(channels, x, z, DELAYS[None], param)
    theirs = (matrix @ channels.flatten(order="F")).reshape(x.shape, order="F")
    ours = recording.read_frame(0)[200:300]
    likeness = np.corrcoef(theirs.ravel(), ours.ravel())[0, 1]
    assert likeness > 0.95


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"TXdelay": np.zeros(31)}, "param.TXdelay has 31 delays, RF has 32 elements"),
        ({"radius": 0.06}, "its array is convex"),
        ({"fs": 0.0}, "param.fs must be positive"),
    ],
)
def test_impossible_descriptions(tmp_path, echo, changes, message):
    with pytest.raises(ReadError, match=message):
        open_recording([write(tmp_path / "a.mat", echo, [(0.0, 9e-3)], **changes)])


def test_damage(tmp_path, echo, survives):
    survives(write(tmp_path / "a.mat", echo, [(0.0, 9e-3)]), examples=15)


def test_several_angles_are_compounded(tmp_path, echo, assert_point):
    point = (float(ELEMENTS[12]), 9e-3)
    pages = []
    for angle in (-0.08, 0.0, 0.08):
        fires = ELEMENTS * np.sin(angle) / 1540
        there = np.min(fires - fires.min() + np.hypot(point[0] - ELEMENTS, point[1]) / 1540)
        pages.append(echo(ELEMENTS, point, there, samples=400, sampling_hz=20e6, center_hz=5e6).T)
    rf = np.clip(np.stack([*pages, *pages], axis=-1) * 127 + 127, 0, 255).astype(np.uint8)
    param = {"fs": 20e6, "fc": 5e6, "c": 1540.0, "pitch": 0.3e-3, "TXangle": np.array([-0.08, 0.0, 0.08])}
    savemat(tmp_path / "a.mat", {"RF1": rf, "param1": param})
    recording = open_recording([tmp_path / "a.mat"])
    assert recording.shape == (2, 400, 32)
    assert any("3 unfocused transmits" in note for note in recording.notes)
    assert any("level of 127" in note for note in recording.notes)
    assert_point(recording, point)


def test_channels_sampled_below_twice_their_carrier_are_unfolded(tmp_path, echo, assert_point):
    point, rate = (float(ELEMENTS[12]), 12e-3), 20e6 / 3
    fires = np.zeros(32)
    there = np.min(np.hypot(point[0] - ELEMENTS, point[1])) / 1540
    channels = echo(ELEMENTS, point, there, samples=334, sampling_hz=rate, center_hz=5e6, start_s=5e-6).T
    param = {"fs": rate, "fc": 5e6, "c": 1540.0, "pitch": 0.3e-3, "t0": 5e-6, "TXdelay": fires[None]}
    savemat(tmp_path / "a.mat", {"RF": channels, "param": param})
    recording = open_recording([tmp_path / "a.mat"])
    assert recording.known["sampling_hz"] == pytest.approx(20e6)
    assert any("unfolded to 20 MHz" in note for note in recording.notes)
    assert_point(recording, point)


@pytest.mark.parametrize(("values", "message"), [(1e30, ""), (1e300, "not finite")])
def test_numbers_beyond_float32_are_no_warning(tmp_path, values, message):
    channels = np.full((200, 32), values) * np.sin(np.arange(200) / 2)[:, None]
    param = {"fs": 20e6, "fc": 5e6, "c": 1540.0, "pitch": 0.3e-3, "TXdelay": np.zeros((1, 32))}
    savemat(tmp_path / "a.mat", {"RF": channels, "param": param})
    recording = open_recording([tmp_path / "a.mat"])
    if message:
        with pytest.raises(ReadError, match=message):
            recording.complete().frame(0)
    else:
        assert np.isfinite(recording.read_frame(0)).all()
