"""Kept results: under everything that decides them, whole or not at all, and within a limit."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.cache import KeptRun, ResultCache
from engine.errors import MethodError, WriteError
from engine.estimators.ncc import NccParams
from engine.pipeline import Preparation, Settings
from engine.types import Displacement, FrameEstimate, Geometry, RFSequence, Strain

GEOMETRY = Geometry(40e6, 5e6, 1540.0, 0.3e-3)
RF = np.random.default_rng(0).standard_normal((4, 32, 8)).astype(np.float32)
SEQUENCE = RFSequence.from_array(RF, GEOMETRY)
SETTINGS = Settings(method="ncc")


def estimate(frame: int, value: float = 0.01) -> FrameEstimate:
    maps = [np.full((32, 8), value * (frame + step), np.float32) for step in range(4)]
    maps[2][0, 0] = np.nan
    return FrameEstimate(
        0, frame, Displacement(maps[0], maps[1], GEOMETRY), Strain(maps[2], GEOMETRY, 2e-3), np.clip(maps[3], 0, 1)
    )


@pytest.fixture(name="cache")
def fixture_cache(tmp_path: Path) -> ResultCache:
    return ResultCache(tmp_path / "results")


def test_what_is_kept_is_read_back_frame_by_frame(cache: ResultCache) -> None:
    run = cache.run(SEQUENCE, SETTINGS)
    assert run.frames() == ()
    for frame in (3, 1):
        run.write(estimate(frame))
    again = cache.run(RFSequence.from_array(RF.copy(), GEOMETRY), SETTINGS)
    assert again.frames() == (1, 3)
    found = again.read(3)
    assert found is not None
    assert (found.reference_frame, found.deformed_frame, found.strain.window_m) == (0, 3, 2e-3)
    np.testing.assert_array_equal(found.strain.axial, estimate(3).strain.axial)
    np.testing.assert_array_equal(found.displacement.lateral_m, estimate(3).displacement.lateral_m)
    assert again.read(2) is None


@pytest.mark.parametrize(
    ("sequence", "settings"),
    [
        (RFSequence.from_array(RF + 1, GEOMETRY), SETTINGS),
        (RFSequence.from_array(RF, replace(GEOMETRY, pitch_m=0.2e-3)), SETTINGS),
        (SEQUENCE, replace(SETTINGS, reference=1)),
        (SEQUENCE, Settings("ncc", NccParams(peak_fit="parabola"))),
        (SEQUENCE, Settings("glue")),
        (SEQUENCE, replace(SETTINGS, preparation=Preparation(band_pass=True))),
        (SEQUENCE, replace(SETTINGS, strain_method="kalman")),
    ],
)
def test_whatever_decides_a_result_is_another_run(cache: ResultCache, sequence: RFSequence, settings: Settings) -> None:
    assert cache.run(sequence, settings).folder != cache.run(SEQUENCE, SETTINGS).folder


def test_which_frames_are_asked_for_decides_nothing(cache: ResultCache) -> None:
    assert cache.run(SEQUENCE, replace(SETTINGS, frames=(2,))) == cache.run(SEQUENCE, SETTINGS)


def test_another_program_is_another_run(cache: ResultCache, monkeypatch: pytest.MonkeyPatch) -> None:
    before = cache.run(SEQUENCE, SETTINGS).folder
    monkeypatch.setattr("engine.cache.program_sha256", lambda: "newer")
    assert cache.run(SEQUENCE, SETTINGS).folder != before


def test_settings_that_cannot_run_have_no_place(cache: ResultCache) -> None:
    with pytest.raises(MethodError):
        cache.run(SEQUENCE, Settings("nonsense"))


@pytest.mark.parametrize("damage", [b"", b"\x89HDF\r\n\x1a\n and no more"])
def test_a_damaged_file_is_removed_and_counts_as_nothing(cache: ResultCache, damage: bytes) -> None:
    run = cache.run(SEQUENCE, SETTINGS)
    run.write(estimate(1))
    path = run.folder / "000001.h5"
    path.write_bytes(damage or path.read_bytes()[:-600])
    assert run.read(1) is None
    assert run.frames() == ()
    run.write(estimate(1))
    assert run.read(1) is not None


def test_a_file_of_another_frame_is_not_taken(cache: ResultCache) -> None:
    run = cache.run(SEQUENCE, SETTINGS)
    run.write(estimate(1))
    os.replace(run.folder / "000001.h5", run.folder / "000002.h5")
    assert run.read(2) is None


def test_runs_not_looked_at_for_longest_go_first(cache: ResultCache) -> None:
    runs: list[KeptRun] = []
    for number in range(3):
        runs.append(cache.run(SEQUENCE, replace(SETTINGS, reference=number)))
        runs[-1].write(estimate(3))
        os.utime(runs[-1].folder, (number, number))
    size = cache.size() / 3
    runs[0].touch()
    replace(cache, limit_bytes=2.5 * size).trim()
    assert [run.frames() for run in runs] == [(3,), (), (3,)]
    cache.clear()
    assert cache.size() == 0


def test_what_is_not_a_run_is_left_alone(cache: ResultCache) -> None:
    cache.run(SEQUENCE, SETTINGS).write(estimate(1))
    (cache.folder / "mine").mkdir()
    (cache.folder / "mine" / "notes.txt").write_text("keep", encoding="utf-8")
    cache.clear()
    assert [path.name for path in cache.folder.iterdir()] == ["mine"]


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WriteError, match="cannot write"):
        ResultCache(tmp_path / "file").run(SEQUENCE, SETTINGS).write(estimate(1))
