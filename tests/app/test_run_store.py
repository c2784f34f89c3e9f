"""Results on a disk that cannot take them: one clear error, and nothing half-written is ever read."""

import errno
from pathlib import Path

import numpy as np
import pytest

from app.state.run_store import RunStore
from engine.errors import WriteError
from engine.strain.persistence import averaged_frames
from engine.types import Displacement, FrameEstimate, Geometry, Provenance, Strain

GEOMETRY = Geometry(40e6, 5e6, 1540.0, 0.3e-3)


def estimate(frame: int) -> FrameEstimate:
    values = np.full((60, 8), frame, np.float32)
    return FrameEstimate(0, frame, Displacement(values, values, GEOMETRY), Strain(values, GEOMETRY, 2e-3), values)


def test_a_full_disk_is_one_error_and_leaves_no_half_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = RunStore(tmp_path / "run", GEOMETRY)
    store.add(estimate(1))

    def full(file: object, values: object, **_options: object) -> None:
        file.write(b"half")  # type: ignore[attr-defined]
        raise OSError("1920 requested and 12 written")

    monkeypatch.setattr("app.state.run_store.np.save", full)
    with pytest.raises(WriteError, match=r"results cannot be kept in .*: the disk is full"):
        store.add(estimate(2))
    assert store.frames() == (1,)
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["frame_000001.npy"]


def test_a_store_touches_the_disk_only_when_the_first_frame_comes(tmp_path: Path) -> None:
    store = RunStore(tmp_path / "absent" / "run", GEOMETRY)
    assert list(tmp_path.iterdir()) == []
    store.add(estimate(3))
    assert store.read(3).strain.axial[0, 0] == 3


def test_a_folder_that_cannot_be_made_is_one_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object, **_options: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    store = RunStore(tmp_path / "run", GEOMETRY)
    monkeypatch.setattr(Path, "mkdir", fail)
    with pytest.raises(WriteError, match="Read-only file system"):
        store.add(estimate(1))


def test_a_store_is_a_result_for_whoever_reads_results(tmp_path: Path) -> None:
    store = RunStore(tmp_path / "run", GEOMETRY)
    for number in (3, 1, 2):
        store.add(estimate(number))
    provenance = Provenance("ncc", {}, "", "0", "0" * 64)
    result = store.result(0, provenance)
    store.add(estimate(9))
    assert result.shape == (3, 60, 8)
    assert result.deformed_frames == (1, 2, 3)
    assert result.provenance is provenance
    assert result.read_frame(2).strain.axial[0, 0] == 3
    assert averaged_frames(result)(2).strain.axial[0, 0] == store.strain(2).strain.axial[0, 0] == 2
