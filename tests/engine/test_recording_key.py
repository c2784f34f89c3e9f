"""The key of a recording is that of its RF: never of its header, its name, its place or its format."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.errors import CancelledError, ReadError
from engine.readers import ReadOptions, open_recording
from engine.recording_key import recording_key
from engine.types import Geometry, RFSequence

RF = NDArray[np.int16]
GEOMETRY = Geometry(40e6, 5e6, 1540.0, 0.3e-3)


def rf(seed: int, frames: int = 4) -> RF:
    return np.random.default_rng(seed).integers(-900, 900, (frames, 96, 16)).astype(np.int16)


def write_meta_image(folder: Path, samples: RF) -> Path:
    """Write a detached MetaImage; the header is the same for all recordings of one shape."""
    folder.mkdir(parents=True)
    sizes = " ".join(map(str, reversed(samples.shape)))
    header = f"ObjectType = Image\nNDims = 3\nDimSize = {sizes}\nElementType = MET_SHORT\nElementDataFile = scan.raw\n"
    (folder / "scan.mhd").write_text(header)
    (folder / "scan.raw").write_bytes(samples.tobytes())
    return folder / "scan.mhd"


def key_of(path: Path) -> str:
    return recording_key(open_recording([path]))


def test_recordings_with_the_same_header_are_two(tmp_path: Path) -> None:
    first, second = (write_meta_image(tmp_path / name, rf(seed)) for name, seed in (("299", 1), ("304", 2)))
    assert first.read_bytes() == second.read_bytes()
    assert key_of(first) != key_of(second)


def test_a_recording_stays_itself_moved_renamed_and_converted(tmp_path: Path) -> None:
    path = write_meta_image(tmp_path / "before", rf(1))
    before = key_of(path)
    (tmp_path / "before").rename(tmp_path / "after")
    assert key_of(tmp_path / "after" / "scan.mhd") == before
    np.save(tmp_path / "other.npy", rf(1))
    options = ReadOptions(axes="fal")
    assert recording_key(open_recording([tmp_path / "other.npy"], options)) == before


@pytest.mark.parametrize("frame", [0, 2, 3])
def test_first_middle_and_last_frame_count(frame: int) -> None:
    changed = rf(1)
    changed[frame, 50, 5] += 1
    keys = {recording_key(RFSequence.from_array(samples, GEOMETRY)) for samples in (rf(1), changed, rf(1, 3))}
    assert len(keys) == 3


def test_of_computed_frames_the_stored_samples_count() -> None:
    stored = rf(1)

    def refuse(_index: int) -> RF:
        raise AssertionError("computing a frame only to know which recording it is")

    def sequence(read: Callable[[int], RF]) -> RFSequence:
        return RFSequence((4, 96, 16), GEOMETRY, refuse, stored_frame=read)

    same, other = recording_key(sequence(lambda index: stored[index])), recording_key(sequence(lambda i: rf(2)[i]))
    assert same == recording_key(sequence(lambda index: stored[index])) != other


def test_a_frame_that_cannot_be_read_does_not_keep_a_recording_from_its_key() -> None:
    def read(index: int) -> RF:
        if index == 2:
            raise ReadError("scan.raw", "truncated")
        return rf(1)[index]

    broken = recording_key(RFSequence((4, 96, 16), GEOMETRY, read))
    assert broken != recording_key(RFSequence.from_array(rf(1), GEOMETRY))


def test_it_can_be_cancelled() -> None:
    with pytest.raises(CancelledError):
        recording_key(RFSequence.from_array(rf(1), GEOMETRY), lambda: True)
