import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import resources
from app.cli import main
from engine.networks.weights import load
from engine.training import checkpoint
from engine.training.log import read
from engine.training.loop import CHECKPOINT, CURVES, LOG

CONFIG = (Path(__file__).parents[1] / "tiny-training.toml").read_text()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(CONFIG)
    return path


def test_train_reports_exports_and_goes_on(
    config: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    printed: Callable[[str], dict[str, Any]],
) -> None:
    for module in ("engine.networks.weights", "engine.training.export"):
        monkeypatch.setattr(f"{module}.folder", lambda: tmp_path / "box")
    (tmp_path / "box").mkdir()
    output = tmp_path / "run"
    assert main(["train", str(config), "-o", str(output), "--export", "usenet-v1", "--box"]) == 0
    said = capsys.readouterr().out
    assert "4/4 training: loss" in said
    assert "it/s, 0:00 left | validation: axial" in said
    assert "finished" in said
    assert {CHECKPOINT, LOG, CURVES} <= {path.name for path in output.iterdir()}
    assert [row["iteration"] for row in read(output / LOG)] == ["2", "4"]
    _, card = load("usenet")
    assert card.training == "supervised on simulated truth"

    config.write_text(CONFIG.replace("iterations = 4", "iterations = 6"))
    assert main(["train", str(config), "-o", str(output), "--json"]) == 0
    outcome = printed("train")["outcome"]
    assert outcome["iteration"] == 6
    assert outcome["finished"]
    assert checkpoint.load(output / CHECKPOINT)["iteration"] == 6


@pytest.mark.slow
def test_termination_ends_with_a_checkpoint_of_the_last_iteration(config: Path, tmp_path: Path) -> None:
    config.write_text(CONFIG.replace("iterations = 4", "iterations = 100000"))
    output = tmp_path / "run"
    command = [sys.executable, "-m", "app", "train", str(config), "-o", str(output)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not (output / CHECKPOINT).exists():
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    printed, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    assert "stopped; run the same command to go on" in printed
    assert f"{checkpoint.load(output / CHECKPOINT)['iteration']} of 100000 iterations" in printed


@pytest.mark.parametrize(
    ("text", "options", "complaint"),
    [
        (CONFIG.replace("usenet", "nonet"), [], "no network is called 'nonet'"),
        (CONFIG + "speed = 1\n", [], "unknown key speed"),
        (CONFIG, ["--max-minutes", "0"], "--max-minutes"),
        (CONFIG, ["--export-only", "--export", "x"], "holds no run"),
        (CONFIG.replace("base_channels", "base"), [], "unknown option base"),
    ],
)
def test_a_mistake_is_one_line(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, options: list[str], complaint: str
) -> None:
    config.write_text(text)
    assert main(["train", str(config), "-o", str(tmp_path / "run"), *options]) == 2
    printed = capsys.readouterr()
    assert complaint in printed.err
    assert len(printed.err.splitlines()) == 1


def test_a_recipe_that_is_absent_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", str(tmp_path / "no.toml")]) == 2
    assert "no.toml: cannot be read" in capsys.readouterr().err


def test_the_recipe_for_own_recordings_trains_on_them(
    rf_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file that ships, made short: it starts from weights in the box and needs no truth."""
    recipe = Path(resources.__file__).parent / "training" / "own-recordings.toml"
    text = recipe.read_text(encoding="utf-8")
    for long, short in (("1000", "2"), ("= 384", "= 128"), ("= 48", "= 32"), ("every = 100", "every = 1")):
        assert long in text
        text = text.replace(long, short)
    (tmp_path / "own.toml").write_text(text.replace("sequences = 6", "sequences = 1"))
    (tmp_path / "recordings").mkdir()
    for name in ("a.h5", "b.h5"):
        (tmp_path / "recordings" / name).symlink_to(rf_file)
    assert main(["train", str(tmp_path / "own.toml"), "-o", str(tmp_path / "run"), "--json"]) == 0
    outcome = json.loads(capsys.readouterr().out)["outcome"]
    assert outcome["finished"]
    assert outcome["best_score"] > 0
