"""One job of a batch: done once, skipped while nothing has changed, failed in one line."""

import csv
import io
import os
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.batch.job import Job, run_job
from engine.batch.summary import summary_text, write_parquet
from engine.errors import CancelledError
from engine.estimators.base import ESTIMATORS
from engine.export.result_file import read_result
from engine.pipeline import Settings
from engine.simulation.phantom import Phantom
from engine.simulation.recording import Plan, simulate
from engine.simulation.sequences import FrameLoad
from engine.simulation.write import write_recording
from engine.types import Ellipse, Geometry, RFSequence

PLAN = Plan(
    Phantom(40e-3, 30e-3, (30e3,)),
    Geometry(40e6, 5e6, 1540.0, 0.3e-3),
    (420, 24),
    (FrameLoad(0.01), FrameLoad(0.02)),
)
TARGET, BACKGROUND = Ellipse(-1.5e-3, 4e-3, 1e-3, 1.5e-3), Ellipse(1.5e-3, 4e-3, 1e-3, 1.5e-3)


def settings(_: RFSequence) -> Settings:
    return Settings("ncc")


def other_settings(_: RFSequence) -> Settings:
    return Settings("ncc", ESTIMATORS.get("ncc").Params.from_text({"window_m": "3e-3"}))


def last_frame(sequence: RFSequence) -> Settings:
    return Settings("ncc", frames=(sequence.shape[0] - 1,))


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("batch") / "scan.h5"
    write_recording(path, simulate(PLAN, 1).sequence())
    return path


@pytest.fixture
def job(recording: Path, tmp_path: Path) -> Job:
    return Job(recording, tmp_path / "scan-result.h5", settings, device="cpu")


def test_a_job_is_done_once(job: Job) -> None:
    assert run_job(job).state == "done"
    result = read_result(job.output)
    assert result.deformed_frames == (1, 2)
    assert float(np.nanmedian(result.read_frame(1).strain.axial)) == pytest.approx(-0.02, rel=0.05)
    before = job.output.stat().st_mtime_ns
    again = run_job(job)
    assert (again.state, again.frames) == ("skipped", 2)
    assert job.output.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    "change",
    [{"settings": other_settings}, {"settings": last_frame}, {"given": {"sound_speed_m_s": 1500.0}}],
)
def test_what_decides_the_result_has_it_made_anew(job: Job, change: dict) -> None:
    run_job(job)
    assert run_job(replace(job, **change)).state == "done"


def test_another_recording_under_the_same_name_is_made_anew(job: Job, tmp_path: Path) -> None:
    run_job(job)
    other = tmp_path / "scan.h5"
    write_recording(other, simulate(PLAN, 2).sequence())
    assert run_job(replace(job, recording=other)).state == "done"


def test_a_damaged_result_is_made_anew(job: Job) -> None:
    run_job(job)
    os.truncate(job.output, job.output.stat().st_size // 2)
    assert run_job(job).state == "done"


def test_a_bad_recording_is_one_line(job: Job, tmp_path: Path) -> None:
    run_job(job)
    noise = tmp_path / "noise.h5"
    noise.write_bytes(b"not RF")
    for path in (noise, tmp_path / "missing.h5", job.output):
        outcome = run_job(replace(job, recording=path, output=tmp_path / "none.h5"))
        assert outcome.state == "failed"
        assert path.name in outcome.problem
        assert "\n" not in outcome.problem
    assert not (tmp_path / "none.h5").exists()


def test_a_cancelled_job_leaves_nothing(job: Job, tmp_path: Path) -> None:
    asked: list[None] = []

    def cancelled() -> bool:
        asked.append(None)
        return len(asked) > 30

    with pytest.raises(CancelledError):
        run_job(job, cancelled)
    assert not list(tmp_path.iterdir())


def test_a_job_and_its_outcome_travel_between_processes(job: Job) -> None:
    measured = replace(job, target=TARGET, background=BACKGROUND)
    outcome = run_job(pickle.loads(pickle.dumps(measured)))
    assert pickle.loads(pickle.dumps(outcome)).metrics[0].metrics.keys() >= {"cnr", "strain_ratio"}


def test_the_summary_has_a_line_for_each_frame_of_each_recording(job: Job, tmp_path: Path) -> None:
    measured = replace(job, target=TARGET, background=BACKGROUND)
    outcomes = [run_job(measured), run_job(replace(measured, recording=tmp_path / "missing.h5"))]
    text = summary_text(outcomes, TARGET, BACKGROUND)
    comments = [line for line in text.splitlines() if line.startswith("#")]
    table = list(csv.DictReader(io.StringIO(text.split("\n", len(comments))[-1])))
    assert [(row["recording"], row["frame"]) for row in table] == [(str(job.recording), str(k)) for k in (1, 2)]
    assert float(table[1]["mean_target_percent"]) == pytest.approx(2.0, rel=0.1)
    assert {row["result"] for row in table} == {"scan-result.h5"}
    assert len(table[0]["input_sha256"]) == 64


def test_pixels_below_a_quality_are_not_measured_and_the_table_says_so(recording: Path, tmp_path: Path) -> None:
    job = Job(recording, tmp_path / "r.h5", settings, target=TARGET, background=BACKGROUND)
    whole, above = run_job(job), run_job(replace(job, quality=0.99999))
    counts = [found.metrics[0].metrics["mean_background"].count for found in (whole, above)]
    assert counts[1] < counts[0]
    assert "quality" not in summary_text([whole], TARGET, BACKGROUND).partition("recording")[0]
    assert "# quality: pixels below 0.99999 are not measured" in summary_text([above], TARGET, BACKGROUND, 0.99999)


def test_the_table_is_written_as_parquet_too(recording: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    outcome = run_job(Job(recording, tmp_path / "r.h5", settings, target=TARGET, background=BACKGROUND))
    (tmp_path / "summary.csv").write_text(summary_text([outcome], TARGET, BACKGROUND))
    path = write_parquet(tmp_path / "summary.csv")
    assert path == tmp_path / "summary.parquet"
    table = parquet.read_table(path)
    text = (tmp_path / "summary.csv").read_text(encoding="utf-8")
    header = next(line for line in text.splitlines() if not line.startswith("#"))
    assert table.column_names == header.split(",")
    assert table.num_rows == outcome.frames
    assert table.column("frame").to_pylist() == [1, 2]
