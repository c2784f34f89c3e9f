"""Files that belong together may be chosen together, in any order."""

from pathlib import Path

import numpy as np
import pytest

from engine.errors import ReadError
from engine.readers.recognise import find_recordings


def write_detached(folder: Path, stem: str, data: str) -> tuple[Path, Path]:
    """Write a MetaImage header beside its data."""
    raw = folder / data
    raw.write_bytes(np.zeros((2, 16, 8), "<i2").tobytes())
    header = folder / f"{stem}.mhd"
    header.write_text(
        f"ObjectType = Image\nNDims = 3\nDimSize = 8 16 2\nElementType = MET_SHORT\nElementDataFile = {data}\n"
    )
    return header, raw


@pytest.mark.parametrize("data", ["frame.raw", "samples-of-another-name.bin"])
@pytest.mark.parametrize("backwards", [False, True])
def test_a_header_and_its_data_are_one_recording(tmp_path: Path, data: str, backwards: bool) -> None:
    paths = write_detached(tmp_path, "frame", data)
    found = find_recordings(paths[::-1] if backwards else paths)
    assert list(found) == [paths[0]]


def test_all_files_of_a_folder_are_its_recordings(tmp_path: Path) -> None:
    pairs = [write_detached(tmp_path, f"f{number}", f"f{number}.raw") for number in (10, 2)]
    found = find_recordings(sorted(tmp_path.iterdir()))
    assert list(found) == [pairs[1][0], pairs[0][0]]


def test_a_stranger_among_them_is_an_error(tmp_path: Path) -> None:
    paths = write_detached(tmp_path, "frame", "frame.raw")
    stranger = tmp_path / "notes.txt"
    stranger.write_text("nothing to do with it")
    with pytest.raises(ReadError, match="notes"):
        find_recordings([*paths, stranger])
    with pytest.raises(ReadError, match=r"frame\.raw"):
        find_recordings([paths[1]])
