"""A result finds its recording by the RF: beside it or where it is told, moved or not, and never another one."""

import shutil
from dataclasses import replace
from pathlib import Path

import h5py
import pytest

from engine.batch.job import Outcome
from engine.batch.listed import listed_results
from engine.batch.summary import summary_text
from engine.errors import ReadError
from engine.export.joined import find_rf, is_rf_of, joined, result_files
from engine.export.result_file import read_result
from engine.export.table import measure_result
from engine.pipeline import Settings
from engine.provenance import make_provenance
from engine.readers import open_recording
from engine.reliability.frame import judge_result
from engine.types import Ellipse


def place(folder: Path, *files: Path) -> Path:
    folder.mkdir(parents=True)
    for file in files:
        shutil.copy(file, folder)
    return folder


def test_a_folder_stands_for_the_results_in_it(rf_file: Path, result_file: Path, tmp_path: Path) -> None:
    folder = place(tmp_path / "cohort", rf_file)
    for name in ("b10.h5", "b9.h5"):
        shutil.copy(result_file, folder / name)
    (folder / "notes.h5").write_text("no HDF5", encoding="utf-8")
    assert result_files(folder) == (folder / "b9.h5", folder / "b10.h5")
    assert result_files(folder / "b9.h5") == (folder / "b9.h5",)
    assert result_files(rf_file) == ()
    assert result_files(tmp_path / "nowhere.h5") == ()


def test_the_recording_is_found_beside_the_result_and_a_folder_above(
    rf_file: Path, result_file: Path, tmp_path: Path
) -> None:
    folder = place(tmp_path / "arm", rf_file)
    place(folder / "results", result_file)
    found = find_rf(read_result(folder / "results" / result_file.name))
    assert found is not None
    assert found.paths == (folder / rf_file.name,)
    sequence = joined(read_result(result_file), found)
    assert (sequence.has_rf, sequence.shape) == (True, found.shape)
    assert sequence.geometry == read_result(result_file).geometry


def test_another_recording_of_the_same_name_is_not_taken(rf_file: Path, result_file: Path, tmp_path: Path) -> None:
    folder = place(tmp_path / "arm", rf_file, result_file)
    with h5py.File(folder / rf_file.name, "r+") as file:
        file["rf"][0, 0, 0] += 1
    result = read_result(folder / result_file.name)
    assert find_rf(result) is None
    assert find_rf(result, [(tmp_path / "nowhere",), (rf_file,)]) is not None


def test_a_result_alone_keeps_the_numbers_of_its_frames(result_file: Path) -> None:
    sequence = joined(read_result(result_file), None)
    assert (sequence.has_rf, sequence.shape[0]) == (False, 4)
    with pytest.raises(ReadError, match="its recording was not found"):
        sequence.frame(0)


def test_an_older_result_is_known_by_the_hash_of_the_files(rf_file: Path, result_file: Path) -> None:
    result = read_result(result_file)
    old = replace(result, provenance=replace(result.provenance, recording_key="", recording_name=""))
    recording = open_recording([rf_file])
    assert find_rf(old) is None
    assert is_rf_of(recording, old)
    old = replace(old, provenance=replace(old.provenance, input_sha256="0" * 64))
    assert not is_rf_of(recording, old)


def test_what_came_from_a_result_keeps_its_provenance(rf_file: Path, result_file: Path) -> None:
    result = read_result(result_file)
    older = replace(result, provenance=replace(result.provenance, program_version="0.0.1"))
    sequence = joined(older, open_recording([rf_file]))
    assert make_provenance(sequence, Settings("ncc")).program_version == "0.0.1"
    assert make_provenance(sequence, Settings("loupas")).program_version != "0.0.1"


def test_estimate_writes_which_recording_it_was(result_file: Path, rf_file: Path) -> None:
    made = read_result(result_file).provenance
    assert made.recording_name == rf_file.name
    assert len(made.recording_key) == 64


def test_what_batch_writes_is_read(result_file: Path, tmp_path: Path) -> None:
    result = read_result(result_file)
    regions = Ellipse(-2.5e-3, 6e-3, 2e-3, 3e-3), Ellipse(2.5e-3, 6e-3, 2e-3, 3e-3)
    outcome = Outcome(
        tmp_path / "r.h5", tmp_path / "r-result.h5", "done", metrics=tuple(measure_result(result, *regions).rows),
        provenance=result.provenance, reliability=judge_result(result),
    )  # fmt: skip
    (tmp_path / "summary.csv").write_text(summary_text([outcome], *regions))
    (tmp_path / "r-result.h5").touch()
    ((path, words),) = listed_results(tmp_path / "summary.csv").items()
    assert path == tmp_path / "r-result.h5"
    assert f"of {len(result.deformed_frames)} frames worth keeping" in words
