import numpy as np
import pytest

from engine.errors import ParameterError, ReadError
from engine.readers import ReadOptions, open_recording


@pytest.mark.parametrize("dtype", ["<i2", ">i2", "<f4", ">f8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_npy(tmp_path, phantom, assert_frames, dtype, order):
    np.save(tmp_path / "a.npy", np.asarray(phantom.astype(dtype), order=order))
    recording = open_recording([tmp_path / "a.npy"])
    assert_frames(recording, phantom)
    assert recording.axes == "fal"
    assert recording.axes_assumed


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("axes", ["fal", "alf", "laf"])
def test_npz_reads_members_frame_by_frame(tmp_path, phantom, assert_frames, save, order, axes):
    stored = np.asarray(phantom.transpose(["fal".index(letter) for letter in axes]), order=order)
    save(tmp_path / "a.npz", rf=stored, pitch_m=0.2e-3)
    recording = open_recording([tmp_path / "a.npz"], ReadOptions(axes=axes))
    assert_frames(recording, phantom)
    assert recording.known["pitch_m"] == 0.2e-3


def test_npz_offers_its_arrays(tmp_path, phantom, assert_frames):
    np.savez(tmp_path / "a.npz", pre=phantom[0], post=phantom[1], label=np.array("x"))
    recording = open_recording([tmp_path / "a.npz"], ReadOptions(variable="post"))
    assert_frames(recording, phantom[1:2])
    assert recording.variables == ("pre, post", "pre", "post")
    assert recording.variable == "post"
    with pytest.raises(ParameterError, match="no array 'mid' that could be RF; there are: pre, post"):
        open_recording([tmp_path / "a.npz"], ReadOptions(variable="mid"))


def test_objects_are_never_unpickled(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(ReadError, match="never unpickled"):
        open_recording([tmp_path / "a.npy"])


def test_truncated(tmp_path, phantom):
    np.save(tmp_path / "a.npy", phantom)
    data = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "a.npy").write_bytes(data[:-2])
    with pytest.raises(ReadError, match="truncated: the header promises"):
        open_recording([tmp_path / "a.npy"])


@pytest.mark.parametrize("noise", [b"\0", b"[", b"((((", b"'"])
def test_a_header_that_is_no_literal(tmp_path, phantom, noise):
    np.save(tmp_path / "a.npy", phantom)
    data = bytearray((tmp_path / "a.npy").read_bytes())
    data[80 : 80 + len(noise)] = noise
    (tmp_path / "a.npy").write_bytes(data)
    with pytest.raises(ReadError, match="damaged NumPy header"):
        open_recording([tmp_path / "a.npy"])


@pytest.mark.parametrize("save", [np.save, np.savez, np.savez_compressed])
def test_damage(tmp_path, phantom, survives, save):
    path = tmp_path / ("a.npy" if save is np.save else "a.npz")
    save(path, phantom[:, :60])
    survives(path)


@pytest.mark.parametrize("frames", [1, 2])
def test_times_beside_lines_first(tmp_path, speckle, assert_frames, frames):
    rf = speckle[0].T if frames == 1 else speckle.transpose(0, 2, 1)
    np.savez(tmp_path / "a.npz", signal=rf, t=np.arange(400) / 40.0, nblines=40)
    recording = open_recording([tmp_path / "a.npz"])
    assert (recording.axes, recording.axes_assumed) == ("la" if frames == 1 else "fla", True)
    assert_frames(recording, speckle[:frames])
    assert recording.known["sampling_hz"] == pytest.approx(40e6)
    assert any("taken to be in \N{MICRO SIGN}s" in note for note in recording.notes)


def test_depths_and_positions_beside_an_array(tmp_path, speckle):
    np.savez(tmp_path / "a.npz", rf=speckle, z=5 + np.arange(400) * 0.01925, x=np.arange(40) * 0.2e-3)
    known = open_recording([tmp_path / "a.npz"]).known
    assert known == {
        "sampling_hz": pytest.approx(40e6),
        "start_depth_m": pytest.approx(5e-3),
        "pitch_m": pytest.approx(2e-4),
    }


def test_iq_becomes_rf_with_rate_and_carrier_of_the_user(tmp_path):
    time = np.arange(200) / 10e6
    np.save(tmp_path / "a.npy", np.exp(2j * np.pi * 0.3e6 * time)[:, None] * np.ones(8))
    assert open_recording([tmp_path / "a.npy"]).pending == ("sampling_hz", "center_hz")
    given = {"sampling_hz": 10e6, "center_hz": 5e6, "pitch_m": 2e-4}
    recording = open_recording([tmp_path / "a.npy"], ReadOptions(given=given))
    assert recording.complete(given).geometry.sampling_hz == pytest.approx(30e6)
    fine = np.arange(600) / 30e6
    np.testing.assert_allclose(recording.read_frame(0)[90:510, 3], np.cos(2 * np.pi * 5.3e6 * fine)[90:510], atol=2e-2)


@pytest.mark.parametrize(("dtype", "scale", "level"), [("u2", 3e4, 32768), ("i2", 8e3, 12000), ("i2", 8e3, 2000)])
def test_a_level_is_taken_off(tmp_path, speckle, dtype, scale, level):
    np.save(tmp_path / "a.npy", np.round(speckle * scale + level).astype(dtype))
    recording = open_recording([tmp_path / "a.npy"])
    assert recording.kind == "offset"
    assert abs(recording.read_frame(0).mean()) < 0.01 * scale
