"""`strainscope batch`, with two worker processes: a whole run, a second one, and Ctrl-C."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.cli import main
from engine.export.result_file import read_result

TARGET = ["--target", "-2.5,6,2,3", "--background", "2.5,6,2,3"]


@pytest.fixture
def recordings(rf_file: Path, tmp_path: Path) -> list[str]:
    return [str(shutil.copy(rf_file, tmp_path / f"{name}.h5")) for name in ("arm", "leg")]


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--method", "nix"], "nix"),
        (["--frames", "a:b"], "--frames"),
        (["--set", "window_m=-1"], "window_m"),
        (["--workers", "2", "--scheduler", "tcp://127.0.0.1:1"], "existing cluster"),
        (["--target", "1,2"], "--target"),
    ],
)
def test_a_wrong_option_is_one_line_before_anything_starts(
    rf_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], line: str
) -> None:
    assert main(["batch", str(rf_file), "-o", str(tmp_path / "out"), *options]) == 2
    shown = capsys.readouterr()
    assert line in shown.err
    assert shown.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_one_bad_file_does_not_stop_the_others_and_what_is_done_is_skipped(
    recordings: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.h5"
    bad.write_bytes(b"not RF")
    out = tmp_path / "out"
    command = ["batch", *recordings, str(bad), "-o", str(out), "--method", "ncc", "--workers", "2"]
    assert main([*command, "--frames", "2:", *TARGET, "--json"]) == 2
    shown = capsys.readouterr()
    facts = json.loads(shown.out)
    assert (facts["done"], facts["skipped"], facts["failed"]) == (2, 0, 1)
    assert "strainscope: bad.h5" in shown.err
    written = {path.name for path in out.iterdir()} - {"summary.parquet"}  # where pyarrow is there
    assert written == {"arm-result.h5", "batch.jsonl", "leg-result.h5", "summary.csv"}
    assert read_result(out / "arm-result.h5").deformed_frames == (2, 3)
    assert (out / "summary.csv").read_text(encoding="utf-8").count(recordings[0]) == 2
    assert main([*command[:3], *command[4:], "--frames", "2:"]) == 0
    assert "2 of 2 are done already" in capsys.readouterr().out


def test_without_dask_a_scheduler_is_refused_in_a_line(
    rf_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    arguments = ["batch", str(rf_file), "-o", str(tmp_path), "--method", "ncc", "--scheduler", "tcp://127.0.0.1:1"]
    assert main(arguments) == 2
    assert "a Dask scheduler needs the extra `cluster`: pip install distributed" in capsys.readouterr().err


@pytest.mark.slow
def test_no_scheduler_is_one_line(rf_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["batch", str(rf_file), "-o", str(tmp_path), "--method", "ncc", "--scheduler", "tcp://127.0.0.1:1"]
    assert main(arguments) == 2
    assert "no Dask scheduler answers at tcp://127.0.0.1:1" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="process groups are POSIX")
def test_interrupted_it_leaves_no_half_files_and_no_processes(rf_file: Path, tmp_path: Path) -> None:
    recordings = [shutil.copy(rf_file, tmp_path / f"{number}.h5") for number in range(12)]
    out = tmp_path / "out"
    command = [sys.executable, "-m", "app", "batch", *recordings, "-o", str(out)]
    command += ["--method", "ncc", "--workers", "2", "--device", "cpu"]
    with subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 120
        while not (out / "batch.jsonl").exists():  # the note of a result follows it; without it the result is read
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.1)
        os.killpg(process.pid, signal.SIGINT)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the same command goes on" in told
    assert "Traceback" not in told
    done = [path for path in out.iterdir() if path.name.endswith("-result.h5")]
    assert 0 < len(done) < 12
    assert {path.name for path in out.iterdir()} == {*(path.name for path in done), "batch.jsonl"}
    assert all(read_result(path).shape[0] == 3 for path in done)
    assert not _members(process.pid)


def _members(group: int) -> list[str]:
    """Live processes of a process group, after a moment for the last to end; zombies do not count."""
    deadline = time.monotonic() + 10
    while True:
        listed = subprocess.run(["ps", "-eo", "pgid=,stat=,args="], check=True, capture_output=True, text=True).stdout
        rows = [line.split(None, 2) for line in listed.splitlines()]
        found = [str(row) for row in rows if row[0] == str(group) and not row[1].startswith("Z")]
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.2)
