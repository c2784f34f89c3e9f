"""`strainscope run` makes again, without a window, what a workspace holds."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.cli import main
from app.state.workspace_file import Workspace, save_workspace, seen_from
from engine import scripting
from engine.export.result_file import read_result
from engine.figures.compose import Choices
from engine.readers import open_recording
from engine.recording_key import recording_key
from engine.types import Result

PARTS = {
    "settings": {"method": "ncc", "parameters": {"window_m": 3e-3}, "frames": [2, 3]},
    "regions": {"target": {"lateral_m": 0.0, "depth_m": 8e-3, "semi_lateral_m": 1e-3, "semi_axial_m": 2e-3}},
    "display": {"limits": "manual", "low_percent": 0.0, "high_percent": 4.0},
    "frame": {"frame": 1},
    "profile": {"line": None},
}


@pytest.fixture(name="workspace")
def fixture_workspace(rf_file: Path, tmp_path: Path) -> Path:
    key = recording_key(open_recording(rf_file).complete())
    workspace = Workspace(key=key, paths=(str(rf_file),), parts=PARTS)
    path = tmp_path / "a.strainscope"
    save_workspace(seen_from(workspace, tmp_path), path)
    return path


def test_a_workspace_is_made_again(workspace: Path, tmp_path: Path, printed: Callable[[str], dict[str, Any]]) -> None:
    assert main(["run", str(workspace), "-o", str(tmp_path / "out"), "--json"]) == 0
    told = printed("run")
    assert told["frame"] == 2  # the nearest one that was estimated
    result = read_result(Path(told["files"]["result"]))
    assert result.deformed_frames == (2, 3)
    assert result.provenance.parameters["method"]["window_m"] == 3e-3
    assert float(np.nanmedian(result.frame(2).strain.axial)) == pytest.approx(-0.02, rel=0.1)
    numbers = Path(told["files"]["metrics"]).read_text()
    assert "# target: 0 8 1 2 mm" in numbers
    assert Path(told["files"]["figure"]).stat().st_size > 1000


def test_the_map_that_was_shown_is_drawn_or_it_is_said(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn: list[Choices] = []
    figure_of = scripting.figure_of

    def seen(result: Result, frame: int, choices: Choices, recording: object = None) -> object:
        drawn.append(choices)
        return figure_of(result, frame, choices, recording)  # type: ignore[arg-type]

    monkeypatch.setattr(scripting, "figure_of", seen)
    content = json.loads(workspace.read_text())
    for kind, wanted in (("lateral-strain", "lateral-strain"), ("modulus", "axial-strain")):
        content["parts"]["map"] = {"kind": kind}
        workspace.write_text(json.dumps(content))
        assert main(["run", str(workspace), "-o", str(tmp_path / kind)]) == 0
        assert drawn[-1].map == wanted
        assert ("relative modulus is made by" in capsys.readouterr().err) == (kind == "modulus")
    assert [choices.limits for choices in drawn] == [None, (0.0, 4.0)]  # those of strain are of no other map


def test_another_recording_or_none_is_refused(
    workspace: Path, tmp_path: Path, rf_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = json.loads(workspace.read_text())
    workspace.write_text(json.dumps({**content, "key": "ab" * 32}))
    assert main(["run", str(workspace), "-o", str(tmp_path / "out")]) == 2
    assert "is another recording than the workspace's" in capsys.readouterr().err
    workspace.write_text(json.dumps({**content, "paths": ["/nowhere/gone.h5"], "relative": []}))
    assert main(["run", str(workspace), "-o", str(tmp_path / "out")]) == 2
    assert "gone.h5 is not where it was: say where with --rf" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    content["parts"]["settings"]["method"] = "nonsense"
    workspace.write_text(json.dumps(content))
    assert main(["run", str(workspace), "-o", str(tmp_path / "out"), "--rf", str(rf_file)]) == 2
    assert "no method is called 'nonsense'" in capsys.readouterr().err
