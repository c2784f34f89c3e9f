import h5py
import numpy as np
import pytest

from engine.errors import ReadError
from engine.readers import open_recording

GEOMETRY = {"sampling_hz": 40e6, "center_hz": 6e6, "sound_speed_m_s": 1500.0, "pitch_m": 0.3e-3, "start_depth_m": -1e-3}


def write(path, frames, *, truth=False, **changes):
    frames = np.asarray(frames)
    with h5py.File(path, "w") as file:
        file.attrs.update({"format": "strainscope-rf", "version": 1, **GEOMETRY, **changes})
        file["rf"] = frames
        if truth:
            moved = np.arange(frames[1:].size, dtype=np.float32).reshape(frames[1:].shape)
            for scale, name in enumerate(("axial_displacement_m", "lateral_displacement_m", "axial_strain"), 1):
                file[f"truth/{name}"] = moved * scale
            file["truth/inclusion_mask"] = np.ones(frames.shape[1:], np.uint8)
            file["truth/youngs_modulus_pa"] = np.full(frames.shape[1:], 2e4)
    return path


@pytest.mark.parametrize("dtype", [np.int16, np.float32])
def test_frames_and_geometry_return(tmp_path, phantom, assert_frames, dtype):
    recording = open_recording([write(tmp_path / "a.h5", phantom.astype(dtype))])
    assert_frames(recording, phantom)
    assert dict(recording.known) == GEOMETRY
    assert recording.complete().geometry.sources.sampling_hz == "file"
    assert recording.missing() == ("frame_rate_hz",)


def test_truth_is_read_frame_by_frame(tmp_path, phantom):
    truth = open_recording([write(tmp_path / "a.h5", phantom, truth=True)]).truth
    assert truth is not None
    moved = np.arange(phantom[1:].size, dtype=np.float32).reshape(phantom[1:].shape)
    np.testing.assert_array_equal(truth.read_frame(2).lateral_displacement_m, 2 * moved[1])
    assert truth.inclusion_mask.dtype == np.int32
    assert truth.youngs_modulus_pa[0, 0] == np.float32(2e4)
    for wrong in (0, 3):
        with pytest.raises(ReadError, match="truth of frame"):
            truth.read_frame(wrong)


def test_truth_of_another_shape_is_refused(tmp_path, phantom):
    path = write(tmp_path / "a.h5", phantom, truth=True)
    with h5py.File(path, "a") as file:
        del file["truth/axial_strain"]
        file["truth/axial_strain"] = np.zeros((3, 4, 5))
    with pytest.raises(ReadError, match=r"truth/axial_strain has shape \(3, 4, 5\), expected \(2, 240, 24\)"):
        open_recording([path])


def test_a_result_is_called_a_result(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.attrs.update({"format": "strainscope-result", "version": 1})
    with pytest.raises(ReadError, match="is a result of Strainscope, not an RF recording"):
        open_recording([tmp_path / "a.h5"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 2}, "version 2 is not known"),
        ({"sampling_hz": 0.0}, "sampling_hz must be positive, found 0"),
        ({"pitch_m": -1.0}, "pitch_m must be positive, found -1"),
        ({"center_hz": np.inf}, "center_hz must be finite"),
        ({"sound_speed_m_s": "fast"}, "sound_speed_m_s must be one number, found fast"),
    ],
)
def test_impossible_attributes_are_named(tmp_path, phantom, changes, message):
    with pytest.raises(ReadError, match=message):
        open_recording([write(tmp_path / "a.h5", phantom, **changes)])


def test_links_out_of_the_file_are_not_followed(tmp_path, phantom):
    other = write(tmp_path / "other.h5", phantom)
    path = write(tmp_path / "a.h5", phantom)
    with h5py.File(path, "a") as file:
        del file["rf"]
        file["rf"] = h5py.ExternalLink(str(other), "rf")
    with pytest.raises(ReadError, match="rf is a link, and links are not followed"):
        open_recording([path])


def test_values_in_another_file_are_not_followed(tmp_path, phantom):
    path = tmp_path / "a.h5"
    (tmp_path / "values.bin").write_bytes(phantom.tobytes())
    with h5py.File(path, "w") as file:
        file.attrs.update({"format": "strainscope-rf", "version": 1})
        file.create_dataset("rf", phantom.shape, "i2", external=[(str(tmp_path / "values.bin"), 0, h5py.h5f.UNLIMITED)])
    with pytest.raises(ReadError, match="keeps its values in another file"):
        open_recording([path])


def test_a_claim_without_values_is_refused_before_allocation(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.attrs.update({"format": "strainscope-rf", "version": 1})
        file.create_dataset("rf", (1000, 2**20, 2**20), "i2", chunks=(1, 1024, 1024))
    with pytest.raises(ReadError, match="more than can be"):
        open_recording([tmp_path / "a.h5"])


def test_frames_may_be_read_from_several_threads(tmp_path, phantom):
    from concurrent.futures import ThreadPoolExecutor

    recording = open_recording([write(tmp_path / "a.h5", phantom)])
    order = [0, 1, 2] * 8
    with ThreadPoolExecutor(4) as pool:
        for index, frame in zip(order, pool.map(recording.read_frame, order), strict=True):
            np.testing.assert_array_equal(frame, phantom[index])


def test_damage(tmp_path, phantom, survives):
    survives(write(tmp_path / "a.h5", phantom, truth=True))
