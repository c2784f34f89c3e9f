import h5py
import numpy as np
import pytest
from scipy.io import savemat

from engine.errors import MissingGeometryError, ParameterError, ReadError
from engine.readers import ReadOptions, open_recording

PARAM = {"fs": 40e6, "fc": 5e6, "c": 1480.0, "pitch": 0.3e-3}


def save_v73(path, values):
    """Write as MATLAB does: user block, reversed axes, structures as groups, classes as attributes."""
    with h5py.File(path, "w", userblock_size=512) as file:
        _fill(file, values)
    with path.open("r+b") as stream:
        stream.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")


def _fill(group, values):
    for name, value in values.items():
        if isinstance(value, dict):
            _fill(group.create_group(name), value)
            group[name].attrs["MATLAB_class"] = np.bytes_("struct")
            continue
        array = np.atleast_2d(np.asarray(value)).T
        if np.iscomplexobj(array):
            pairs = np.empty(array.shape, [("real", "f8"), ("imag", "f8")])
            pairs["real"], pairs["imag"] = array.real, array.imag
            array = pairs
        group[name] = array
        group[name].attrs["MATLAB_class"] = np.bytes_("double")


def save_v5(path, values):
    savemat(path, values)


def save_v7(path, values):
    savemat(path, values, do_compression=True)


every_version = pytest.mark.parametrize("save", [save_v5, save_v7, save_v73])


@every_version
@pytest.mark.parametrize("dtype", [np.int16, np.float32, np.float64])
def test_samples_lines_frames(tmp_path, phantom, assert_frames, save, dtype):
    save(tmp_path / "a.mat", {"RfDataDouble": phantom.transpose(1, 2, 0).astype(dtype), "param": PARAM})
    recording = open_recording([tmp_path / "a.mat"])
    assert_frames(recording, phantom)
    assert dict(recording.known) == {
        "sampling_hz": 40e6,
        "center_hz": 5e6,
        "sound_speed_m_s": 1480.0,
        "pitch_m": 0.3e-3,
    }
    assert recording.axes == "alf"
    assert recording.axes_assumed


@every_version
def test_frames_first_where_that_is_the_custom(tmp_path, phantom, assert_frames, save):
    for name in ("img", "Data"):
        save(tmp_path / "a.mat", {name: phantom})
        assert_frames(open_recording([tmp_path / "a.mat"]), phantom)


@every_version
def test_numbered_variables_make_a_sequence(tmp_path, phantom, assert_frames, save):
    save(tmp_path / "a.mat", {"Im10": phantom[2] * 1e-23, "Im2": phantom[1] * 1e-23, "Im1": phantom[0] * 1e-23})
    recording = open_recording([tmp_path / "a.mat"])
    assert recording.variables == ("Im1, Im2, Im10", "Im1", "Im2", "Im10")
    assert_frames(recording, phantom * 1e-23)
    one = open_recording([tmp_path / "a.mat"], ReadOptions(variable="Im2"))
    assert_frames(one, phantom[1:2] * 1e-23)


@every_version
def test_bfdata_is_cut_to_its_valid_rows(tmp_path, phantom, assert_frames, save):
    save(tmp_path / "a.mat", {"BfData": phantom[0].astype(np.float32), "SampleNum": 200.0})
    assert_frames(open_recording([tmp_path / "a.mat"]), phantom[:1, :200])


@every_version
def test_zones_of_a_sector_scanner(tmp_path, phantom, save):
    save(tmp_path / "a.mat", {"b_data_Zone1": phantom[0], "b_data_Zone2": phantom[1] * 2, "FPS": 20.0})
    recording = open_recording([tmp_path / "a.mat"], ReadOptions(variable="b_data_Zone2"))
    assert recording.known["sampling_hz"] == 20e6
    np.testing.assert_array_equal(recording.read_frame(0), phantom[1] * 2)


@every_version
def test_units_in_mhz_and_mm_are_seen(tmp_path, phantom, save):
    save(tmp_path / "a.mat", {"rf": phantom[0], "fs": 40.0, "fc": 5.0, "pitch": 0.3})
    recording = open_recording([tmp_path / "a.mat"])
    assert recording.known == {"sampling_hz": 40e6, "center_hz": 5e6, "pitch_m": pytest.approx(0.3e-3)}
    assert sum("is taken to be in" in note for note in recording.notes) == 3


@every_version
def test_iq_beside_its_carrier_becomes_rf(tmp_path, save):
    iq = np.exp(2j * np.pi * 0.02 * np.arange(200))[:, None] * (1 + np.arange(8)) * np.hanning(200)[:, None]
    save(tmp_path / "a.mat", {"IQ": iq, "param": {**PARAM, "fs": 10e6}})
    recording = open_recording([tmp_path / "a.mat"])
    assert recording.shape == (1, 600, 8)
    assert recording.known["sampling_hz"] == 30e6
    assert any("re-modulated from IQ at 5 MHz" in note for note in recording.notes)
    time = np.arange(600) / 30e6
    envelope = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(600) / 3 / 199)
    expected = envelope * np.cos(2 * np.pi * (5e6 + 0.02 * 10e6) * time)
    np.testing.assert_allclose(recording.read_frame(0)[100:500, 0], expected[100:500], atol=1e-3)


@every_version
def test_iq_without_a_carrier_waits_for_it(tmp_path, save):
    iq = np.exp(2j * np.pi * 0.02 * np.arange(200))[:, None] * (1 + np.arange(8))
    save(tmp_path / "a.mat", {"IQ": iq, "fs": 10e6})
    waiting = open_recording([tmp_path / "a.mat"])
    assert waiting.pending == ("center_hz",)
    with pytest.raises(MissingGeometryError, match="give --center-hz"):
        waiting.complete({"pitch_m": 2e-4})
    given = {"center_hz": 5e6, "pitch_m": 2e-4}
    geometry = open_recording([tmp_path / "a.mat"], ReadOptions(given=given)).complete(given).geometry
    assert geometry.sampling_hz == 30e6


SIEMENS = {
    "strf": {"SamplingRate": 40e6},
    "rfbm": {"LineDensity": 50.0, "AcousticFrameRateHz": 22.78, "FovShape": 0},
    "rfsd": np.array([(7272700.0,), (-1.0,)], dtype=[("TxFrequencyMhz", "O")]),
    "rfam": {"ProbeName": "VF13-5", "ProbeRadiusCm": 6.0},
}


@pytest.mark.parametrize("save", [save_v5, save_v7])
def test_geometry_of_the_siemens_reader_is_found_with_its_path(tmp_path, speckle, save):
    rf = np.round(speckle[0] * 3e4).astype(np.int16)
    save(tmp_path / "a.mat", {"RfDataDouble": rf, "FileHeader": SIEMENS})
    recording = open_recording([tmp_path / "a.mat"])
    known = {"sampling_hz": 40e6, "center_hz": 7272700.0, "pitch_m": pytest.approx(2e-4), "frame_rate_hz": 22.78}
    assert dict(recording.known) == known
    assert recording.found_at["sampling_hz"] == "FileHeader.strf.SamplingRate"
    assert recording.found_at["center_hz"] == "FileHeader.rfsd(1).TxFrequencyMhz"
    assert any("curved (FileHeader.rfam.ProbeRadiusCm = 6)" in note for note in recording.notes)


@every_version
def test_rf_and_geometry_inside_a_structure(tmp_path, speckle, assert_frames, save):
    inside = {"rf": speckle.transpose(1, 2, 0), "fs": 40e6, "fc": 6e6, "pitch": 2e-4}
    save(tmp_path / "a.mat", {"more": {"data": inside}, "fs": 10e6})
    recording = open_recording([tmp_path / "a.mat"])
    assert recording.variable == "more.data.rf"
    assert_frames(recording, speckle.astype(np.float32))
    assert recording.known["sampling_hz"] == 40e6
    assert recording.found_at["sampling_hz"] == "more.data.fs"
    assert any("more.data.fs and fs disagree" in note for note in recording.notes)


@every_version
def test_frames_before_and_after_are_a_sequence(tmp_path, speckle, assert_frames, save):
    save(tmp_path / "a.mat", {"rf_post": speckle[1], "rf_pre": speckle[0][:-3]})
    recording = open_recording([tmp_path / "a.mat"])
    assert recording.variables == ("rf_pre, rf_post", "rf_post", "rf_pre")
    assert_frames(recording, speckle[:, :-3].astype(np.float32))
    assert any("cut to the 397 that all have" in note for note in recording.notes)
    turned = open_recording([tmp_path / "a.mat"], ReadOptions(variable="rf_post, rf_pre"))
    assert_frames(turned, speckle[::-1, :-3].astype(np.float32))
    with pytest.raises(ParameterError, match="no array 'rf_mid'"):
        open_recording([tmp_path / "a.mat"], ReadOptions(variable="rf_pre, rf_mid"))


@pytest.mark.parametrize("save", [save_v5, save_v7])
def test_a_cell_of_frames_is_a_sequence(tmp_path, speckle, assert_frames, save):
    cell = np.empty((1, 2), object)
    cell[0, 0], cell[0, 1] = speckle
    save(tmp_path / "a.mat", {"RF": cell})
    recording = open_recording([tmp_path / "a.mat"])
    assert recording.variable == "RF(1), RF(2)"
    assert_frames(recording, speckle.astype(np.float32))


@every_version
def test_rf_around_a_level(tmp_path, speckle, save):
    stored = np.clip(speckle.transpose(1, 2, 0) * 127 + 127.5, 0, 255).astype(np.uint8)
    save(tmp_path / "a.mat", {"RF1": stored, "param1": {"fs": 20e6, "c": 1540.0, "pitch": 0.298e-3}})
    recording = open_recording([tmp_path / "a.mat"])
    assert recording.known["sampling_hz"] == 20e6
    assert recording.kind == "offset"
    assert any("lie around a level of 127" in note for note in recording.notes)
    assert np.corrcoef(recording.read_frame(1).ravel(), speckle[1].ravel())[0, 1] > 0.99
    left = open_recording([tmp_path / "a.mat"], ReadOptions(kind="rf"))
    assert left.read_frame(0).min() >= 0


@every_version
def test_positions_of_scatterers_are_no_rf(tmp_path, save):
    rng = np.random.default_rng(0)
    save(
        tmp_path / "a.mat",
        {"phantom_positions": rng.uniform(-0.02, 0.06, (1000, 3)), "amp": rng.normal(size=(1000, 1))},
    )
    with pytest.raises(ReadError, match=r"phantom_positions looks like a table or positions \(1000 x 3\)"):
        open_recording([tmp_path / "a.mat"])


@every_version
def test_a_single_line_is_refused_with_what_to_do(tmp_path, speckle, save):
    save(tmp_path / "a.mat", {"rf": speckle[0][:, :1], "t0": 0.0})
    with pytest.raises(ReadError, match="rf is a single line of 400 values: put the lines of a frame side by side"):
        open_recording([tmp_path / "a.mat"])


@every_version
def test_times_beside_lines_first(tmp_path, speckle, assert_frames, save):
    save(tmp_path / "a.mat", {"rf": speckle[0].T, "t": np.arange(400) / 40e6})
    recording = open_recording([tmp_path / "a.mat"])
    assert recording.axes == "la"
    assert_frames(recording, speckle[:1].astype(np.float32))
    assert recording.known["sampling_hz"] == pytest.approx(40e6)
    assert recording.found_at["sampling_hz"] == "t"


@every_version
def test_nothing_that_could_be_rf(tmp_path, save):
    save(tmp_path / "a.mat", {"x": 3.0, "note": {"y": 1.0}})
    with pytest.raises(ReadError, match=r"no array that could be RF; found: (x, note|note, x)$"):
        open_recording([tmp_path / "a.mat"])


@every_version
def test_impossible_geometry_is_named(tmp_path, phantom, save):
    save(tmp_path / "a.mat", {"rf": phantom[0], "fs": -40e6})
    with pytest.raises(ReadError, match="fs must be positive, found -4e"):
        open_recording([tmp_path / "a.mat"])


def test_bmode_is_refused(tmp_path, bmode):
    savemat(tmp_path / "a.mat", {"rf": bmode[0]})
    with pytest.raises(ReadError, match="B-mode or envelope, not RF"):
        open_recording([tmp_path / "a.mat"])


def test_big_endian_v5(tmp_path, phantom, assert_frames):
    import struct

    frame = phantom[0]
    name = b"rf".ljust(4, b"\0")
    body = struct.pack(">IIII", 6, 8, 10, 0) + struct.pack(">IIii", 5, 8, *frame.shape)
    body += struct.pack(">HH", 2, 1) + name + struct.pack(">II", 3, frame.size * 2) + frame.astype(">i2").tobytes("F")
    head = b"MATLAB 5.0 MAT-file, by hand".ljust(124) + b"\x01\x00MI"
    (tmp_path / "a.mat").write_bytes(head + struct.pack(">II", 14, len(body)) + body)
    assert_frames(open_recording([tmp_path / "a.mat"]), phantom[:1])


def test_plain_values_are_mapped_not_loaded(tmp_path, phantom, monkeypatch):
    savemat(tmp_path / "a.mat", {"rf": phantom.transpose(1, 2, 0)})
    message = "loaded the whole variable"
    monkeypatch.setattr("engine.readers.matlab_file.v5.matrix_value", lambda *args: pytest.fail(message))
    np.testing.assert_array_equal(open_recording([tmp_path / "a.mat"]).read_frame(2), phantom[2])


def test_truncated_v5_says_where(tmp_path, phantom):
    savemat(tmp_path / "a.mat", {"rf": phantom[0], "more": phantom[1]})
    data = (tmp_path / "a.mat").read_bytes()
    (tmp_path / "a.mat").write_bytes(data[:-1000])
    with pytest.raises(ReadError, match="truncated: variable 2 needs"):
        open_recording([tmp_path / "a.mat"])


@every_version
def test_damage(tmp_path, phantom, survives, save):
    save(tmp_path / "a.mat", {"rf": phantom[:, :60].transpose(1, 2, 0), "param": PARAM})
    survives(tmp_path / "a.mat")
