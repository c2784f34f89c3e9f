"""Fit the scales of `engine.reliability.sigma` to errors that are known: the likeliest of a Gaussian.

Only recordings of the training seeds serve here (below `engine.evaluation.sets.FIRST_SEED`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from engine.errors import ParameterError
from engine.reliability.sigma import Parts, Scales

Values = NDArray[np.float64]

LEAST_ERRORS = 100
_LARGEST_ERROR = 8.0
"""Errors of more deviations than this count as this many: a cycle slip must not widen every other pixel."""

_START = np.array([[-1.0, 1.2, 0.3, 0.0, -1.0], [-1.0, 0.2, 0.9, 0.0, -0.5]])
_BOUNDS = [(-12.0, 6.0), (0.0, 3.0), (0.0, 3.0), (-3.0, 3.0), (-6.0, 0.0)]
_RIDGE = 1e-4
"""Weight of the squared powers: it decides only where the errors do not."""


@dataclass(frozen=True)
class Errors:
    """Errors (n,) of one map of one frame, in the map's unit, and the parts of its uncertainty there, (n,) each."""

    error: Values
    parts: Parts


def fit_scales(samples: Sequence[Errors]) -> Scales:
    """Find the scales under which the errors are most likely, every frame weighing the same.

    Fewer than 100 errors are a ParameterError.
    """
    used = [entry for entry in samples if entry.error.size]
    if sum(entry.error.size for entry in used) < LEAST_ERRORS:
        raise ParameterError(f"calibration needs at least {LEAST_ERRORS} errors")
    error = np.concatenate([entry.error / entry.parts.unit for entry in used])
    weight: Values = np.concatenate([np.full(entry.error.size, 1 / entry.error.size) for entry in used]) / len(used)
    logs: Values = np.concatenate([entry.parts.logarithms.double().numpy() for entry in used], axis=1)
    # The solver sees logarithms about zero, and errors of the order of one.
    middle, typical = logs @ weight, float(np.sqrt(weight @ error**2))
    terms = np.concatenate([np.ones_like(logs[:1]), logs - middle[:, None]])
    square = (error / typical) ** 2
    ridge = np.where(np.arange(5), _RIDGE, 0.0)

    def loss(values: Values) -> tuple[float, Values]:
        laws = values.reshape(2, 5)
        variances = np.exp(2 * laws @ terms)
        variance = variances.sum(axis=0)
        surprise = square / variance
        counted = np.minimum(surprise, _LARGEST_ERROR**2)
        value = weight @ (counted + np.log(variance)) / 2 + np.sum(ridge * laws**2)
        slope = variances / variance * (weight * (1 - surprise * (surprise < _LARGEST_ERROR**2)))
        return float(value), (slope @ terms.T + 2 * ridge * laws).ravel()

    best = minimize(loss, _START.ravel(), jac=True, method="L-BFGS-B", bounds=_BOUNDS * 2, options={"maxiter": 1000})
    laws = best.x.reshape(2, 5).copy()
    laws[:, 0] += np.log(typical) - laws[:, 1:] @ middle
    noise, change = sorted(map(tuple, laws.tolist()), key=lambda law: law[2] - law[1])
    return Scales(noise, change)
