import json
import math
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
import torch

from engine.errors import ParameterError, ReadError
from engine.training import checkpoint
from engine.training.config import Difficulty, TrainingConfig, parse
from engine.training.data import RawSequence
from engine.training.distributed import ProcessGroup
from engine.training.log import plot, read
from engine.training.loop import BEST, CHECKPOINT, LOG, Outcome, Status, Trainer, forget, outcome_so_far, train
from engine.types import Geometry

H, W, T = 64, 16, 3
GEOMETRY = Geometry(sampling_hz=40e6, center_hz=5e6, sound_speed_m_s=1540.0, pitch_m=0.2e-3)
ALONE = ProcessGroup(0, 1, torch.device("cpu"))
SETTINGS = f"""
[run]
network = "usenet"
log_every = 2
checkpoint_seconds = 60.0
[architecture]
base_channels = 2
[data]
height = {H}
width = {W}
frames = {T}
pool = 2
reuse = 2
[crops]
bank_size = 1
[optimiser]
warm_up = 0
average = 0.9
[validation]
every = 4
sequences = 2
window_m = 0.4e-3
max_strain = 0.02
"""
LOSS = (
    "loss = { endpoint = 1.0, strain = 1.0, similarity = 0.0, consistency = 0.0, smoothness = 0.0, strain_window = 21 }"
)
UNSUPERVISED = "loss = { strain_window = 21, consistency_lines = 4 }"


class ToneSource:
    """A shifted and compressed tone: quick to make, and what a network must learn is plain."""

    def __init__(self, poisoned: int = 0) -> None:
        self.poisoned = poisoned

    def sequence(self, generator: torch.Generator, difficulty: Difficulty) -> RawSequence:
        phase = 6 * torch.rand(1, W, generator=generator)
        rows = torch.arange(H, dtype=torch.float32)[:, None]
        motion = torch.zeros(T - 1, 2, H, W)
        frames = []
        for frame in range(T):
            place = rows / (1 - difficulty.max_strain * frame / T)
            frames.append(torch.sin(place * 2 * torch.pi / 8 + phase) * (1 + 0.3 * torch.sin(place / 9 + phase)))
            if frame:
                motion[frame - 1, 1] = -difficulty.max_strain * frame / T * rows
        if self.poisoned:
            self.poisoned -= 1
            motion[0, 0, 5, 5] = math.inf
        return RawSequence(torch.stack(frames), GEOMETRY, motion=motion)


def config(iterations: int = 8, loss: str = LOSS, checkpoint_seconds: float = 60.0) -> TrainingConfig:
    settings = SETTINGS.replace("checkpoint_seconds = 60.0", f"checkpoint_seconds = {checkpoint_seconds}")
    return parse(f"{settings}[[phases]]\nname = 'only'\niterations = {iterations}\nlearning_rate = 3e-3\n{loss}\n")


@pytest.fixture(autouse=True)
def _curves_are_drawn_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """The picture at the end of each run takes longer than the run."""
    monkeypatch.setattr("engine.training.loop.plot", lambda log, picture: None)


def trainer(settings: TrainingConfig, output: Path) -> Trainer:
    torch.set_num_threads(settings.run.threads)  # as `train` does: another number of threads changes the last bits
    return Trainer(settings, output, ALONE, (ToneSource(), ToneSource()))


def run(settings: TrainingConfig, output: Path, stop_after: int = 10**9) -> Outcome:
    loop = trainer(settings, output)
    return loop.run(lambda status: None, lambda: loop.iteration >= stop_after)


def same_tensors(first: Path, second: Path) -> bool:
    one, two = checkpoint.load(first / CHECKPOINT), checkpoint.load(second / CHECKPOINT)
    one.pop("seconds")
    two.pop("seconds")
    return _equal(one, two)


def _equal(one: object, two: object) -> bool:
    if isinstance(one, torch.Tensor) and isinstance(two, torch.Tensor):
        return torch.equal(one, two)
    if isinstance(one, dict) and isinstance(two, dict):
        return one.keys() == two.keys() and all(_equal(one[key], two[key]) for key in one)
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(_equal(a, b) for a, b in zip(one, two, strict=True))
    return one == two or (one != one and two != two)


@pytest.mark.parametrize("stop", [1, 5])
def test_a_stopped_run_goes_on_exactly_where_it_was(tmp_path: Path, stop: int) -> None:
    settings = config()
    whole = run(settings, tmp_path / "whole")
    part = run(settings, tmp_path / "parts", stop_after=stop)
    assert not part.finished
    assert part.iteration == stop
    rest = run(settings, tmp_path / "parts")
    assert whole.finished
    assert rest.finished
    assert same_tensors(tmp_path / "whole", tmp_path / "parts")
    rows = [read(tmp_path / name / LOG) for name in ("whole", "parts")]
    for row in (*rows[0], *rows[1]):
        row.pop("seconds")
    assert rows[0] == rows[1]


def _iteration(path: Path) -> int:
    """How far a run has come; 0 while its checkpoint is being replaced."""
    try:
        return int(checkpoint.load(path)["iteration"]) if path.exists() else 0
    except ReadError:
        return 0


def test_a_killed_run_goes_on_exactly_where_it_was(tmp_path: Path) -> None:
    """The process is killed without warning in the middle of its work."""
    settings = config(iterations=400)
    script = textwrap.dedent(
        f"""
        import importlib.util, sys
        from pathlib import Path
        spec = importlib.util.spec_from_file_location("suite", {str(Path(__file__))!r})
        suite = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(suite)
        suite.run(suite.config(iterations=400, checkpoint_seconds=0.0), Path(sys.argv[1]))
        """
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "killed")])
    stored = tmp_path / "killed" / CHECKPOINT
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and _iteration(stored) < 3:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    reached = checkpoint.load(stored)["iteration"]
    assert 3 <= reached < 400
    run(settings, tmp_path / "killed", stop_after=reached + 4)
    run(settings, tmp_path / "whole", stop_after=reached + 4)
    assert same_tensors(tmp_path / "whole", tmp_path / "killed")


def test_training_lowers_the_validation_error(tmp_path: Path) -> None:
    settings = config(iterations=40)
    loop = trainer(settings, tmp_path)
    assert loop.validation is not None
    before = loop.validation.score(loop.network)
    loop.run(lambda status: None, lambda: False)
    assert loop.best_scores["axial_rmse"] < 0.8 * before.axial_rmse
    plot(tmp_path / LOG, tmp_path / "curves.png")
    assert (tmp_path / "curves.png").stat().st_size > 5000


def test_unsupervised_training_needs_no_truth_for_its_loss(tmp_path: Path) -> None:
    outcome = run(config(iterations=4, loss=UNSUPERVISED), tmp_path)
    (row,) = [row for row in read(tmp_path / LOG) if row["iteration"] == "4"]
    assert outcome.finished
    assert row["loss_similarity"]
    assert row["loss_consistency"]
    assert not row["loss_endpoint"]


def test_a_batch_whose_gradient_is_not_finite_changes_nothing(tmp_path: Path) -> None:
    settings = config(iterations=4)
    poisoned = Trainer(settings, tmp_path, ALONE, (ToneSource(poisoned=2), ToneSource()))
    before = [values.detach().clone() for values in poisoned.trained]
    poisoned.step(poisoned.stream.batch(0))
    assert poisoned.skipped == 1
    assert poisoned.iteration == 1
    assert all(torch.equal(old, new) for old, new in zip(before, poisoned.trained, strict=True))
    outcome = poisoned.run(lambda status: None, lambda: False)
    assert outcome.finished
    assert math.isfinite(outcome.best_score)


def test_the_time_limit_stops_with_a_checkpoint(tmp_path: Path) -> None:
    loop = trainer(config(), tmp_path)
    outcome = loop.run(lambda status: None, lambda: False, max_minutes=0.0)
    assert outcome.iteration == 0
    assert (tmp_path / CHECKPOINT).exists()


def test_progress_tells_rate_and_remaining_time(tmp_path: Path) -> None:
    told: list[Status] = []
    trainer(config(), tmp_path).run(told.append, lambda: False)
    assert [status.iteration for status in told] == [2, 4, 6, 8]
    assert told[-1].remaining_s == 0.0
    assert all(status.rate_per_s > 0 for status in told)
    assert [status.scores is not None for status in told] == [False, True, False, True]


def test_the_best_weights_are_those_of_the_best_validation(tmp_path: Path) -> None:
    outcome = run(config(iterations=12), tmp_path)
    stored = checkpoint.load(tmp_path / BEST)
    validated = [float(row["validation_strain_rmse"]) for row in read(tmp_path / LOG) if row["validation_strain_rmse"]]
    assert outcome.best_score == pytest.approx(min(validated), rel=1e-4)
    assert stored["scores"]["axial_rmse"] == outcome.best_scores["axial_rmse"]
    assert outcome_so_far(config(iterations=12), tmp_path).best_score == outcome.best_score


def test_a_folder_of_another_network_is_refused_and_can_be_cleared(tmp_path: Path) -> None:
    run(config(), tmp_path, stop_after=1)
    other = parse(SETTINGS.replace("usenet", "reusenet") + f"[[phases]]\niterations = 2\n{LOSS}\n")
    with pytest.raises(ParameterError, match="holds a run of usenet"):
        trainer(other, tmp_path)
    averaged_otherwise = parse(SETTINGS.replace("average = 0.9", "average = 0.0") + f"[[phases]]\n{LOSS}\n")
    trainer(averaged_otherwise, tmp_path / "without").save()
    with pytest.raises(ParameterError, match="another configuration"):
        trainer(config(), tmp_path / "without")
    (tmp_path / "mine.txt").write_text("kept")
    forget(tmp_path)
    trainer(other, tmp_path)
    assert (tmp_path / "mine.txt").exists()


def test_a_second_stage_trains_alone_after_a_frozen_first(tmp_path: Path) -> None:
    """Gradients of the first stage are None, and at the start the second changes nothing."""
    first = parse(SETTINGS.replace("usenet", "usse-net") + f"[[phases]]\niterations = 4\n{LOSS}\n")
    run(first, tmp_path / "first")
    text = SETTINGS.replace("usenet", "musse-net") + f"[initial]\nfirst_stage = 'first/{BEST}'\n"
    second = parse(text + f"[[phases]]\niterations = 4\n{LOSS}\n", tmp_path / "second.toml")
    loop = trainer(second, tmp_path / "second")
    weights = checkpoint.load(tmp_path / "first" / BEST)["weights"]
    stage = loop.network.stages[0]  # type: ignore[index]
    assert all(torch.equal(values, weights[name]) for name, values in stage.state_dict().items())
    assert loop.validation is not None
    start = loop.validation.score(loop.network)
    batch = loop.stream.batch(0)
    one, two = loop.network.stage_motions(batch.reference, batch.deformed)  # type: ignore[operator]
    assert torch.equal(one, two)
    loop.step(batch)
    assert all(values.grad is None for values in stage.parameters())
    assert all(torch.equal(values, weights[name]) for name, values in stage.state_dict().items())
    assert start.axial_rmse == pytest.approx(
        checkpoint.load(tmp_path / "first" / BEST)["scores"]["axial_rmse"], rel=1e-3
    )


def test_a_third_stage_starts_as_a_copy_of_the_second_and_trains_alone(tmp_path: Path) -> None:
    text = SETTINGS.replace("usenet", "musse-net")
    two = parse(text + f"[[phases]]\niterations = 4\n{LOSS}\n")
    run(two, tmp_path / "two")
    start = f"[initial]\nweights = 'two/{BEST}'\n"
    deeper = text.replace("base_channels = 2", "base_channels = 2\nstages = 3")
    three = parse(deeper + start + f"[[phases]]\niterations = 4\n{LOSS}\n", tmp_path / "three.toml")
    loop = trainer(three, tmp_path / "three")
    weights = checkpoint.load(tmp_path / "two" / BEST)["weights"]
    for stage, source in ((0, 0), (1, 1), (2, 1)):
        own = loop.network.stages[stage].state_dict()  # type: ignore[index]
        assert all(torch.equal(values, weights[f"stages.{source}.{name}"]) for name, values in own.items())
    loop.step(loop.stream.batch(0))
    stages = loop.network.stages.children()  # type: ignore[union-attr]
    assert [any(values.grad is not None for values in stage.parameters()) for stage in stages] == [False, False, True]


def test_the_simulator_feeds_the_loop(tmp_path: Path) -> None:
    told: list[Status] = []
    outcome = train(config(iterations=4), tmp_path, told.append)
    assert outcome.finished
    assert told[-1].scores is not None
    assert json.dumps(outcome.best_scores)
    assert 0 < told[-1].scores.oracle_strain_rmse < told[-1].scores.strain_rmse
