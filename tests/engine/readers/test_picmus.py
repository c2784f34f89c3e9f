import h5py
import numpy as np
import pytest

from engine.errors import ReadError
from engine.readers import open_recording

ELEMENTS = (np.arange(32) - 15.5) * 0.3e-3
ANGLES = np.array([-0.1, 0.0, 0.1])
RATE, CENTER = 20.8e6, 5.2e6


def write(path, echo, point, *, iq=False, start=4e-6, **changes):
    arrivals = (point[1] * np.cos(ANGLES) + point[0] * np.sin(ANGLES)) / 1540
    rf = np.array(
        [
            echo(ELEMENTS, point, there, samples=320, sampling_hz=RATE, center_hz=CENTER, start_s=start)
            for there in arrivals
        ]
    )
    data = rf.astype(complex)
    if iq:
        from scipy.signal import hilbert

        time = start + np.arange(320) / RATE
        data = (hilbert(rf, axis=2) * np.exp(-2j * np.pi * CENTER * time))[..., ::2]
    values = {
        "sampling_frequency": RATE / (2 if iq else 1),
        "modulation_frequency": CENTER if iq else 0.0,
        "initial_time": start,
        "sound_speed": 1540.0,
        "angles": ANGLES,
        "probe_geometry": np.stack([ELEMENTS, 0 * ELEMENTS, 0 * ELEMENTS]),
        "PRF": 100.0,
        **changes,
    }
    with h5py.File(path, "w") as file:
        group = file.create_group("US/US_DATASET0000")
        group["data/real"], group["data/imag"] = data.real.astype("f4"), data.imag.astype("f4")
        for name, value in values.items():
            group[name] = value
    return path


@pytest.mark.parametrize("iq", [False, True])
def test_a_point_comes_to_its_place(tmp_path, echo, assert_point, iq):
    point = (float(ELEMENTS[20]), 9.03e-3)
    recording = open_recording([write(tmp_path / "a.hdf5", echo, point, iq=iq)])
    assert recording.costly
    assert recording.shape == (1, 480 if iq else 320, 32)
    assert recording.known["pitch_m"] == pytest.approx(0.3e-3)
    assert recording.known["start_depth_m"] == pytest.approx(4e-6 * 770)
    assert_point(recording, point)
    assert recording.complete(accept_suggested=True).geometry.center_hz == pytest.approx(CENTER, rel=0.05)


def test_opening_and_suggesting_beamform_nothing(tmp_path, echo, monkeypatch):
    from engine.readers.channel_data.beamform import ChannelRecording

    path = write(tmp_path / "a.hdf5", echo, (0.0, 9e-3))
    monkeypatch.setattr(ChannelRecording, "__call__", lambda *args: pytest.fail("beamformed a frame"))
    assert open_recording([path]).suggestions()["center_hz"] == pytest.approx(CENTER, rel=0.05)


def test_several_files_make_a_sequence(tmp_path, echo, assert_point):
    points = [(float(ELEMENTS[k]), 9e-3) for k in (5, 20)]
    for number, point in enumerate(points):
        write(tmp_path / f"{number}.hdf5", echo, point)
    recording = open_recording([tmp_path])
    assert recording.shape == (2, 320, 32)
    assert_point(recording, points[0])
    assert not np.allclose(recording.read_frame(0), recording.read_frame(1))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"angles": np.zeros(4)}, "has 4 angles, data/real has 3"),
        ({"probe_geometry": np.zeros((3, 31))}, r"probe_geometry has shape \(3, 31\), expected \(3, 32\)"),
        ({"sound_speed": 0.0}, "sound_speed must be positive"),
        ({"initial_time": np.nan}, "initial_time must be finite"),
    ],
)
def test_impossible_descriptions(tmp_path, echo, changes, message):
    with pytest.raises(ReadError, match=message):
        open_recording([write(tmp_path / "a.hdf5", echo, (0.0, 9e-3), **changes)])


def test_damage(tmp_path, echo, survives):
    survives(write(tmp_path / "a.hdf5", echo, (0.0, 9e-3)), examples=15)
