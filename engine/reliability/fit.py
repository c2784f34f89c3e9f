"""Fit the scales of `engine.reliability.sigma` to errors that are known: the likeliest of a Gaussian.

Only recordings of the training seeds serve here (below `engine.evaluation.sets.FIRST_SEED`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from engine.errors import ParameterError
from engine.reliability.sigma import Parts, Scales, Values

LEAST_ERRORS = 100
_LARGEST_ERROR = 8.0
"""Errors of more deviations than this count as this many: a cycle slip must not widen every other pixel."""

_SMALLEST = 1e-12
"""Change whose logarithm is taken instead of that of none."""

_STARTS = ((0.0, 0.7, 0.5, 0.0, 0.0, 0.0, -2.0), (0.0, 0.3, 0.3, 0.3, 0.2, 1.0, -1.0))
_BOUNDS = ((-9.0, 4.0), (0.0, 3.0), (0.0, 2.0), (-2.0, 2.0), (-1.0, 1.0), (-2.0, 2.0), (-6.0, 2.0))


@dataclass(frozen=True)
class Errors:
    """Errors (n,) of one map of one frame, in the map's unit, and the parts of its uncertainty there, (n,) each.

    Every `family` of recordings weighs the same, and so does every frame within it.
    """

    error: Values
    parts: Parts[Values]
    family: str = ""


def fit_scales(samples: Sequence[Errors]) -> Scales:
    """Find the scales under which the errors are most likely; fewer than 100 errors are a ParameterError."""
    used = [entry for entry in samples if entry.error.size]
    if sum(entry.error.size for entry in used) < LEAST_ERRORS:
        raise ParameterError(f"calibration needs at least {LEAST_ERRORS} errors")
    error = np.concatenate([entry.error / entry.parts.unit for entry in used])
    weight = _weights(used)
    # In double precision: the steps that tell a slope would be lost in the maps' own.
    noise = np.concatenate([entry.parts.noise for entry in used], dtype=np.float64)
    change = np.concatenate([entry.parts.change for entry in used], dtype=np.float64)
    mean = np.concatenate([np.full(entry.error.size, entry.parts.mean) for entry in used])
    # Everything is fitted relative to its typical size, so that the parameters are of the order of one.
    sizes = [float(np.exp(np.sum(weight * np.log(np.maximum(values, _SMALLEST))))) for values in (noise, change, mean)]
    spread = float(np.sqrt(np.sum(weight * error**2)))
    log_noise, log_mean = np.log(noise / sizes[0]), np.log(mean / sizes[2])
    noise_square, change_square = (noise / sizes[0]) ** 2, (change / sizes[1]) ** 2
    relative_square = noise_square * np.exp(-2 * log_mean)

    def loss(values: Values) -> float:
        factor, noise_power, change_power, mean_power, share, turn, still = values
        log_variance = 2 * (factor + noise_power * log_noise + mean_power * log_mean + math.log(spread))
        log_variance = log_variance + change_power * np.log(change_square + noise_square * math.exp(2 * still))
        log_variance = log_variance - share * noise_power * np.log1p(relative_square * math.exp(-2 * turn))
        surprise = np.minimum(error**2 * np.exp(-log_variance), _LARGEST_ERROR**2)
        return float(np.sum(weight * (surprise + log_variance))) / 2

    best = min(
        (minimize(loss, np.array(start), method="L-BFGS-B", bounds=_BOUNDS) for start in _STARTS),
        key=lambda result: float(result.fun),
    )
    factor, noise_power, change_power, mean_power, share, turn, still = (float(value) for value in best.x)
    scale = sizes[0] ** -noise_power * sizes[1] ** -change_power * sizes[2] ** -mean_power
    return Scales(
        spread * math.exp(factor) * scale,
        noise_power,
        change_power,
        mean_power,
        share * noise_power / 2,  # a share of one at most, or more noise would mean less uncertainty
        sizes[0] / sizes[2] * math.exp(turn),
        sizes[1] / sizes[0] * math.exp(still),
    )


def _weights(samples: Sequence[Errors]) -> Values:
    frames: dict[str, int] = {}
    for entry in samples:
        frames[entry.family] = frames.get(entry.family, 0) + 1
    shares = [1.0 / (len(frames) * frames[entry.family] * entry.error.size) for entry in samples]
    weights: Values = np.repeat(shares, [entry.error.size for entry in samples])
    return weights
