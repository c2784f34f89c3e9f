"""A disk that runs full while HDF5 is written: one OSError, no file, and a program that goes on."""

import errno
from pathlib import Path

import h5py
import numpy as np
import pytest

from engine.errors import WriteError
from engine.export.result_file import ResultWriter, read_result
from engine.files import hdf5_writing as hdf5_target
from engine.files.hdf5_writing import Hdf5Target
from engine.types import Displacement, FrameEstimate, Geometry, Provenance, Strain

SHAPE = (3, 200, 40)
GEOMETRY = Geometry(40e6, 5e6, 1540.0, 0.3e-3)


@pytest.fixture
def fill_after(monkeypatch: pytest.MonkeyPatch):
    """Function that lets the disk hold only so many bytes more."""

    def limit(room: int) -> None:
        left, write = [room], hdf5_target._Disk._write

        def limited(disk: hdf5_target._Disk, data: memoryview) -> None:
            left[0] -= len(data)
            if left[0] < 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            write(disk, data)

        monkeypatch.setattr(hdf5_target._Disk, "_write", limited)

    return limit


def fill(file: h5py.File) -> None:
    for name in ("a", "b"):
        data = file.create_dataset(name, SHAPE, np.float32, chunks=(1, *SHAPE[1:]), compression="gzip")
        for index in range(SHAPE[0]):
            data[index] = np.random.default_rng(index).standard_normal(SHAPE[1:])
    file.attrs["words"] = "what it is"
    file.create_group("group").create_dataset("c", data=np.arange(9))


def test_the_bytes_are_those_that_hdf5_writes_itself(tmp_path: Path) -> None:
    with Hdf5Target(tmp_path / "ours.h5") as target:
        fill(target.file)
    with h5py.File(tmp_path / "plain.h5", "w") as file:
        fill(file)
    with h5py.File(tmp_path / "ours.h5") as ours, h5py.File(tmp_path / "plain.h5") as plain:
        assert sorted(ours) == sorted(plain) == ["a", "b", "group"]
        assert ours.attrs["words"] == "what it is"
        for name in ("a", "b", "group/c"):
            np.testing.assert_array_equal(ours[name], plain[name])


@pytest.mark.parametrize("room", [0, 100, 3000, 40_000, 100_000, 150_000])
def test_a_full_disk_is_one_error_at_the_end(tmp_path: Path, fill_after, room: int, capfd) -> None:
    fill_after(room)
    target = Hdf5Target(tmp_path / "full.h5")
    fill(target.file)
    with pytest.raises(OSError, match="No space left"):
        target.close()
    assert not target.file
    assert capfd.readouterr().err == ""


def estimate(frame: int) -> FrameEstimate:
    values = np.full(SHAPE[1:], frame, np.float32)
    return FrameEstimate(0, frame, Displacement(values, values, GEOMETRY), Strain(values, GEOMETRY, 2e-3), values)


def write_result(path: Path, frames: tuple[int, ...]) -> None:
    provenance = Provenance("ncc", {}, "", "0", "0" * 64)
    with ResultWriter(path, (4, *SHAPE[1:]), GEOMETRY, 0, frames, provenance) as writer:
        for frame in frames:
            writer.append(estimate(frame))


@pytest.mark.parametrize("room", [0, 3000, 40_000, 150_000, 300_000])
def test_a_result_on_a_full_disk_is_a_write_error_and_leaves_nothing(
    tmp_path: Path, fill_after, room: int, capfd
) -> None:
    fill_after(room)
    with pytest.raises(WriteError, match=r"result\.h5: No space left on device$"):
        write_result(tmp_path / "result.h5", (1, 2, 3))
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr().err == ""


def test_a_result_that_fits_can_be_read(tmp_path: Path, fill_after) -> None:
    fill_after(10**7)
    write_result(tmp_path / "r.h5", (3, 1, 2))
    result = read_result(tmp_path / "r.h5")
    assert [float(result.read_frame(row).strain.axial[0, 0]) for row in range(3)] == [1, 2, 3]
