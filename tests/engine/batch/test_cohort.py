"""A cohort is files, folders, patterns, lists and tables; what is done is known without opening anything."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.commands._parse import parse_ellipse
from engine.batch.cohort import Member, read_cohort
from engine.batch.job import Job, Outcome
from engine.batch.ledger import Ledger, settings_key
from engine.batch.pool import run_jobs_here
from engine.errors import ParameterError, ReadError
from engine.pipeline import Settings
from engine.types import Provenance, RFSequence


def settings(_: RFSequence) -> Settings:
    os._exit(9)


def names(members: list[Member]) -> list[str]:
    return [member.recording.name for member in members]


def test_a_folder_a_pattern_and_a_list_name_recordings_in_natural_order(tmp_path: Path) -> None:
    for name in ("f10.mat", "f9.mat", "b/scan.mhd", "b/scan.raw", "notes.txt", ".hidden.mat", "old-result.h5"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    (tmp_path / "list.txt").write_text("# two of them\nf10.mat\n\nb/scan.mhd\n", encoding="utf-8")
    assert names(read_cohort([tmp_path], parse_ellipse)) == ["scan.mhd", "f9.mat", "f10.mat"]
    assert names(read_cohort([tmp_path / "*.mat"], parse_ellipse)) == ["f9.mat", "f10.mat"]
    assert names(read_cohort([tmp_path / "list.txt"], parse_ellipse)) == ["f10.mat", "scan.mhd"]
    assert names(read_cohort([tmp_path / "f9.mat"], parse_ellipse)) == ["f9.mat"]
    with pytest.raises(ParameterError, match="no file fits"):
        read_cohort([tmp_path / "*.rf"], parse_ellipse)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ReadError, match="no file with a recording's suffix"):
        read_cohort([tmp_path / "empty"], parse_ellipse)


def test_a_table_says_geometry_and_regions(tmp_path: Path) -> None:
    table = tmp_path / "cohort.csv"
    table.write_text('patient,recording,pitch_m,target\nanna,a.npy,2e-4,"-2,6,1,1"\nben,b.npy,,\n', encoding="utf-8")
    first, second = read_cohort([table], parse_ellipse)
    assert first.recording == tmp_path / "a.npy"
    assert first.given == {"pitch_m": 2e-4}
    assert first.target is not None
    assert first.target.lateral_m == pytest.approx(-2e-3)
    assert (second.given, second.target, second.background) == ({}, None, None)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name\na.npy\n", "has no column recording"),
        ("recording,pitch_m\na.npy,wide\n", "recording 1: pitch_m must be a number, found 'wide'"),
        ('recording,target\na.npy,"1,2"\n', "recording 1, target"),
        ("recording,pitch_m\n,1\n", "names no file"),
        ("", "names no recording"),
    ],
)
def test_what_is_wrong_with_a_table_is_one_line(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "cohort.csv").write_text(text, encoding="utf-8")
    with pytest.raises((ReadError, ParameterError), match=words):
        read_cohort([tmp_path / "cohort.csv"], parse_ellipse)


def test_what_is_done_is_known_until_something_changes(tmp_path: Path) -> None:
    recording, output = tmp_path / "a.npy", tmp_path / "a-result.h5"
    recording.write_text("RF")
    output.write_text("result")
    job = Job(recording, output, settings)
    key = settings_key(Settings("ncc"), None)
    made = Provenance("ncc", {"method": {"window_m": 2e-3}}, "", "1", "0" * 64)
    Ledger(tmp_path, key).add(job, Outcome(recording, output, "done", frames=3, provenance=made))
    with (tmp_path / "batch.jsonl").open("a") as stream:
        stream.write('{"half of a li')
    found = Ledger(tmp_path, key).find(job)
    assert found is not None
    assert (found.state, found.frames, found.provenance) == ("skipped", 3, made)
    assert Ledger(tmp_path, settings_key(Settings("ncc"), "1:")).find(job) is None
    assert Ledger(tmp_path, key).find(replace(job, given={"pitch_m": 1e-4})) is None
    os.utime(recording, (1, 1))
    assert Ledger(tmp_path, key).find(job) is None


@pytest.mark.slow
def test_a_worker_that_dies_costs_the_recording_it_was_at(tmp_path: Path) -> None:
    recordings = [tmp_path / f"{number}.npy" for number in range(2)]
    rf = np.random.default_rng(0).standard_normal((2, 64, 8)).astype(np.float32)
    for path in recordings:
        np.save(path, rf)
    given = {"sampling_hz": 40e6, "center_hz": 6e6, "pitch_m": 3e-4}
    jobs = [Job(path, path.with_suffix(".h5"), settings, given=given) for path in recordings]
    jobs.append(Job(tmp_path / "absent.npy", tmp_path / "absent.h5", settings))
    outcomes = {outcome.recording.name: outcome for outcome in run_jobs_here(jobs, 1, 1)}
    assert "its worker died" in outcomes["0.npy"].problem
    assert "its worker died" in outcomes["1.npy"].problem
    assert "no such file" in outcomes["absent.npy"].problem
