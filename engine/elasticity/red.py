"""Relative modulus by the statistical model regularised by denoising (RED elasticity, equations 6-12).

The fixed-point form of regularisation by denoising (Romano, Elad and Milanfar 2017), with the last map E' in the
denoiser: E <- argmin g(E) + l/2 |E - C(E')|^2. It ends where the paper's gradient steps do, grad g + l (E - C(E)) = 0;
those are so short on nearly incompressible tissue that hundreds of them lead nowhere. The identity behind it needs a
denoiser with symmetric Jacobian, which a U-Net is not (Reehorst and Schniter 2018): no minimum of an energy is claimed.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.sparse.linalg import LinearOperator, cg

from engine.elasticity.base import ELASTICITY_METHODS, Progress
from engine.elasticity.common.equilibrium import EquilibriumModel
from engine.elasticity.common.forward_model import Vector
from engine.elasticity.common.nodal import NodalMethod, NodalModulus
from engine.elasticity.common.observation import Observation, with_lateral
from engine.elasticity.statistical import SMALLEST_MODULUS, StatisticalParameters, maximum_likelihood, starting_modulus
from engine.errors import CancelledError
from engine.parameters import parameter

Denoiser = Callable[[Vector], Vector]
"""Maps a modulus map (rows, lines) to its denoised version."""

_SETTLED = 1e-3
"""Relative fall of the objective in one step below which the iteration has settled, once the weight has."""

_NEAR_TARGET = 1.3
"""Factor by which the misfit may fall short of its target when the weight counts as settled."""

_SOLVER_STEPS = 200


@dataclass(frozen=True)
class REDParameters(StatisticalParameters):
    """The statistical parameters give the maximum-likelihood start."""

    red_steps: int = parameter(12, minimum=1, maximum=1000, help="Regularised steps at most")
    weight_rule: Literal["balance", "printed"] = parameter(
        "balance",
        help="Weight of the prior: balanced with the data and grown until these fit, or the least by equation 12",
    )
    target_misfit: float = parameter(1.0, minimum=0.0, maximum=100.0, help="Misfit that the prior's weight aims at")


@ELASTICITY_METHODS.entry
class RED(NodalMethod[REDParameters]):
    """Statistical model with the learned prior."""

    name = "red"
    title = "Statistical model with learned prior (RED)"
    Params = REDParameters
    error_factor = math.nan
    label = "relative modulus (RED)"

    def solve(
        self, observation: Observation, params: REDParameters, progress: Progress, cancelled: Callable[[], bool]
    ) -> NodalModulus:
        """See NodalMethod."""
        complete = with_lateral(observation)
        return regularised(complete, shipped_denoiser(), params, progress, cancelled)


def regularised(
    observation: Observation,
    denoiser: Denoiser,
    params: REDParameters,
    progress: Progress = lambda iteration, misfit: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> NodalModulus:
    """Return the nodal modulus (N,) and the misfit after each step.

    The weight of the prior starts at the balance of the maximum-likelihood estimate, |grad g| / |E - C(E)|, where the
    paper's bound (equation 12) is dimensionally loose; at each step it grows while the data are fitted better than
    `target_misfit`, by default to within their noise, and falls otherwise, but never below its start: data that no
    modulus explains would have no prior at all. By the printed rule it is |grad g| at every step. The end is where the
    objective g + l/2 E.(E - C(E)) stops falling.
    """
    problem = EquilibriumModel(observation)
    modulus = maximum_likelihood(
        observation, StatisticalParameters(renewals=params.renewals, steps=params.steps), cancelled=cancelled
    ).values
    smallest = SMALLEST_MODULUS * starting_modulus(problem).mean()
    weight, least, before = 0.0, 0.0, np.inf
    misfits: list[float] = []
    for step in range(params.red_steps):
        if cancelled():
            raise CancelledError("cancelled")
        problem.refresh(modulus)
        denoised = observation.model.to_nodes(denoiser(observation.model.to_map(modulus)))
        if params.weight_rule == "printed":
            weight = least = float(np.linalg.norm(problem.gradient(modulus)))
        elif step == 0:
            weight = least = _balance(problem, modulus, denoised)
        modulus = red_step(problem, modulus, denoised, weight, smallest)
        misfits.append(problem.misfit(modulus))
        progress(step, misfits[-1])
        after = _objective(problem, modulus, denoised, weight)
        ratio = params.target_misfit / max(misfits[-1], 1e-12)
        if before - after < _SETTLED * abs(before) and (ratio < _NEAR_TARGET or weight == least):
            break
        before = after
        weight = max(weight * float(np.clip(ratio, 0.5, 2.0)), least)
    return NodalModulus(modulus, misfits)


def red_step(
    problem: EquilibriumModel, modulus: Vector, denoised: Vector, weight: float, smallest: float = 0.0
) -> Vector:
    """Minimise g(E) + weight / 2 |E - denoised|^2 at the present covariance by conjugate gradients from `modulus`."""
    size = modulus.size
    system = LinearOperator(
        (size, size), matvec=lambda v: problem.operator.T @ problem.whitened(problem.operator @ v) + weight * v
    )
    wanted = problem.operator.T @ problem.whitened(problem.force) + weight * denoised
    solution, _ = cg(system, wanted, x0=modulus, rtol=1e-4, maxiter=_SOLVER_STEPS)
    return np.asarray(np.maximum(solution, smallest))


def _objective(problem: EquilibriumModel, modulus: Vector, denoised: Vector, weight: float) -> float:
    rows = problem.operator.shape[0]
    return float(rows * problem.misfit(modulus) + weight * (modulus @ (modulus - denoised))) / 2


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
