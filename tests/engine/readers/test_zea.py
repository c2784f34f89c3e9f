import h5py
import numpy as np
import pytest

from engine.errors import ReadError
from engine.readers import ReadOptions, open_recording

ELEMENTS = (np.arange(32) - 15.5) * 0.3e-3
RATE, CENTER = 20e6, 5e6
POINT = (float(ELEMENTS[20]), 9.05e-3)
ANGLES = np.array([-0.08, 0.08])


def scan(angles, *, focus=np.inf, **changes):
    ramps = [(ELEMENTS * np.sin(angle) - (ELEMENTS * np.sin(angle)).min()) / 1540 for angle in angles]
    count = len(angles)
    return {
        "probe_geometry": np.stack([ELEMENTS, 0 * ELEMENTS, 0 * ELEMENTS], axis=1).astype("f4"),
        "sampling_frequency": np.float32(RATE),
        "center_frequency": np.full(count, CENTER, "f4"),
        "demodulation_frequency": np.float32(CENTER),
        "initial_times": np.full(count, 2e-6, "f4"),
        "t0_delays": np.array(ramps, "f4"),
        "tx_apodizations": np.ones((count, 32), "f4"),
        "focus_distances": np.full(count, focus, "f4"),
        "transmit_origins": np.zeros((count, 3), "f4"),
        "polar_angles": np.asarray(angles, "f4"),
        "sound_speed": np.float32(1540),
        **changes,
    }


def channels(echo, transmits):
    """Raw data (transmits, samples, elements) of the point."""
    frames = []
    for delays in transmits["t0_delays"].astype(float):
        there = np.min(delays + np.hypot(POINT[0] - ELEMENTS, POINT[1]) / 1540)
        frames.append(
            echo(ELEMENTS, POINT, there, samples=320, sampling_hz=RATE, center_hz=CENTER, start_s=2e-6).T.astype("f4")
        )
    return np.stack(frames)


def write(path, transmits, data, *, base="", mode="w"):
    with h5py.File(path, mode) as file:
        file.attrs["zea_version"] = "0.0.12"
        for name, value in data.items():
            file[f"{base}data/{name}"] = value
        for name, value in transmits.items():
            file[f"{base}scan/{name}"] = value
    return path


@pytest.mark.parametrize("iq", [False, True])
def test_raw_plane_waves(tmp_path, echo, assert_point, iq):
    transmits = scan(ANGLES)
    raw = channels(echo, transmits)[None, ..., None]
    if iq:
        from scipy.signal import hilbert

        time = np.arange(320) / RATE
        baseband = hilbert(raw[..., 0], axis=2) * np.exp(-2j * np.pi * CENTER * time)[None, None, :, None]
        raw = np.stack([baseband.real, baseband.imag], axis=-1)[:, :, ::2].astype("f4")
        transmits["sampling_frequency"] = np.float32(RATE / 2)
    recording = open_recording([write(tmp_path / "a.hdf5", transmits, {"raw_data": raw})])
    assert recording.shape == (1, 480 if iq else 320, 32)
    assert recording.known["center_hz"] == CENTER
    assert recording.known["start_depth_m"] == pytest.approx(2e-6 * 770, rel=1e-5)
    assert_point(recording, POINT)


def test_blosc_compressed_data(tmp_path, echo, assert_point):
    plugin = pytest.importorskip("hdf5plugin")
    transmits = scan(ANGLES)
    path = write(tmp_path / "a.hdf5", transmits, {})
    with h5py.File(path, "a") as file:
        raw = channels(echo, transmits)[None, ..., None]
        file.create_dataset("data/raw_data", data=raw, chunks=raw.shape, **plugin.Blosc())
    assert_point(open_recording([path]), POINT)


def test_unknown_compression_is_one_line(tmp_path, echo):
    transmits = scan(ANGLES)
    path = write(tmp_path / "a.hdf5", transmits, {})
    with h5py.File(path, "a") as file:
        raw = channels(echo, transmits)[None, ..., None]
        made = file.create_dataset(
            "data/raw_data", raw.shape, raw.dtype, chunks=raw.shape, compression=300, allow_unknown_filter=True
        )
        made.id.write_direct_chunk((0,) * raw.ndim, raw.tobytes())
    with pytest.raises(ReadError, match="compressed with HDF5 filter 300: install the extra `formats`"):
        open_recording([path])


def test_focused_waves_make_lines(tmp_path, echo, assert_point):
    focus, places = 12e-3, ELEMENTS[4:28]
    delays = np.array([(np.hypot(ELEMENTS - x, focus).max() - np.hypot(ELEMENTS - x, focus)) / 1540 for x in places])
    raw = []
    for x, fires in zip(places, delays, strict=True):
        there = float(np.median(fires + np.hypot(ELEMENTS - x, focus) / 1540)) + (POINT[1] - focus) / 1540
        beam = np.exp(-(((x - POINT[0]) / 0.4e-3) ** 2))
        raw.append(beam * echo(ELEMENTS, POINT, there, samples=400, sampling_hz=RATE, center_hz=CENTER, start_s=2e-6).T)
    origins = np.stack([places, 0 * places, 0 * places], axis=1).astype("f4")
    transmits = scan(np.zeros(24), focus=focus, transmit_origins=origins, t0_delays=delays.astype("f4"))
    recording = open_recording([write(tmp_path / "a.hdf5", transmits, {"raw_data": np.array(raw)[None, ..., None]})])
    assert recording.shape == (1, 400, 24)
    assert_point(recording, POINT)


def beamformed(frames, *, rate=40e6):
    count, rows, lines = frames.shape
    z, x = np.meshgrid(5e-3 + np.arange(rows) * 1540 / (2 * rate), np.arange(lines) * 0.3e-3, indexing="ij")
    coordinates = np.stack([x, 0 * x, z], axis=-1)
    return {
        "beamformed_data/values": frames[..., None].astype("f4"),
        "beamformed_data/coordinates": np.broadcast_to(coordinates, (count, rows, lines, 3)),
    }


def test_beamformed_data_return(tmp_path, phantom, assert_frames):
    recording = open_recording([write(tmp_path / "a.hdf5", scan(ANGLES), beamformed(phantom))])
    assert_frames(recording, phantom)
    assert recording.known["sampling_hz"] == pytest.approx(40e6, rel=1e-3)
    assert recording.known["pitch_m"] == pytest.approx(0.3e-3, rel=1e-3)
    assert recording.known["start_depth_m"] == pytest.approx(5e-3, rel=1e-5)


def test_tracks_are_offered(tmp_path, phantom, echo, assert_frames):
    path = write(tmp_path / "a.hdf5", scan(ANGLES), beamformed(phantom), base="tracks/track_0/")
    transmits = scan(ANGLES)
    write(path, transmits, {"raw_data": channels(echo, transmits)[None, ..., None]}, base="tracks/track_1/", mode="a")
    recording = open_recording([path])
    assert recording.variables == ("tracks/track_0/data/beamformed_data", "tracks/track_1/data/raw_data")
    assert_frames(recording, phantom)
    assert open_recording([path], ReadOptions(variable="tracks/track_1/data/raw_data")).costly


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"t0_delays": np.zeros((2, 31))}, "arrays of other shapes"),
        ({"probe_geometry": np.zeros((31, 3))}, "not a flat array of 32 elements"),
        ({"sampling_frequency": -1.0}, "scan/sampling_frequency must be positive"),
        ({"center_frequency": np.array([5e6, 7e6])}, "center_frequency differs between transmits"),
    ],
)
def test_impossible_descriptions(tmp_path, echo, changes, message):
    raw = {"raw_data": channels(echo, scan(ANGLES))[None, ..., None]}
    with pytest.raises(ReadError, match=message):
        open_recording([write(tmp_path / "a.hdf5", scan(ANGLES, **changes), raw)])


def test_pixels_without_coordinates_are_refused(tmp_path, phantom):
    path = write(tmp_path / "a.hdf5", scan(ANGLES), {"beamformed_data": phantom[..., None].astype("f4")})
    with pytest.raises(ReadError, match="says nothing of where its pixels lie"):
        open_recording([path])


def test_damage(tmp_path, echo, phantom, survives):
    survives(write(tmp_path / "b.hdf5", scan(ANGLES), beamformed(phantom[:, :60])))
    transmits = scan(ANGLES)
    survives(
        write(tmp_path / "a.hdf5", transmits, {"raw_data": channels(echo, transmits)[None, ..., None]}), examples=10
    )
