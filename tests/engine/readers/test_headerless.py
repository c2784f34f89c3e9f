import numpy as np
import pytest

from engine.errors import ParameterError, ReadError
from engine.readers import ReadOptions, open_recording


@pytest.mark.parametrize("kind", ["int16", ">int16", "float32", "float64"])
def test_numbers_are_read_as_the_user_says(tmp_path, phantom, assert_frames, kind):
    dtype = np.dtype(kind.strip(">")).newbyteorder(">" if ">" in kind else "<")
    stored = np.ascontiguousarray(phantom.transpose(0, 2, 1)).astype(dtype)
    (tmp_path / "a.bin").write_bytes(b"h" * 76 + stored.tobytes())
    recording = open_recording([tmp_path / "a.bin"], ReadOptions(layout=f"{kind} 3x24x240 fla 76"))
    assert_frames(recording, phantom)
    assert not recording.axes_assumed


def test_one_frame_around_a_level(tmp_path, speckle):
    (tmp_path / "a.dat").write_bytes(np.round(speckle[0] * 100 + 128).astype(np.uint8).tobytes())
    recording = open_recording([tmp_path / "a.dat"], ReadOptions(layout="uint8 400x40 al"))
    assert recording.shape == (1, 400, 40)
    assert recording.kind == "offset"


@pytest.mark.parametrize(
    ("layout", "message"),
    [
        ("int16", "is not of the form TYPE SIZES AXES"),
        ("int12 3x24x240 fla", "types are int8, uint8"),
        ("int16 3x24x240 faa", "each of its 3 sizes needs a letter"),
        ("int16 3x24 fal", "each of its 2 sizes needs a letter"),
    ],
)
def test_layouts_that_say_nothing(tmp_path, phantom, layout, message):
    (tmp_path / "a.bin").write_bytes(phantom.tobytes())
    with pytest.raises(ParameterError, match=message):
        open_recording([tmp_path / "a.bin"], ReadOptions(layout=layout))


@pytest.mark.parametrize(
    ("layout", "message"),
    [
        ("int16 4x240x24 fal", "truncated: the layout promises 46080 bytes, the file has 34560"),
        ("int16 2x240x24 fal", "has 11520 bytes more than the layout says"),
        ("int16 9999999999x240x24 fal", "more than can be"),
    ],
)
def test_layouts_that_do_not_fit_the_file(tmp_path, phantom, layout, message):
    (tmp_path / "a.bin").write_bytes(phantom.tobytes())
    with pytest.raises(ReadError, match=message):
        open_recording([tmp_path / "a.bin"], ReadOptions(layout=layout))
