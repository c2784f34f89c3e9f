"""The training loop: batches, losses, optimiser, validation, checkpoints. Stops and resumes at any moment, exactly."""

import math
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from engine.errors import ParameterError, ReadError
from engine.losses.total import Losses, training_loss
from engine.training import checkpoint
from engine.training.config import TrainingConfig
from engine.training.data import Batch, Source, Stream, seeded
from engine.training.distributed import ProcessGroup, process_group
from engine.training.initial import fill, initial_network
from engine.training.log import Log, plot
from engine.training.schedule import Schedule, WeightAverage
from engine.training.sources import training_and_validation_sources
from engine.training.validation import Scores, ValidationSet

CHECKPOINT = "checkpoint.safetensors"
BEST = "best.safetensors"
LOG = "log.csv"
CURVES = "curves.png"


@dataclass(frozen=True)
class Status:
    """Where a run is; `scores` is there just after a validation."""

    iteration: int
    iterations: int
    phase: str
    loss: float
    rate_per_s: float
    remaining_s: float
    skipped: int
    scores: Scores | None = None


@dataclass(frozen=True)
class Outcome:
    """How a run ended: `finished` or stopped on the way; the best validation score and where its weights are."""

    finished: bool
    iteration: int
    best_score: float
    best_scores: dict[str, float]
    best: Path | None
    seconds: float


def train(
    config: TrainingConfig,
    output: Path,
    report: Callable[[Status], None] = lambda status: None,
    cancelled: Callable[[], bool] = lambda: False,
    max_minutes: float = math.inf,
) -> Outcome:
    """Train until the phases are done, the time is over or it is cancelled; go on from a checkpoint if there is one.

    Parameters
    ----------
    config
        What `load` reads of a TOML file.
    output
        Folder of checkpoint, best weights, log and curves.
    report
        Called with a `Status` every `log_every` iterations and after each validation.
    cancelled
        Asked after every iteration.
    max_minutes
        Time after which training stops; the run can go on later, exactly as if it had not stopped.

    Returns
    -------
    Outcome
        Whether it is finished, how far it came, and the best validation score with the path of its weights.

    Raises
    ------
    ParameterError
        The folder holds a run of another configuration, or the configuration fits no network.
    ReadError
        Recordings or weights that the configuration names cannot be read.

    >>> outcome = train(load(Path("reusenet.toml")), Path("runs/reusenet"), max_minutes=3)  # doctest: +SKIP
    """
    torch.set_num_threads(config.run.threads)
    with process_group(config.run.device) as group:
        sources = training_and_validation_sources(config, group.device)
        return Trainer(config, output, group, sources).run(report, cancelled, max_minutes)


def outcome_so_far(config: TrainingConfig, output: Path) -> Outcome:
    """Return how far the run in `output` has come, without training."""
    if not (output / CHECKPOINT).exists():
        raise ReadError(output, "holds no run")
    state = checkpoint.load(output / CHECKPOINT)
    score = math.inf if state["best_score"] is None else state["best_score"]
    best = output / BEST
    return Outcome(
        state["iteration"] >= config.iterations,
        state["iteration"],
        score,
        state["best_scores"],
        best if best.exists() else None,
        state["seconds"],
    )


def forget(output: Path) -> None:
    """Remove the files of an earlier run; nothing else in the folder is touched."""
    for name in (CHECKPOINT, BEST, LOG, CURVES):
        (output / name).unlink(missing_ok=True)


class Trainer:
    """One run. All that changes while it trains is in `state()`."""

    def __init__(
        self, config: TrainingConfig, output: Path, group: ProcessGroup, sources: tuple[Source, Source]
    ) -> None:
        torch.manual_seed(config.run.seed)
        self.config, self.output, self.group = config, output, group
        self.network = initial_network(config, group.device)
        self.parallel: nn.Module = group.wrap(self.network)
        self.trained = [values for values in self.network.parameters() if values.requires_grad]
        self.optimiser = torch.optim.Adam(self.trained, lr=1.0, fused=True)
        self.schedule = Schedule(config.optimiser)
        self.average = WeightAverage(self.network, config.optimiser.average)
        self.stream = Stream(config, sources[0], group.device, group.rank)
        self.validation = ValidationSet(config, sources[1]) if group.is_main else None
        self.iteration, self.skipped, self.seconds = 0, 0, 0.0
        self.best_score, self.best_scores = math.inf, dict[str, float]()
        self.sums: dict[str, float] = {}
        output.mkdir(parents=True, exist_ok=True)
        if (output / CHECKPOINT).exists():
            self.restore(checkpoint.load(output / CHECKPOINT))
        self.log = Log(output / LOG, self.iteration) if group.is_main else None

    def run(
        self, report: Callable[[Status], None], cancelled: Callable[[], bool], max_minutes: float = math.inf
    ) -> Outcome:
        """Train on; the last iteration done is always in the checkpoint that this leaves behind."""
        started, seconds_before, first = time.monotonic(), self.seconds, self.iteration
        saved = started
        for batch in self.stream.batches(self.iteration, self.config.iterations):
            if self.group.agree(cancelled() or time.monotonic() - started > 60 * max_minutes):
                break
            self.step(batch)
            now = time.monotonic()
            self.seconds = seconds_before + now - started
            scores = self._validate_when_due()
            if self._log_when_due(scores):
                rate = (self.iteration - first) / max(now - started, 1e-9)
                report(self._status(rate, started + 60 * max_minutes - now, scores))
            if now - saved >= self.config.run.checkpoint_seconds:
                self.save()
                saved = time.monotonic()
        self.save()
        if self.group.is_main:
            plot(self.output / LOG, self.output / CURVES)
        best = self.output / BEST
        finished = self.iteration >= self.config.iterations
        return Outcome(
            finished, self.iteration, self.best_score, self.best_scores, best if best.exists() else None, self.seconds
        )

    def step(self, batch: Batch) -> None:
        """Do one iteration; a batch whose gradient is not finite is counted and changes nothing."""
        number, phase, within = self.config.phase_at(self.iteration)
        torch.manual_seed(seeded(self.config.run.seed, "step", self.group.rank, self.iteration).initial_seed())
        rate = self.schedule.rate(number, phase, within)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.zero_grad(set_to_none=True)
        losses = self._losses(batch)
        torch.autograd.backward(losses.total)
        clip = self.config.optimiser.clip or math.inf
        norm = float(nn.utils.clip_grad_norm_(self.trained, clip))
        if math.isfinite(norm):
            self.optimiser.step()
            self.average.update(self.network)
            self._remember(losses, norm)
        else:
            self.skipped += 1
        self.iteration += 1

    def _losses(self, batch: Batch) -> Losses:
        phase = self.config.phase_at(self.iteration)[1]
        with torch.autocast(self.group.device.type, torch.bfloat16, enabled=self._halves()):
            motion: Tensor = self.parallel(batch.reference, batch.deformed)
        return training_loss(
            phase.loss,
            motion.float(),
            batch.reference,
            batch.deformed,
            batch.residual,
            batch.valid,
            batch.bulk.slope[:, 1, 1].reshape(motion.shape[:2]),
        )

    def _halves(self) -> bool:
        precision = self.config.run.precision
        return precision == "bfloat16" or (precision == "auto" and self.group.device.type == "cuda")

    def _validate_when_due(self) -> Scores | None:
        if self.iteration % self.config.validation.every and self.iteration != self.config.iterations:
            return None
        numbers = [math.nan] * len(fields(Scores))
        if self.validation is not None:
            judged = deepcopy(self.network)
            judged.load_state_dict(self.average.weights(self.network))
            numbers = list(asdict(self.validation.score(judged)).values())
        scores = Scores(*self.group.share(numbers))
        score = scores.deciding(self.config.validation.chosen_by)
        self.schedule.validated(score)
        if score < self.best_score:
            self.best_score, self.best_scores = score, asdict(scores)
            if self.group.is_main:
                state = {"weights": self.average.weights(self.network), "iteration": self.iteration}
                checkpoint.save({**state, "scores": self.best_scores}, self.output / BEST)
        return scores

    def _remember(self, losses: Losses, norm: float) -> None:
        values = {"count": 1.0, "loss": float(losses.total.detach()), "gradient_norm": norm}
        values |= {f"loss_{name}": float(value) for name, value in losses.terms.items()}
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0.0) + value

    def _log_when_due(self, scores: Scores | None) -> bool:
        if self.iteration % self.config.run.log_every and scores is None:
            return False
        if self.log is not None:
            count = max(self.sums.get("count", 0.0), 1.0)
            means = {name: value / count for name, value in self.sums.items() if name != "count"}
            done = self.iteration - 1
            validated = (
                {} if scores is None else {f"validation_{name}": value for name, value in asdict(scores).items()}
            )
            self.log.add(
                {
                    "iteration": self.iteration,
                    "phase": self.config.phase_at(done)[1].name,
                    "seconds": self.seconds,
                    "learning_rate": self.optimiser.param_groups[0]["lr"],
                    "max_strain": self.config.difficulty_at(done).max_strain,
                    "skipped": self.skipped,
                    **means,
                    **validated,
                }
            )
        self._loss, self.sums = self.sums.get("loss", math.nan) / max(self.sums.get("count", 0.0), 1.0), {}
        return True

    def _status(self, rate: float, time_left_s: float, scores: Scores | None) -> Status:
        remaining = (self.config.iterations - self.iteration) / max(rate, 1e-9)
        phase = self.config.phase_at(self.iteration - 1)[1].name
        return Status(
            self.iteration,
            self.config.iterations,
            phase,
            self._loss,
            rate,
            min(remaining, max(time_left_s, 0.0)),
            self.skipped,
            scores,
        )

    def save(self) -> None:
        """Write the checkpoint."""
        if self.group.is_main:
            checkpoint.save(self.state(), self.output / CHECKPOINT)

    def state(self) -> dict[str, Any]:
        """All that the future of this run depends on, beside the configuration."""
        return {
            "name": self.config.run.network,
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state(),
            "average": self.average.state(),
            "iteration": self.iteration,
            "skipped": self.skipped,
            "seconds": self.seconds,
            "best_score": None if math.isinf(self.best_score) else self.best_score,
            "best_scores": self.best_scores,
            "sums": self.sums,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`; that of another configuration is a ParameterError."""
        if state["name"] != self.config.run.network:
            raise ParameterError(f"{self.output} holds a run of {state['name']}; choose another folder or start afresh")
        state = checkpoint.to_device(state, self.group.device)
        fill(self.network, state["network"], str(self.output))
        try:
            self.optimiser.load_state_dict(state["optimiser"])
            self.average.restore(state["average"])
        except (KeyError, ValueError):
            raise ParameterError(
                f"{self.output} holds a run of another configuration; choose another folder or start afresh"
            ) from None
        self.schedule.restore(state["schedule"])
        self.iteration, self.skipped, self.seconds = state["iteration"], state["skipped"], state["seconds"]
        self.best_score = math.inf if state["best_score"] is None else state["best_score"]
        self.best_scores, self.sums = state["best_scores"], state["sums"]
