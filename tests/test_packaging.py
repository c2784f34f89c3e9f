"""The frozen program: its entry, run from the source, and, where it takes its time, the whole of it, built and run."""

import os
import stat
import subprocess
import sys
import time
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
    done = subprocess.run([program, "info", str(EXAMPLE)], capture_output=True, text=True, check=True)
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


@pytest.fixture(name="frozen", scope="module")
def fixture_frozen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the program, built as its specification says."""
    pytest.importorskip("PyInstaller")
    folder = tmp_path_factory.mktemp("frozen")
    places = ["--distpath", str(folder / "dist"), "--workpath", str(folder / "build")]
    spec = str(ROOT / "packaging" / "strainscope.spec")
    subprocess.run([sys.executable, "-m", "PyInstaller", "--log-level=ERROR", *places, spec], check=True)
    return folder / "dist" / "strainscope"


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.skipif(sys.platform == "win32", reason="the program has another name, and this has not been tried")
def test_the_frozen_program_estimates_draws_and_opens(frozen: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    alone = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "QT_QPA_PLATFORM": "offscreen"}
    environment = {**alone, "STRAINSCOPE_CONFIG": str(kept)}

    def run(*arguments: str) -> str:
        call = [str(frozen / "strainscope"), *arguments]
        return subprocess.run(call, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True).stdout

    assert "10 frames x 1200 samples" in run("info", str(EXAMPLE))
    run("estimate", str(EXAMPLE), "-o", "result.h5", "--method", "ncc", "--frames", "4")
    run("figure", "result.h5", "-o", "figure.png", "--rf", str(EXAMPLE))
    assert (tmp_path / "figure.png").stat().st_size > 10_000
    for name in ("docs/licence-texts/gpl-3.0.txt", "docs/licence-texts/lgpl-3.0.txt", "LICENSE"):
        assert (frozen / "_internal" / name).is_file()
    window = subprocess.Popen([str(frozen / "strainscope"), "demo"], cwd=tmp_path, env=environment)
    try:
        until = time.monotonic() + 600
        while not list((kept / "results").rglob("*.h5")):  # the window keeps what it has estimated
            assert window.poll() is None
            assert time.monotonic() < until
            time.sleep(0.5)
    finally:
        window.terminate()
        window.wait(60)
