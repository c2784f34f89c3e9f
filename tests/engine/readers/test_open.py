import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from engine.errors import MissingGeometryError, ParameterError, ReadError
from engine.readers import READERS, ReadOptions, measure_center_hz, open_recording

REAL = Path(__file__).resolve().parents[4] / "shared" / "data"


def save(folder, frames, names):
    paths = [folder / name for name in names]
    for path, frame in zip(paths, frames, strict=True):
        np.save(path, frame)
    return paths


def test_files_of_one_frame_join_in_natural_order(tmp_path, phantom):
    save(tmp_path, phantom, ("f2.npy", "f10.npy", "f1.npy"))
    expected = phantom[[2, 0, 1]]
    for given in ([tmp_path], sorted(tmp_path.iterdir())):
        recording = open_recording(given)
        assert recording.shape == (3, 240, 24)
        assert [path.name for path in recording.paths] == ["f1.npy", "f2.npy", "f10.npy"]
        for index in range(3):
            np.testing.assert_array_equal(recording.read_frame(index), expected[index])


def test_the_odd_file_is_named(tmp_path, phantom):
    save(tmp_path, (phantom[0], phantom[1, :200], phantom[2]), ("a.npy", "b.npy", "c.npy"))
    with pytest.raises(ReadError, match=r"^b\.npy: does not fit a\.npy: its frames are 200 x 24, not 240 x 24$"):
        open_recording([tmp_path])


def test_frames_whose_last_rows_differ_are_cut_to_what_they_share(tmp_path, phantom):
    save(tmp_path, (phantom[0], phantom[1, :238]), ("a.npy", "b.npy"))
    recording = open_recording([tmp_path])
    assert recording.shape == (2, 238, 24)
    assert any("cut to the 238 that all have" in note for note in recording.notes)
    np.testing.assert_array_equal(recording.read_frame(0), phantom[0, :238])


def test_files_of_unlike_geometry_do_not_join(tmp_path, phantom):
    np.savez(tmp_path / "a.npz", rf=phantom[0], sampling_hz=40e6)
    np.savez(tmp_path / "b.npz", rf=phantom[1], sampling_hz=20e6)
    with pytest.raises(ReadError, match=r"b\.npz: does not fit a\.npz: its sampling_hz"):
        open_recording([tmp_path])


def test_files_of_several_frames_do_not_join(tmp_path, phantom):
    save(tmp_path, (phantom, phantom), ("a.npy", "b.npy"))
    with pytest.raises(ReadError, match="holds 3 frames; several files make one sequence only with one frame each"):
        open_recording([tmp_path])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.rf", b"", "the file is empty"),
        (
            "x.rf",
            b"what is this",
            "no format that is known here; numbers without a header need --layout; supported: Strainscope RF",
        ),
        ("x.dcm", bytes(128) + b"DICM" + bytes(99), "is DICOM, into which scanners write B-mode"),
        ("x.sw", b"RES_BUF_FRAMES 3\nRES_BUF_RF true\n", "text part of a Stradwin recording"),
        ("x.uff", b"    -1\n   151\n", "vibration measurements"),
        ("x.h5", b"\x89PNG" + bytes(9), "PNG picture"),
        ("x.h5", b"\x89HDF\r\n\x1a\n" + bytes(99), "damaged or truncated HDF5 file"),
    ],
)
def test_what_is_no_recording_is_one_line(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ReadError, match=message) as caught:
        open_recording([path])
    assert str(caught.value).startswith(f"{name}: ")
    assert "\n" not in str(caught.value)


def test_missing_file_and_empty_folder(tmp_path):
    with pytest.raises(ReadError, match=r"^no\.npy: no such file$"):
        open_recording([tmp_path / "no.npy"])
    with pytest.raises(ReadError, match="this folder holds no recording"):
        open_recording([tmp_path])
    with pytest.raises(ReadError, match="no file was given"):
        open_recording([])
    for impossible in ("long" * 2000, "nul\0.npy"):
        with pytest.raises(ReadError, match="cannot be read"):
            open_recording([tmp_path / impossible])


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not bind the superuser")
def test_no_permission(tmp_path, phantom):
    path = tmp_path / "a.npy"
    np.save(path, phantom)
    path.chmod(0)
    with pytest.raises(ReadError, match="no permission"):
        open_recording([path])


def test_no_permission_is_one_line(tmp_path, phantom, monkeypatch):
    path = tmp_path / "a.npy"
    np.save(path, phantom)

    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ReadError, match=r"^a\.npy: no permission to read this file$"):
        open_recording([path])


def test_hdf5_of_another_layout_says_what_it_holds(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["temperature"] = np.arange(5)
    with pytest.raises(ReadError, match="HDF5 file of no layout that is known here: it holds temperature"):
        open_recording([tmp_path / "a.h5"])


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (np.abs(np.random.default_rng(0).normal(size=(2, 64, 8))), "B-mode or envelope, not RF"),
        (-np.abs(np.random.default_rng(0).normal(size=(2, 64, 8))), "not RF: no value is above zero"),
        (np.random.default_rng(0).integers(0, 255, (2, 64, 8)).astype(np.uint8), "B-mode or envelope, not RF"),
        (np.random.default_rng(0).uniform(-0.02, 0.06, (1000, 3)), "looks like a table or positions"),
        (np.sin(np.arange(400.0))[:, None], "holds a single line of 400 samples"),
        (np.zeros((2, 64, 8)), "nothing but the value 0"),
        (np.full((2, 64, 8), np.nan), "1024|512 values that are not finite"),
        (np.zeros((2, 64, 8), "V4"), "of type"),
        (np.array([["a", "b"]]), "not numbers that can be RF"),
        (np.zeros(5), "expected an array of 2 or 3 axes"),
    ],
)
def test_what_is_not_rf_is_refused(tmp_path, frames, message):
    np.save(tmp_path / "a.npy", frames)
    with pytest.raises(ReadError, match=message):
        open_recording([tmp_path / "a.npy"])


def test_center_frequency_is_measured_when_the_rate_is_known(tmp_path):
    time = np.arange(1024) / 40e6
    frames = np.stack([np.sin(2 * np.pi * 6e6 * time + phase)[:, None] * np.ones(16) for phase in (0, 1)])
    np.save(tmp_path / "a.npy", frames)
    recording = open_recording([tmp_path / "a.npy"])
    assert dict(recording.suggested) == {}
    with pytest.raises(MissingGeometryError, match="center_hz"):
        recording.complete({"sampling_hz": 40e6, "pitch_m": 0.2e-3})
    geometry = recording.complete({"sampling_hz": 40e6, "pitch_m": 0.2e-3}, accept_suggested=True).geometry
    assert geometry.center_hz == pytest.approx(6e6, rel=0.01)
    assert geometry.sources.center_hz == "assumed"
    assert geometry.sources.sampling_hz == "user"
    assert recording.suggestions({"sampling_hz": 20e6})["center_hz"] == pytest.approx(3e6, rel=0.01)


def test_rate_in_the_file_suggests_the_center(tmp_path, phantom):
    np.savez(tmp_path / "a.npz", rf=phantom, sampling_hz=40e6)
    recording = open_recording([tmp_path / "a.npz"])
    assert recording.suggested["center_hz"] == pytest.approx(5e6, rel=0.05)


def test_spectrum_without_a_peak_is_an_error():
    with pytest.raises(ParameterError, match="no peak"):
        measure_center_hz(np.zeros((64, 4), np.float32), 40e6)
    with pytest.raises(ParameterError, match="sampling_hz"):
        measure_center_hz(np.ones((64, 4), np.float32), 0.0)


def test_offset_and_drift_do_not_move_the_center():
    time = np.arange(2000) / 40e6
    frame = (np.sin(2 * np.pi * 5e6 * time) + 30 + 1e5 * time)[:, None] * np.ones(4)
    assert measure_center_hz(frame.astype(np.float32), 40e6) == pytest.approx(5e6, rel=0.02)


def test_axes_are_the_users_choice(tmp_path, phantom):
    np.save(tmp_path / "a.npy", phantom.transpose(2, 1, 0))
    recording = open_recording([tmp_path / "a.npy"], ReadOptions(axes="laf"))
    np.testing.assert_array_equal(recording.read_frame(1), phantom[1])
    assert not recording.axes_assumed
    for wrong in ("xyz", "al", "aal"):
        with pytest.raises(ParameterError, match="axes"):
            open_recording([tmp_path / "a.npy"], ReadOptions(axes=wrong))


def test_every_reader_is_there_and_says_what_it_is():
    assert READERS.failures() == {}
    assert len(READERS.names()) >= 16
    for reader in READERS:
        assert reader.name in READERS.names()
        assert reader.title
        assert all(extension.startswith(".") for extension in reader.extensions)


def test_readers_import_no_torch(tmp_path, phantom):
    np.save(tmp_path / "a.npy", phantom)
    code = (
        "import sys; from pathlib import Path; from engine.readers import READERS, open_recording\n"
        f"open_recording([Path({str(tmp_path / 'a.npy')!r})]); READERS.names()\n"
        "found = {'torch', 'PySide6', 'scipy'} & set(sys.modules); sys.exit(str(found) if found else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not REAL.is_dir(), reason="the real recordings are not beside this checkout")
@pytest.mark.parametrize("name", ["arm_299", "arm_304"])
def test_real_recordings_open(name):
    recording = open_recording([REAL / name])
    assert recording.shape == (6, 2000, 128)
    assert dict(recording.known) == {}
    sequence = recording.complete({"sampling_hz": 38.5e6, "pitch_m": 0.2e-3}, accept_suggested=True)
    assert sequence.geometry.center_hz == pytest.approx(4.5e6, rel=0.1)
    for index in range(6):
        assert sequence.frame(index).max() == pytest.approx(1, abs=1e-6)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
@pytest.mark.timeout(20)
def test_a_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "scan.h5")
    with pytest.raises(ReadError, match=r"scan\.h5: is no ordinary file"):
        open_recording([tmp_path / "scan.h5"])


def test_the_present_folder_has_a_name_in_errors() -> None:
    assert str(ReadError(Path(), "is a folder")) == ".: is a folder"


def folded(carrier_hz, rate_hz, rows=400):
    """RF of one scatterer a line, and what sampling it below twice its carrier makes of it."""
    fine = 12 * carrier_hz
    places = 25e-6 + 1e-6 * np.arange(8)

    def rf(time):
        late = time[:, None] - places
        return np.exp(-((late * carrier_hz * 0.8) ** 2)) * np.cos(2 * np.pi * carrier_hz * late)

    return rf(np.arange(rows) / rate_hz), rf, fine


@pytest.mark.parametrize(("rate_hz", "zone"), [(20e6 / 3, 1), (4e6, 2)])
def test_rf_sampled_below_twice_its_carrier_is_unfolded(tmp_path, rate_hz, zone):
    sampled, rf, _ = folded(5e6, rate_hz)
    np.savez(tmp_path / "a.npz", rf=sampled, fs=rate_hz, fc=5e6)
    recording = open_recording([tmp_path / "a.npz"])
    sampling = recording.known["sampling_hz"]
    assert int(2 * 5e6 / rate_hz) == zone
    assert sampling >= 20e6
    assert any("unfolded to" in note for note in recording.notes)
    expected = rf(np.arange(recording.shape[1]) / sampling)
    np.testing.assert_allclose(recording.read_frame(0), expected, atol=0.15 if zone == 1 else 0.3)


def test_a_carrier_that_only_the_user_knows_unfolds(tmp_path):
    sampled, rf, _ = folded(5e6, 20e6 / 3)
    np.savez(tmp_path / "a.npz", rf=sampled, fs=20e6 / 3)
    given = {"center_hz": 5e6, "pitch_m": 0.3e-3}
    assert open_recording([tmp_path / "a.npz"]).folded(given) == (pytest.approx(20e6 / 3), 5e6)
    recording = open_recording([tmp_path / "a.npz"], ReadOptions(given=given))
    assert recording.folded(given) is None
    sequence = recording.complete(given)
    assert sequence.geometry.sampling_hz == pytest.approx(20e6)
    np.testing.assert_allclose(sequence.frame(0), rf(np.arange(sequence.shape[1]) / 20e6), atol=0.15)


def test_a_carrier_that_the_spectrum_denies_is_refused(tmp_path):
    sampled, _, _ = folded(5e6, 20e6 / 3)
    np.savez(tmp_path / "a.npz", rf=sampled, fs=20e6 / 3, fc=6.6e6)
    with pytest.raises(ReadError, match=r"^a\.npz: is sampled at 6.667 MHz, below twice its carrier"):
        open_recording([tmp_path / "a.npz"])


def test_a_rate_next_to_nothing_is_impossible(tmp_path):
    np.savez(tmp_path / "a.npz", rf=np.arange(512.0).reshape(64, 8) % 7, fs=1e-308, fc=6e6)
    with pytest.raises(ReadError, match=r"^a\.npz: is said to be sampled at .* Hz .* impossible"):
        open_recording([tmp_path / "a.npz"])
