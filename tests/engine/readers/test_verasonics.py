import h5py
import numpy as np
import pytest
from scipy.io import savemat

from engine.errors import ReadError
from engine.readers import ReadOptions, open_recording

COUNT, FREQUENCY = 32, 5.0
WAVELENGTH = 1540 / 5e6
ELEMENTS = (np.arange(COUNT) - (COUNT - 1) / 2) * 0.3e-3
POINT = (float(ELEMENTS[20]), 9.05e-3)
ANGLES = (-0.08, 0.08)
SAMPLES, FRAMES = 320, 3
PEAK, LENS, START_DEPTH = 1.5, 0.4, 5.0
START_S = (2 * START_DEPTH - PEAK - 2 * LENS) / 5e6


def workspace(echo, *, iq=False, mm=True, last=2, mode=0, sample_mode=None):
    """A saved workspace: channels in a scrambled order, two transmits a frame below each other, a ring of 3 frames."""
    connector = np.random.default_rng(5).permutation(COUNT) + 1
    delays = [(ELEMENTS * np.sin(angle) - (ELEMENTS * np.sin(angle)).min()) / WAVELENGTH for angle in ANGLES]
    rows = []
    for fires in delays:
        there = np.min(fires * WAVELENGTH / 1540 + np.hypot(POINT[0] - ELEMENTS, POINT[1]) / 1540)
        channels = echo(ELEMENTS, POINT, there, samples=SAMPLES, sampling_hz=20e6, center_hz=5e6, start_s=START_S)
        if iq:
            from scipy.signal import hilbert

            time = START_S + np.arange(SAMPLES) / 20e6
            baseband = (hilbert(channels, axis=1) * np.exp(-2j * np.pi * 5e6 * time))[:, ::2]
            channels = np.stack([baseband.real, -baseband.imag], axis=2).reshape(COUNT, SAMPLES)
        rows.append(channels.T)
    frame = np.zeros((700, COUNT))
    frame[: 2 * SAMPLES, connector - 1] = np.concatenate(rows)
    frames = np.stack([np.round(2000 * (number + 1) * frame) for number in range(FRAMES)], axis=2).astype(np.int16)
    ring = np.roll(frames, last, axis=2)
    receive = [
        {
            "startSample": 1.0 + number % 2 * SAMPLES,
            "endSample": SAMPLES + number % 2 * SAMPLES,
            "framenum": 1.0 + number // 2,
            "mode": float(mode),
            "startDepth": START_DEPTH,
            "decimSampleRate": 20.0,
            "demodFrequency": FREQUENCY,
            "sampleMode": sample_mode or ("BS100BW" if iq else "NS200BW"),
        }
        for number in range(2 * FRAMES)
    ]
    positions = np.zeros((COUNT, 5))
    positions[:, 0] = ELEMENTS / (1e-3 if mm else WAVELENGTH)
    return {
        "RcvData": ring,
        "Receive": receive,
        "Trans": {
            "frequency": FREQUENCY,
            "units": "mm" if mm else "wavelengths",
            "numelements": float(COUNT),
            "ElementPos": positions,
            "Connector": connector.astype(float),
            "lensCorrection": LENS,
        },
        "TW": {"peak": PEAK},
        "TX": [{"Delay": fires, "Apod": np.ones(COUNT), "focus": 0.0, "waveform": 1.0} for fires in delays],
        "Event": [
            {"tx": 1.0 + number % 2 if number < 6 else 0.0, "rcv": 1.0 + number if number < 6 else 0.0}
            for number in range(7)
        ],
        "Resource": {
            "Parameters": {"speedOfSound": 1540.0},
            "RcvBuffer": {"numFrames": float(FRAMES), "lastFrame": float(last)},
        },
    }


def save_v5(path, values):
    out = {}
    for name, value in values.items():
        if isinstance(value, list):
            fields = list(value[0])
            array = np.empty((1, len(value)), [(each, object) for each in fields])
            for number, record in enumerate(value):
                array[0, number] = tuple(record[each] for each in fields)
            out[name] = array
        elif name in {"RcvData", "IQData"}:
            cell = np.empty((1, 1), object)
            cell[0, 0] = value
            out[name] = cell
        else:
            out[name] = value
    savemat(path, out)


def save_v73(path, values):
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, value in values.items():
            _put(file, file, name, value, cell=name in {"RcvData", "IQData"})
    with path.open("r+b") as stream:
        stream.write(b"MATLAB 7.3 MAT-file, Platform: PCWIN64".ljust(124) + b"\x00\x02IM")


def _put(file, group, name, value, *, cell=False):
    if isinstance(value, dict):
        for key, each in value.items():
            _put(file, group.require_group(name), key, each)
    elif isinstance(value, list):
        for key in value[0]:
            references = np.array([[_reference(file, record[key])] for record in value], dtype=h5py.ref_dtype)
            group.require_group(name).create_dataset(key, data=references)
    elif cell:
        group.create_dataset(name, data=np.array([[_reference(file, value)]], dtype=h5py.ref_dtype))
    else:
        _array(group, name, value)


def _reference(file, value):
    store = file.require_group("#refs#")
    return _array(store, f"r{len(store)}", value).ref


def _array(group, name, value):
    if isinstance(value, str):
        group[name] = np.array([[ord(letter)] for letter in value], np.uint16)
        group[name].attrs["MATLAB_class"] = np.bytes_("char")
        return group[name]
    array = np.atleast_2d(np.asarray(value)).T
    if np.iscomplexobj(array):
        pairs = np.empty(array.shape, [("real", "f8"), ("imag", "f8")])
        pairs["real"], pairs["imag"] = array.real, array.imag
        array = pairs
    group[name] = array
    return group[name]


both = pytest.mark.parametrize("save", [save_v5, save_v73])


@both
@pytest.mark.parametrize("iq", [False, True])
@pytest.mark.parametrize("mm", [False, True])
def test_channel_data_in_ring_and_connector_order(tmp_path, echo, assert_point, save, iq, mm):
    save(tmp_path / "a.mat", workspace(echo, iq=iq, mm=mm))
    recording = open_recording([tmp_path / "a.mat"])
    assert recording.format == "Verasonics RcvData"
    assert recording.shape == (3, 480 if iq else 320, 32)
    assert recording.known["center_hz"] == pytest.approx(5e6)
    assert recording.known["pitch_m"] == pytest.approx(0.3e-3)
    assert recording.known["start_depth_m"] == pytest.approx(START_S * 770)
    assert_point(recording, POINT)
    brightest = [np.abs(recording.read_frame(index)).max() for index in range(3)]
    np.testing.assert_allclose(brightest, brightest[0] * np.arange(1, 4), rtol=0.01)


@both
def test_without_events_the_order_of_the_receives_counts(tmp_path, echo, assert_point, save):
    values = workspace(echo)
    del values["Event"]
    save(tmp_path / "a.mat", values)
    assert_point(open_recording([tmp_path / "a.mat"]), POINT)


@both
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mode": 1}, "accumulates acquisitions"),
        ({"sample_mode": "BS67BW"}, "BS67BW samples too sparsely"),
    ],
)
def test_what_cannot_be_beamformed(tmp_path, echo, save, change, message):
    save(tmp_path / "a.mat", workspace(echo, **change))
    with pytest.raises(ReadError, match=message):
        open_recording([tmp_path / "a.mat"])


@pytest.mark.parametrize("missing", ["Trans", "TX", "Receive"])
def test_an_incomplete_workspace_is_refused_before_its_data_are_inflated(tmp_path, echo, monkeypatch, missing):
    values = {name: each for name, each in workspace(echo).items() if name != missing}
    save_v5(tmp_path / "a.mat", {"Trans": {"units": "mm"}, **values})
    message = "the data were inflated first"
    monkeypatch.setattr("engine.readers.matlab_file.v5.MatlabV5.buffer", lambda *_: pytest.fail(message))
    with pytest.raises(ReadError, match=rf"{missing}(\.frequency)? is missing"):
        open_recording([tmp_path / "a.mat"])


@both
def test_curved_probe_is_refused(tmp_path, echo, save):
    values = workspace(echo)
    values["Trans"]["ElementPos"][:, 2] = np.linspace(0, 1, COUNT)
    save(tmp_path / "a.mat", values)
    with pytest.raises(ReadError, match="its probe is not flat"):
        open_recording([tmp_path / "a.mat"])


@both
def test_images_of_the_system(tmp_path, echo, phantom, save):
    from scipy.signal import hilbert

    values = workspace(echo)
    values["PData"] = {"PDelta": np.array([0.5, 0.0, 0.125]), "Origin": np.array([-3.0, 0.0, 10.0])}
    rf = phantom.astype(float)
    carrier = np.exp(-2j * np.pi * 2 * (10 + 0.125 * np.arange(240)))
    values["IQData"] = (hilbert(rf, axis=1) * carrier[None, :, None]).transpose(1, 2, 0)[:, :, None, :]
    save(tmp_path / "a.mat", values)
    recording = open_recording([tmp_path / "a.mat"], ReadOptions(variable="IQData"))
    assert recording.variables == ("RcvData", "IQData")
    assert recording.known["pitch_m"] == pytest.approx(WAVELENGTH / 2)
    assert recording.known["start_depth_m"] == pytest.approx(10 * WAVELENGTH)
    factor = recording.shape[1] // 240
    likeness = np.corrcoef(recording.read_frame(1)[::factor][10:-10].ravel(), rf[1, 10:-10].ravel())[0, 1]
    assert likeness > 0.99


def test_only_images_is_one_line(tmp_path, echo):
    values = workspace(echo)
    values["ImgDataP"] = np.ones((64, 64))
    del values["RcvData"]
    save_v5(tmp_path / "a.mat", values)
    with pytest.raises(ReadError, match="holds only images of a Verasonics system"):
        open_recording([tmp_path / "a.mat"])


@both
def test_damage(tmp_path, echo, survives, save):
    save(tmp_path / "a.mat", workspace(echo))
    survives(tmp_path / "a.mat", examples=12)
