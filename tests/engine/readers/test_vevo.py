import struct

import numpy as np
import pytest

from engine.errors import ReadError
from engine.readers import open_recording

VALUES = {"Samples": 120, "Lines": 16, "Depth-Offset": 2.0, "Depth": 10.0, "Width": 9.0, "RX-Frequency": 20.8}


def write(folder, iq, *, kind=0, suffix=".iq.bmode", version=3, **changes):
    parameters = {**VALUES, "TX-Frequency": 21.0, **changes}
    lines = "".join(f'<parameter name="B-Mode/{name}" value="{value}" />' for name, value in parameters.items())
    (folder / "a.iq.xml").write_text(f'<?xml version="1.0"?>\n<raw><parameters>{lines}</parameters></raw>')
    body = struct.pack("<10I", version, iq.shape[0], kind, *[0] * 7)
    for number, frame in enumerate(iq):
        body += bytes([number]) * 56
        for line in frame.T:
            pairs = np.stack([line.imag, line.real], axis=-1)
            body += b"line" + np.round(pairs).astype("<i2").tobytes()
    (folder / f"a{suffix}").write_bytes(body)
    return folder / "a.iq.xml"


@pytest.fixture
def iq():
    rng = np.random.default_rng(3)
    smooth = np.fft.ifft(
        np.fft.fft(rng.normal(size=(3, 120, 16)) + 1j * rng.normal(size=(3, 120, 16)), axis=1)
        * (np.abs(np.fft.fftfreq(120)) < 0.2)[None, :, None],
        axis=1,
    )
    return np.round(9000 * smooth / np.abs(smooth).max() * np.linspace(1, 0.2, 120)[None, :, None])


def test_iq_becomes_rf_with_the_same_envelope(tmp_path, iq):
    from scipy.signal import hilbert

    recording = open_recording([write(tmp_path, iq)])
    assert recording.shape == (3, 480, 16)
    assert recording.known == {
        "sampling_hz": pytest.approx(4 * 20.8e6),
        "center_hz": pytest.approx(21e6),
        "pitch_m": pytest.approx(9e-3 / 15),
        "start_depth_m": pytest.approx(2e-3),
    }
    envelope = np.abs(hilbert(recording.read_frame(1), axis=0))[::4]
    np.testing.assert_allclose(envelope[15:-15], np.abs(iq[1])[15:-15], atol=60)


def test_quad_2x_doubles_the_rate(tmp_path, iq):
    recording = open_recording([write(tmp_path, iq, **{"Quad-2x": "true"})])
    assert recording.known["sampling_hz"] == pytest.approx(3 * 41.6e6)


def test_either_file_of_the_pair_and_the_folder_open_it(tmp_path, iq):
    xml = write(tmp_path, iq)
    for given in (xml, tmp_path / "a.iq.bmode", tmp_path):
        assert open_recording([given]).shape == (3, 480, 16)
    assert open_recording([xml, tmp_path / "a.iq.bmode"]).shape == (3, 480, 16)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": 8}, "8-bit B-mode, not RF"),
        ({"Focal-Zones-Count": 2}, "several focal zones"),
        ({"Samples": 121}, "truncated: the header promises"),
        ({"Samples": -5}, "B-Mode/Samples must be positive"),
        ({"Lines": "many"}, "B-Mode/Lines must be a number, found 'many'"),
        ({"RX-Frequency": 0}, "B-Mode/RX-Frequency must be positive"),
        ({"suffix": ".other"}, "data file a.iq.bmode is not beside it"),
    ],
)
def test_what_cannot_be_read_is_one_line(tmp_path, iq, changes, message):
    with pytest.raises(ReadError, match=message):
        open_recording([write(tmp_path, iq, **changes)])


def test_entities_are_not_expanded(tmp_path, iq):
    xml = write(tmp_path, iq)
    xml.write_text('<!DOCTYPE a [<!ENTITY b "c">]>' + xml.read_text().partition("?>")[2])
    with pytest.raises(ReadError, match="declares entities"):
        open_recording([xml])


def test_damage(tmp_path, iq, survives):
    xml = write(tmp_path, iq)
    survives(xml, tmp_path / "a.iq.bmode")
    survives(xml)


@pytest.mark.parametrize("name", ["Quad-2x", "Quad-2X"])
def test_twice_the_rate_however_it_is_spelt(tmp_path, iq, name):
    once = open_recording([write(tmp_path, iq)]).known["sampling_hz"]
    twice = open_recording([write(tmp_path, iq, **{name: "true"})]).known["sampling_hz"]
    assert twice != once
    assert twice % 41.6e6 == pytest.approx(0, abs=1)


def test_a_stated_depth_is_checked(tmp_path, iq):
    right = 120 * 1540 / (2 * 20.8e6) * 1e3
    assert not any("B-Mode/Depth" in note for note in open_recording([write(tmp_path, iq, Depth=right)]).notes)
    assert any("B-Mode/Depth says 9" in note for note in open_recording([write(tmp_path, iq, Depth=9.0)]).notes)
