"""`strainscope doctor` says what runs here and what is wrong; plug-ins of others are part of both."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.cli import main
from app.commands import doctor

ROOT = Path(__file__).parent.parent.parent

READER = """
from engine.errors import ReadError
from engine.readers.base import READERS, Reader, Recording

@READERS.entry
class Plain(Reader):
    name, title, extensions = "plain", "Plain text", (".plain",)

    def sniff(self, path, head):
        return head.startswith(b"plain")

    def read(self, path, options):
        import numpy as np
        frame = np.random.default_rng(0).standard_normal((64, 8)).astype(np.float32)
        known = {"sampling_hz": 40e6, "center_hz": 5e6, "pitch_m": 3e-4}
        return Recording((2, 64, 8), known, lambda index: frame, (path,), self.title)
"""
POINTS = """
[strainscope.readers]
plain = plain_reader
[strainscope.metrics]
broken = broken_metric
"""


def test_it_says_what_runs_here(capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["doctor", "--json"])
    facts = json.loads(capsys.readouterr().out)
    assert status == (2 if facts["problems"] else 0)
    assert facts["versions"]["torch"]
    assert facts["device"]["chosen"]
    assert Path(facts["fonts"]["figures"]).is_file()
    assert Path(facts["film"]["encoder"]).is_file()
    assert {"workspaces", "results", "weights", "preferences", "log"} <= set(facts["folders"])
    assert main(["doctor"]) == status
    assert "film encoder" in capsys.readouterr().out


def test_what_is_wrong_is_a_line_each(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(doctor, "_fonts", lambda: {"figures": "", "problem": "no font"})
    monkeypatch.setattr(doctor, "_unavailable", lambda: {"usenet": "no weights"})
    monkeypatch.setattr(doctor, "_writable", lambda path: "cannot be written to")
    assert main(["doctor"]) == 2
    said = capsys.readouterr().out
    assert "Problem: fonts: no font" in said
    assert "Problem: usenet cannot run: no weights" in said
    assert "Problem: folder of results" in said


def test_a_plug_in_reads_its_files_and_a_broken_one_is_listed(tmp_path: Path) -> None:
    info = tmp_path / "plugs-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugs\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(POINTS)
    (tmp_path / "plain_reader.py").write_text(READER)
    (tmp_path / "broken_metric.py").write_text("raise RuntimeError('not today')")
    (tmp_path / "a.plain").write_bytes(b"plain")
    code = "import sys\nfrom app.cli import main\nmain(['info', 'a.plain'])\nsys.exit(main(['doctor']))"
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}", "QT_QPA_PLATFORM": "offscreen"}
    call = [sys.executable, "-c", code]
    done = subprocess.run(call, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert "Plain text" in done.stdout, done.stderr
    assert "plugs 1.2, strainscope.readers: plain" in done.stdout
    assert "Problem: plug-in broken of plugs 1.2: RuntimeError: not today" in done.stdout
    assert done.returncode == 2
