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
    assert recording.variables == ("pre", "post")
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
