"""Relative modulus by the statistical model regularised by denoising (RED elasticity, equations 6-12).

Gradient steps E <- [E - e (grad g + l (E - C(E)))]+ with the denoiser's residual in the place of the regulariser's
gradient. That identity needs a denoiser with symmetric Jacobian, which a U-Net is not (Reehorst and Schniter 2018): the
scheme is run and stopped as a fixed-point iteration, and no minimum of an energy is claimed.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.elasticity.base import ELASTICITY_METHODS, Progress
from engine.elasticity.common.equilibrium import EquilibriumModel
from engine.elasticity.common.forward_model import Vector
from engine.elasticity.common.nodal import NodalMethod
from engine.elasticity.common.observation import Observation, with_lateral_from_equilibrium
from engine.elasticity.statistical import SMALLEST_MODULUS, StatisticalParameters, maximum_likelihood, starting_modulus
from engine.errors import CancelledError
from engine.parameters import parameter

Denoiser = Callable[[Vector], Vector]
"""Maps a modulus map (rows, lines) to its denoised version."""

_SETTLED = 1e-4
"""Relative change per step below which the iteration has settled."""


@dataclass(frozen=True)
class REDParameters(StatisticalParameters):
    """The statistical parameters give the maximum-likelihood start."""

    red_steps: int = parameter(300, minimum=1, maximum=5000, help="Regularised gradient steps")
    renew_every: int = parameter(20, minimum=1, maximum=1000, help="Steps between renewals of the covariance")
    target_misfit: float = parameter(1.0, minimum=0.0, maximum=100.0, help="Misfit that the prior's weight aims at")


@ELASTICITY_METHODS.entry
class RED(NodalMethod[REDParameters]):
    """Statistical model with the learned prior."""

    name = "red"
    title = "Statistical model with learned prior (RED)"
    Params = REDParameters
    label = "relative modulus (RED)"

    def solve(
        self, observation: Observation, params: REDParameters, progress: Progress, cancelled: Callable[[], bool]
    ) -> tuple[Vector, list[float]]:
        """See NodalMethod."""
        complete = with_lateral_from_equilibrium(observation)
        return regularised(complete, shipped_denoiser(), params, progress, cancelled)


def regularised(
    observation: Observation,
    denoiser: Denoiser,
    params: REDParameters,
    progress: Progress = lambda iteration, misfit: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> tuple[Vector, list[float]]:
    """Return the nodal modulus (N,) and the misfit at each renewal.

    The weight of the prior starts at the balance of the maximum-likelihood estimate, |grad g| / |E - C(E)|, where the
    paper's bound (equation 12) is dimensionally loose; at each renewal it doubles while the data are fitted better
    than `target_misfit`, by default to within their noise, and halves otherwise.
    """
    problem = EquilibriumModel(observation)
    modulus, _ = maximum_likelihood(
        observation, StatisticalParameters(params.node_spacing_m, params.renewals, params.steps), cancelled=cancelled
    )
    smallest = SMALLEST_MODULUS * starting_modulus(problem).mean()
    weight = 0.0
    misfits: list[float] = []
    for step in range(params.red_steps):
        if cancelled():
            raise CancelledError("cancelled")
        denoised = observation.model.to_nodes(denoiser(observation.model.to_map(modulus)))
        if step % params.renew_every == 0:
            problem.refresh(modulus)
            misfits.append(problem.misfit(modulus))
            grown = weight * (2.0 if misfits[-1] < params.target_misfit else 0.5)
            weight = grown if step else _balance(problem, modulus, denoised)
            progress(step, misfits[-1])
        moved = red_step(problem, modulus, denoised, weight, smallest)
        change = float(np.linalg.norm(moved - modulus) / np.linalg.norm(modulus))
        modulus = moved
        if change < _SETTLED:
            break
    return modulus, misfits


def red_step(
    problem: EquilibriumModel, modulus: Vector, denoised: Vector, weight: float, smallest: float = 0.0
) -> Vector:
    """Take one projected step of equation 7, at the length that the curvature of both terms allows."""
    gradient = problem.gradient(modulus) + weight * (modulus - denoised)
    return np.asarray(np.maximum(modulus - gradient / (problem.lipschitz + weight), smallest))


def _balance(problem: EquilibriumModel, modulus: Vector, denoised: Vector) -> float:
    length = float(np.linalg.norm(modulus - denoised))
    return float(np.linalg.norm(problem.gradient(modulus))) / length if length > 0 else 0.0


def shipped_denoiser() -> Denoiser:
    """Return the denoiser in the box; a WeightsError says when there is none."""
    import torch

    from engine.networks.weights import load

    network, _ = load("modulus-denoiser")
    network.eval()

    def denoise(modulus: Vector) -> Vector:
        scale = float(np.median(modulus))
        with torch.inference_mode():
            clean = network(torch.as_tensor(modulus / scale, dtype=torch.float32)[None, None])
        return np.asarray(clean[0, 0].numpy(), dtype=np.float64) * scale

    return denoise
