"""The entry of the frozen program, run from the source: it is the command line, and the child that reads HDF5."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from engine.files.reading_process import ReadingProcess

ROOT = Path(__file__).parent.parent
ENTRY = ROOT / "packaging" / "program.py"
EXAMPLE = ROOT / "resources" / "examples" / "demo.h5"


def test_licences_that_are_to_be_passed_on_are_there() -> None:
    page = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
    for name, title in (("gpl-3.0", "GNU GENERAL PUBLIC LICENSE"), ("lgpl-3.0", "GNU LESSER GENERAL PUBLIC LICENSE")):
        assert f"licence-texts/{name}.txt" in page
        assert (ROOT / "docs" / "licence-texts" / f"{name}.txt").read_text().split("\n")[0].strip() == title


@pytest.fixture(name="program")
def fixture_program(tmp_path: Path) -> Path:
    """A file that runs as the frozen program would: with its own arguments alone."""
    path = tmp_path / "strainscope"
    path.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" "{ENTRY}" "$@"\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script stands for the program")
def test_it_is_the_command_line(program: Path) -> None:
    done = subprocess.run([program, "info", str(EXAMPLE)], capture_output=True, text=True, check=True, env=os.environ)
    assert "10 frames x 1200 samples" in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script stands for the program")
def test_its_child_reads_hdf5(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", str(program))
    reading = ReadingProcess()
    try:
        answer, _ = reading.ask({"do": "look", "path": os.fsencode(EXAMPLE).hex(), "place": []})
    finally:
        reading.close()
    assert "strainscope-rf" in str(answer)
