import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.training import checkpoint
from engine.training.log import read
from engine.training.loop import CHECKPOINT, LOG

CONFIG = (Path(__file__).parents[2] / "tiny-training.toml").read_text().replace("log_every = 2", "log_every = 1")


def launch(config: Path, output: Path, processes: int, *options: str) -> dict[str, object]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    arguments = ["-m", "app", "train", str(config), "-o", str(output), "--json", *options]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, env=environment, timeout=280)
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, object] = json.loads(done.stdout[done.stdout.index("{") :])
    return found


@pytest.mark.slow
def test_two_processes_train_one_network_and_resume(tmp_path: Path) -> None:
    """Under torchrun with gloo: one log, one checkpoint, and the same end whether or not the run was stopped."""
    config = tmp_path / "tiny.toml"
    config.write_text(CONFIG)
    whole = launch(config, tmp_path / "whole", 2)
    assert whole["outcome"]["finished"]  # type: ignore[index]
    assert [row["iteration"] for row in read(tmp_path / "whole" / LOG)] == ["1", "2", "3", "4"]

    config.write_text(CONFIG.replace("iterations = 4", "iterations = 2"))
    launch(config, tmp_path / "parts", 2)
    config.write_text(CONFIG)
    launch(config, tmp_path / "parts", 2)
    ends = [checkpoint.load(tmp_path / name / CHECKPOINT)["network"] for name in ("whole", "parts")]
    assert all((ends[0][name] - ends[1][name]).abs().max() < 1e-6 for name in ends[0])


@pytest.mark.slow
def test_two_processes_see_other_data_than_one(tmp_path: Path) -> None:
    config = tmp_path / "tiny.toml"
    config.write_text(CONFIG)
    launch(config, tmp_path / "two", 2)
    launch(config, tmp_path / "one", 1)
    rows = [read(tmp_path / name / LOG) for name in ("one", "two")]
    assert rows[0][0]["loss"] == rows[1][0]["loss"]  # the leader's first batch is that of a run alone
    assert rows[0][-1]["loss"] != rows[1][-1]["loss"]  # but its steps are not
