"""Relative modulus from the statistical forward model alone, without a learned prior (RED elasticity, section 3).

Maximum likelihood by the fixed-point scheme: projected accelerated gradient steps (Nesterov, with restart) at a fixed
covariance, which is renewed at the new modulus. The printed scheme leaves log |G| out of the gradient, and measured
displacement stands in D(u): with noise the modulus shrinks towards zero (errors in variables). It is here as the
paper's reference and as the start of `red`, not as a method of choice.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.elasticity.base import ELASTICITY_METHODS, Progress
from engine.elasticity.common.equilibrium import EquilibriumModel
from engine.elasticity.common.forward_model import Vector
from engine.elasticity.common.nodal import NodalMethod, NodalModulus, NodalParameters
from engine.elasticity.common.observation import Observation, with_lateral
from engine.errors import CancelledError
from engine.parameters import parameter

SMALLEST_MODULUS = 1e-3
"""Positivity, relative to the start: a modulus of exactly zero would cut nodes loose."""


@dataclass(frozen=True)
class StatisticalParameters(NodalParameters):
    """Mesh and number of steps."""

    renewals: int = parameter(3, minimum=1, maximum=50, help="How often the covariance is renewed")
    steps: int = parameter(60, minimum=1, maximum=2000, help="Gradient steps between renewals")


@ELASTICITY_METHODS.entry
class Statistical(NodalMethod[StatisticalParameters]):
    """Maximum likelihood of the statistical forward model."""

    name = "statistical"
    title = "Statistical model, no prior"
    Params = StatisticalParameters
    error_factor = math.nan
    label = "relative modulus (statistical)"

    def solve(
        self, observation: Observation, params: StatisticalParameters, progress: Progress, cancelled: Callable[[], bool]
    ) -> NodalModulus:
        """See NodalMethod."""
        complete = with_lateral(observation)
        return maximum_likelihood(complete, params, progress, cancelled)


def maximum_likelihood(
    observation: Observation,
    params: StatisticalParameters,
    progress: Progress = lambda iteration, misfit: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> NodalModulus:
    """Return the nodal modulus (N,) and the misfit after each renewal."""
    problem = EquilibriumModel(observation)
    modulus = starting_modulus(problem)
    misfits = []
    for renewal in range(params.renewals):
        if cancelled():
            raise CancelledError("cancelled")
        problem.refresh(modulus)
        modulus = _descend(problem, modulus, params.steps)
        misfits.append(problem.misfit(modulus))
        progress(renewal, misfits[-1])
    return NodalModulus(modulus, misfits)


def starting_modulus(problem: EquilibriumModel) -> Vector:
    """Return the uniform modulus that explains the known forces best, or 1 when none is known."""
    size = problem.operator.shape[1]
    if problem.scale_is_free:
        return np.ones(size)
    uniform = problem.operator @ np.ones(size)
    return np.full(size, max(float(uniform @ problem.force / (uniform @ uniform)), SMALLEST_MODULUS))


def _descend(problem: EquilibriumModel, start: Vector, steps: int) -> Vector:
    smallest = SMALLEST_MODULUS * start.mean()
    modulus, ahead, momentum = start, start, 1.0
    for _ in range(steps):
        gradient = problem.gradient(ahead)
        moved = np.maximum(ahead - gradient / problem.lipschitz, smallest)
        if gradient @ (moved - modulus) > 0:
            momentum = 1.0
        following = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead = moved + (momentum - 1) / following * (moved - modulus)
        modulus, momentum = moved, following
    return modulus
