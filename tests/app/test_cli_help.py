"""How the command line helps: commands in groups, completion, patterns where the shell knows none, the example."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.cli import COMMANDS, GROUPS, expanded, main


def test_commands_stand_in_groups(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    assert all(title in said for title in GROUPS)
    assert all(name in said for name in COMMANDS)
    assert "--install-completion" in said


def test_the_shell_completes_commands() -> None:
    words = {"_STRAINSCOPE_COMPLETE": "complete_bash", "COMP_WORDS": "strainscope elas", "COMP_CWORD": "1"}
    call = [sys.executable, "-m", "app"]
    done = subprocess.run(call, env={**os.environ, **words}, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["elasticity", "elasticity-experiment"]


def test_patterns_become_files_and_everything_else_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("b.h5", "a.h5", "odd[1].h5"):
        (tmp_path / name).touch()
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "c.h5").touch()
    assert expanded(["info", "[ab].h5"]) == ["info", "a.h5", "b.h5"]
    assert expanded(["odd[1].h5", "*.mat", "--target=-4,1,*"]) == ["odd[1].h5", "*.mat", "--target=-4,1,*"]
    assert expanded(["**/c.h5"]) == [str(Path("deep") / "c.h5")]


def test_the_example_is_copied_and_nothing_is_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "recording.h5"
    assert main(["example", "-o", str(tmp_path)]) == 0
    assert f"strainscope info {place}" in capsys.readouterr().out
    assert main(["info", str(place)]) == 0
    assert "10 frames x 1200 samples x 128 lines" in capsys.readouterr().out
    assert main(["example", "-o", str(place)]) == 2
    assert "it is there already" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["estimate", "rf.h5", "--method", "ncc"], ["figure", "result.h5"], ["example"]])
def test_standard_output_is_no_file(command: list[str], capsys: pytest.CaptureFixture[str], files: Path) -> None:
    assert main([*(str(files / word) if word.endswith(".h5") else word for word in command), "-o", "-"]) == 2
    assert "cannot write -" in capsys.readouterr().err


@pytest.fixture(name="files")
def fixture_files(tmp_path: Path, rf_file: Path, result_file: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rf.h5").symlink_to(rf_file)
    (tmp_path / "result.h5").symlink_to(result_file)
    return tmp_path
