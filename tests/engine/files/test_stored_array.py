"""Parts of arrays as they lie in files: the same values as a map would give, and one line where a file is cut short."""

import gzip
import itertools
import zlib
from pathlib import Path

import numpy as np
import pytest

from engine.errors import ReadError
from engine.files import ranges, stored_array
from engine.files.ranges import GZIP, RAW, ZLIB, InflatedRange, PlainRange
from engine.files.stored_array import StoredArray
from engine.readers import open_recording

VALUES = np.random.default_rng(0).integers(-500, 500, (7, 11, 13)).astype(">i2")
WHOLE = slice(None)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("long_run", [1, 1 << 14])
def test_every_cut_is_that_of_the_array(
    tmp_path: Path, order: str, long_run: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_array, "LONG_RUN", long_run)
    path = tmp_path / "a.bin"
    path.write_bytes(b"head" + VALUES.tobytes(order=order))
    stored = StoredArray(PlainRange(path, 0, path.stat().st_size), VALUES.dtype, 4, VALUES.shape, order)
    for key in itertools.product((2, WHOLE, slice(1, 5)), repeat=3):
        np.testing.assert_array_equal(stored[key], VALUES[key])
    np.testing.assert_array_equal(stored[3], VALUES[3])
    np.testing.assert_array_equal(stored[()], VALUES)
    with pytest.raises(IndexError):
        stored[7]


@pytest.mark.parametrize("form", [ZLIB, GZIP, RAW])
def test_inflated_bytes_are_read_from_any_place(tmp_path: Path, form: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranges, "KEPT_EVERY", 1 << 12)
    monkeypatch.setattr(ranges, "PIECE_BYTES", 1 << 10)
    content = np.random.default_rng(0).integers(0, 9, 100_000).astype("u1").tobytes()
    if form == GZIP:
        stored = gzip.compress(content[:60_000]) + gzip.compress(content[60_000:])
    else:
        deflater = zlib.compressobj(wbits=form)
        stored = deflater.compress(content) + deflater.flush()
    path = tmp_path / "a.bin"
    path.write_bytes(b"head" + stored)
    data = InflatedRange(path, 4, len(content), form)
    for offset, count in ((99_000, 1000), (0, 10), (59_990, 20), (12_345, 40_000), (0, 100_000)):
        assert data.read(offset, count) == content[offset : offset + count]
    with pytest.raises(ReadError, match="truncated"):
        data.read(99_000, 2000)
    path.write_bytes(path.read_bytes()[:10_000])
    with pytest.raises(ReadError, match=r"truncated|damaged"):
        InflatedRange(path, 4, len(content), form).read(0, 100_000)


@pytest.mark.parametrize("cut", [0, 300])
def test_a_file_that_is_cut_or_changed_while_it_is_used_is_one_line(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "a.npy"
    rf = np.random.default_rng(0).standard_normal((4, 64, 8)).astype(np.float32)
    np.save(path, rf)
    recording = open_recording(path)
    recording.read_frame(3)
    with path.open("r+b") as stream:
        stream.truncate(cut)
    with pytest.raises(ReadError, match="has changed since it was opened"):
        recording.read_frame(3)
    with pytest.raises(ReadError, match="truncated"):
        PlainRange(path, 0, 5000).read(0, 5000)
    path.unlink()
    with pytest.raises(ReadError, match="not there any more"):
        recording.read_frame(0)
