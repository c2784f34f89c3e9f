"""Names of results: unique, stable, never in the place of a recording; and nothing half-written stays."""

import os
from pathlib import Path

import pytest

from engine.batch.outputs import make_folder, remove_unfinished, result_paths
from engine.errors import ParameterError, WriteError


def names(*paths: str) -> list[str]:
    return [path.name for path in result_paths([Path(path) for path in paths], Path("/out")).values()]


def test_results_are_named_after_their_recordings() -> None:
    assert names("/data/arm.mat", "/data/leg.h5") == ["arm-result.h5", "leg-result.h5"]


def test_equal_names_are_told_apart_by_their_folders() -> None:
    assert names("/d/anna/1/scan.h5", "/d/ben/1/scan.h5", "/d/leg.h5") == [
        "anna-1-scan-result.h5",
        "ben-1-scan-result.h5",
        "leg-result.h5",
    ]


def test_equal_stems_are_told_apart_by_their_suffix() -> None:
    assert names("/d/scan.h5", "/d/scan.mat") == ["scan-h5-result.h5", "scan-mat-result.h5"]


def test_names_that_join_alike_still_differ() -> None:
    assert len(set(names("/a-b/c.h5", "/a/b-c.h5", "/a/b/c.h5"))) == 3


def test_a_recording_named_twice_is_taken_once() -> None:
    assert names("/d/scan.h5", "/d/../d/scan.h5") == ["scan-result.h5"]


def test_a_recording_is_never_replaced() -> None:
    with pytest.raises(ParameterError, match="would replace the recording"):
        names("/out/arm.h5", "/out/arm-result.h5")


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WriteError, match="cannot make the folder"):
        make_folder(tmp_path / "file" / "out")


def test_only_our_own_temporary_files_are_removed(tmp_path: Path) -> None:
    gone = 2**22 + 1  # beyond the numbers that systems give to processes
    mine, others = (tmp_path / f".{name}-result.h5.{gone}-0123abcd.part" for name in ("arm", "leg"))
    running = tmp_path / f".arm-result.h5.{os.getpid()}-0123abcd.part"
    for path in (mine, others, running, tmp_path / "arm-result.h5"):
        path.touch()
    remove_unfinished([tmp_path / "arm-result.h5"])
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([running.name, others.name, "arm-result.h5"])
