import h5py
import numpy as np
import pytest

from engine.errors import ReadError
from engine.readers import open_recording

ELEMENTS = (np.arange(24) - 11.5) * 0.3e-3
RATE, CENTER = 20e6, 5e6
POINT = (float(ELEMENTS[15]), 8.05e-3)
ANGLES = (-0.08, 0.08)


def numbered(group, name, count):
    return [group.create_group(f"{name}/{number:09d}") for number in range(count)]


def write(path, echo, *, frames=2, iq=False, wave="PLANE_WAVE", text_as_attributes=False, **changes):
    """The tree of the reference writer: a dataset for each number, a numbered group for each list."""
    delays = [(ELEMENTS * np.sin(angle) - (ELEMENTS * np.sin(angle)).min()) / 1540 for angle in ANGLES]
    data = []
    for fires in delays:
        there = np.min(fires + np.hypot(POINT[0] - ELEMENTS, POINT[1]) / 1540)
        data.append(echo(ELEMENTS, POINT, there, samples=300, sampling_hz=RATE, center_hz=CENTER, start_s=1.5e-6))
    raw = np.array(data)
    if iq:
        from scipy.signal import hilbert

        time = 1.5e-6 + np.arange(300) / RATE
        baseband = (hilbert(raw, axis=2) * np.exp(-2j * np.pi * CENTER * time))[..., ::2]
        raw = np.stack([baseband.real, baseband.imag], axis=-1)
    samples = raw.shape[2]
    flat = np.concatenate([raw.reshape(-1, 2 if iq else 1) * (number + 1) for number in range(frames)])
    with h5py.File(path, "w") as file:
        root = file.create_group("dataset/acquisition")
        for x, element in zip(ELEMENTS, numbered(root, "probes/000000000/elements", ELEMENTS.size), strict=True):
            for axis, value in zip("xyz", (x, 0.0, 0.0), strict=True):
                element[f"transform/translation/{axis}"] = value
        root["excitations/000000000/transmit_frequency"] = CENTER
        group = root.create_group("groups/000000000")
        group["sound_speed"] = changes.get("sound_speed", 1540.0)
        for fires, event in zip(delays, numbered(group, "sequence", len(delays)), strict=True):
            receive, transmit = event.create_group("receive_setup"), event.create_group("transmit_setup")
            receive["probe"] = transmit["probe"] = changes.get("probe", 0)
            receive["number_samples"], receive["sampling_frequency"] = samples, RATE / (2 if iq else 1)
            receive["time_offset"], transmit["time_offset"] = 2.5e-6, 1e-6
            receive["modulation_frequency"] = CENTER if iq else 0.0
            transmit["delays"] = fires[: changes.get("delays", fires.size)]
            if text_as_attributes:
                transmit.create_group("wave").attrs["type"] = wave
            else:
                transmit["wave/type"] = wave
            transmit["excitations/000000000"] = 0
            for setup in (receive, transmit):
                for number in range(ELEMENTS.size):
                    setup[f"active_elements/{number:09d}"] = np.array([number], np.uint32)
        root["groups_data/000000000/group"] = changes.get("group", 0)
        root["groups_data/000000000/raw_data"] = flat[: changes.get("values", flat.shape[0])].astype("f4")
    return path


@pytest.mark.parametrize("iq", [False, True])
@pytest.mark.parametrize("text_as_attributes", [False, True])
def test_plane_waves(tmp_path, echo, assert_point, iq, text_as_attributes):
    recording = open_recording([write(tmp_path / "a.urx", echo, iq=iq, text_as_attributes=text_as_attributes)])
    assert recording.shape == (2, 450 if iq else 300, 24)
    assert recording.known["center_hz"] == CENTER
    assert recording.known["pitch_m"] == pytest.approx(0.3e-3)
    assert recording.known["start_depth_m"] == pytest.approx(1.5e-6 * 770)
    assert_point(recording, POINT)
    np.testing.assert_allclose(recording.read_frame(1), 2 * recording.read_frame(0), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"wave": "CONVERGING_WAVE"}, "transmits a CONVERGING_WAVE"),
        ({"delays": 20}, "gives 20 transmit delays for 24 active elements"),
        ({"probe": 3}, "refers to number 3 of its 1 probes"),
        ({"group": -1}, "refers to number -1 of its 1 groups"),
        ({"values": 14399}, "not a multiple of 14400"),
    ],
)
def test_what_cannot_be_read_is_one_line(tmp_path, echo, changes, message):
    with pytest.raises(ReadError, match=message):
        open_recording([write(tmp_path / "a.urx", echo, **changes)])


def test_unknown_sound_speed_is_marked(tmp_path, echo):
    recording = open_recording([write(tmp_path / "a.urx", echo, sound_speed=np.nan)])
    assert "sound speed of 1540 m/s is assumed" in " ".join(recording.notes)


def test_damage(tmp_path, echo, survives):
    survives(write(tmp_path / "a.urx", echo, frames=1), examples=15)
