"""Scores on a fixed set that is never trained on: the errors of motion and strain that a user would meet."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from engine.losses.similarity import patch_correlation
from engine.losses.total import inner_strain, inner_valid
from engine.numerics.warp import warp
from engine.training.config import TrainingConfig
from engine.training.data import Batch, Source, prepare, seeded

SIMILARITY_WINDOW = (64, 8)
TARGET_DEVIATION = 0.3
BACKGROUND_DEVIATION = 0.1
SMALLEST_REGION = 0.03


@dataclass(frozen=True)
class Scores:
    """Means over the frames of the set; without truth only `similarity` is a number.

    `axial_rmse` in samples; `nrmse` of the whole axial displacement in %; `strain_rmse` in % strain against the true
    strain, beside `oracle_strain_rmse`, that of the true displacement under the same window; `strain_error` in %
    strain against the oracle; `cnr` and `oracle_cnr` where an inclusion shows; `similarity` is the mean patch
    correlation after motion compensation.
    """

    axial_rmse: float
    nrmse: float
    strain_rmse: float
    oracle_strain_rmse: float
    strain_error: float
    cnr: float
    oracle_cnr: float
    similarity: float

    def deciding(self, chosen_by: str) -> float:
        """Return what the best weights have least of: error of strain or displacement; without truth dissimilarity."""
        if math.isnan(self.strain_rmse):
            return 1 - self.similarity
        return self.strain_rmse if chosen_by == "strain" else self.axial_rmse


class ValidationSet:
    """A few sequences, made once, with their misalignment."""

    def __init__(self, config: TrainingConfig, source: Source) -> None:
        settings = config.validation
        self._window_m = settings.window_m
        self._batches = []
        for number in range(settings.sequences):
            generator = seeded(settings.seed, "validation", 0, number)
            raw = source.sequence(generator, settings.difficulty)
            self._batches.append(prepare(raw, settings.difficulty, generator, config.data))

    @torch.no_grad()
    def score(self, network: nn.Module) -> Scores:
        """Run the network over the set as users run it: dropout off, batch normalisation by its running statistics."""
        training = network.training
        network.eval()
        rows: list[list[float]] = []
        for batch in self._batches:
            residual = network(batch.reference, batch.deformed).float()
            rows.append(_scores(batch, residual, self._window_m))
        network.train(training)
        return Scores(*(_mean([row[column] for row in rows]) for column in range(len(rows[0]))))


def _scores(batch: Batch, residual: Tensor, window_m: float) -> list[float]:
    flat, valid = residual.flatten(0, 1), batch.valid.flatten(0, 1)
    frames = flat.shape[0]
    warped = warp(batch.deformed.flatten(0, 1), flat)
    similarity = patch_correlation(warped, batch.reference.expand(frames, -1, -1, -1), SIMILARITY_WINDOW).mean().item()
    if batch.total is None:
        return [math.nan] * 7 + [similarity]
    total, truth = batch.bulk.compose(flat), batch.total.flatten(0, 1)
    error = (total - truth)[:, 1:2]
    axial_rmse = _rms(error, valid)
    nrmse = 100 * axial_rmse / _rms(truth[:, 1:2], valid)
    rows = round(window_m / batch.geometry[0].axial_spacing_m)
    window = max(5, min(rows, truth.shape[-2] // 2)) // 2 * 2 + 1
    estimated, oracle = 100 * inner_strain(total, window), 100 * inner_strain(truth, window)
    half = window // 2
    exact = 50 * (truth[:, 1:2, half + 1 : truth.shape[-2] - half + 1] - truth[:, 1:2, half - 1 : -half - 1])
    seen = inner_valid(valid, window)
    contrasts = [_contrast(estimated[k], oracle[k], exact[k], seen[k]) for k in range(frames)]
    return [
        axial_rmse,
        nrmse,
        _rms(estimated - exact, seen),
        _rms(oracle - exact, seen),
        _rms(estimated - oracle, seen),
        _mean([pair[0] for pair in contrasts]),
        _mean([pair[1] for pair in contrasts]),
        similarity,
    ]


def _contrast(estimated: Tensor, oracle: Tensor, exact: Tensor, seen: Tensor) -> tuple[float, float]:
    """CNR between pixels whose true strain is near the median and those far from it, of estimate and oracle."""
    median = exact[seen].median() if bool(seen.any()) else exact.median()
    deviation = (exact / median - 1).abs()
    target, background = seen & (deviation > TARGET_DEVIATION), seen & (deviation < BACKGROUND_DEVIATION)
    least = SMALLEST_REGION * seen.numel()
    if int(target.sum()) < least or int(background.sum()) < least:
        return math.nan, math.nan
    return _cnr(estimated[target], estimated[background]), _cnr(oracle[target], oracle[background])


def _cnr(target: Tensor, background: Tensor) -> float:
    spread = target.var(correction=0) + background.var(correction=0)
    return float(torch.sqrt(2 * (background.mean() - target.mean()) ** 2 / spread.clamp_min(1e-12)))


def _rms(error: Tensor, valid: Tensor) -> float:
    weight = valid.to(error.dtype)
    return float(torch.sqrt((error * error * weight).sum() / weight.sum().clamp_min(1)))


def _mean(values: list[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan
