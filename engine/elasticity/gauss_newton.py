"""Relative modulus by Gauss-Newton on the displacement misfit, with total variation of log E.

Minimises 1/2 sum ((u(E) - u_measured) / sigma)^2 + weight * TV(log E). The Jacobian is never formed: its products are
two solves with one sparse factorisation of the stiffness matrix.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix, diags, eye, vstack
from scipy.sparse.linalg import LinearOperator, cg, splu

from engine.elasticity.base import ELASTICITY_METHODS, Progress
from engine.elasticity.common.forward_model import ElasticModel, Vector
from engine.elasticity.common.nodal import NodalMethod, NodalModulus, NodalParameters
from engine.elasticity.common.observation import Observation
from engine.errors import CancelledError
from engine.parameters import parameter

_TV_ROUNDING = 0.02
"""Difference of log E between nodes below which total variation turns quadratic."""

_LARGEST_STEP = 1.0
"""Largest change of log E in one iteration; keeps the linearisation honest."""


@dataclass(frozen=True)
class GaussNewtonParameters(NodalParameters):
    """Mesh, regularisation and limits of the reconstruction."""

    tv_weight: float = parameter(
        20.0,
        minimum=0.0,
        maximum=1e4,
        help="Weight of the total variation of log modulus; where the noise of nodes is white, a tenth does",
    )
    iterations: int = parameter(12, minimum=1, maximum=100, help="Gauss-Newton steps at most")
    time_limit_s: float = parameter(
        30.0, unit="s", minimum=0.5, maximum=3600, help="Stop after the step that passes this time, and say so"
    )


@ELASTICITY_METHODS.entry
class GaussNewton(NodalMethod[GaussNewtonParameters]):
    """The default: fits the measured axial displacement itself, so noise is not amplified."""

    name = "gauss-newton"
    title = "Gauss-Newton with total variation"
    Params = GaussNewtonParameters
    error_factor = 1.15
    label = "relative modulus (Gauss-Newton)"

    def solve(
        self, observation: Observation, params: GaussNewtonParameters, progress: Progress, cancelled: Callable[[], bool]
    ) -> NodalModulus:
        """See NodalMethod."""
        return invert(observation, params, progress, cancelled)


def invert(
    observation: Observation,
    params: GaussNewtonParameters,
    progress: Progress = lambda iteration, misfit: None,
    cancelled: Callable[[], bool] = lambda: False,
    start: Vector | None = None,
) -> NodalModulus:
    """Return the nodal modulus, the misfit after each step, and whether the time limit cut the steps short.

    Without any known force the modulus is known up to a factor, and its geometric mean is 1. With known forces a
    uniform `start` of the right size saves steps.
    """
    problem = _Problem(observation)
    size = observation.model.rows * observation.model.lines
    log_modulus = np.zeros(size) if start is None else np.log(start)
    residual = problem.linearise(log_modulus)
    misfits = [problem.misfit(residual)]
    deadline, cut_short = time.monotonic() + params.time_limit_s, ""
    for iteration in range(params.iterations):
        if cancelled():
            raise CancelledError("cancelled")
        progress(iteration, misfits[-1])
        step = _step(problem, log_modulus, residual, params.tv_weight)
        moved = _line_search(problem, log_modulus, step, residual, params.tv_weight)
        if moved is None:
            break
        log_modulus, residual = moved
        misfits.append(problem.misfit(residual))
        if np.abs(step).max() < 1e-2:
            break
        if time.monotonic() > deadline and iteration + 1 < params.iterations:
            cut_short = (
                f"The limit of {params.time_limit_s:g} s ended the reconstruction after {iteration + 1} of at most "
                f"{params.iterations} steps, before it had settled: contrasts may be too low."
            )
            break
    progress(len(misfits) - 1, misfits[-1])
    if not observation.force[observation.free].any():
        log_modulus = log_modulus - log_modulus.mean()
    return NodalModulus(np.exp(log_modulus), misfits, cut_short)


class _Problem:
    """Residual and Jacobian products at the current log modulus."""

    def __init__(self, observation: Observation) -> None:
        self.observation = observation
        self.model = observation.model
        self.free = observation.free
        finite = np.isfinite(observation.sigma_m[self.free])
        self.weight = np.where(finite, 1.0 / np.where(finite, observation.sigma_m[self.free], 1.0), 0.0)
        self.measured = int(finite.sum())
        self.difference = difference_operator(self.model)

    def linearise(self, log_modulus: Vector) -> Vector:
        """Solve the forward problem, keep its factors for the products, and return the weighted residual."""
        observation, free = self.observation, self.free
        self.modulus = np.exp(log_modulus)
        stiffness = self.model.stiffness(self.modulus)
        u = np.zeros_like(observation.displacement_m)
        u[observation.fixed] = observation.displacement_m[observation.fixed]
        self.factors = splu(stiffness[free][:, free].tocsc())
        u[free] = self.factors.solve((observation.force - stiffness @ u)[free])
        self.operator = self.model.modulus_operator(u)[free]
        residual: Vector = (u - observation.displacement_m)[free] * self.weight
        return residual

    def forward(self, change: Vector) -> Vector:
        """J times a change of log modulus."""
        product: Vector = -self.weight * self.factors.solve(self.operator @ (self.modulus * change))
        return product

    def adjoint(self, residual: Vector) -> Vector:
        """J transposed times a weighted residual; the stiffness is symmetric."""
        product: Vector = -self.modulus * (self.operator.T @ self.factors.solve(self.weight * residual))
        return product

    def misfit(self, residual: Vector) -> float:
        """Mean squared weighted residual: 1 when the model explains the data to within their noise."""
        return float(residual @ residual) / max(self.measured, 1)

    def objective(self, log_modulus: Vector, residual: Vector, tv_weight: float) -> float:
        """Half the squared weighted residual plus the weighted, rounded total variation."""
        slope = self.difference @ log_modulus
        return float(residual @ residual / 2 + tv_weight * np.sqrt(slope**2 + _TV_ROUNDING**2).sum())


def difference_operator(model: ElasticModel) -> csr_matrix:
    """Differences of a nodal vector between axial and lateral neighbours, (edges, N)."""
    order = model.node_order
    pairs = [(order[1:].ravel(), order[:-1].ravel()), (order[:, 1:].ravel(), order[:, :-1].ravel())]
    blocks = []
    for ahead, behind in pairs:
        rows = np.arange(ahead.size)
        ones = np.ones(ahead.size)
        shape = (ahead.size, order.size)
        blocks.append(csr_matrix((ones, (rows, ahead)), shape) - csr_matrix((ones, (rows, behind)), shape))
    return vstack(blocks).tocsr()


def _step(problem: _Problem, log_modulus: Vector, residual: Vector, tv_weight: float) -> Vector:
    """Solve the Gauss-Newton system by conjugate gradients, preconditioned with the regulariser."""
    slope = problem.difference @ log_modulus
    weights = tv_weight / np.sqrt(slope**2 + _TV_ROUNDING**2)
    roughness = (problem.difference.T @ diags(weights) @ problem.difference).tocsc()
    size = log_modulus.size
    gradient = problem.adjoint(residual) + roughness @ log_modulus
    scale = max(roughness.diagonal().mean(), 1e-12)
    preconditioner = splu((roughness + 1e-3 * scale * eye(size)).tocsc())
    system = LinearOperator(
        (size, size), matvec=lambda v: problem.adjoint(problem.forward(v)) + roughness @ v + 1e-8 * scale * v
    )
    step, _ = cg(system, -gradient, rtol=1e-2, maxiter=80, M=LinearOperator((size, size), matvec=preconditioner.solve))
    largest = np.abs(step).max()
    limited: Vector = step * min(1.0, _LARGEST_STEP / max(largest, 1e-12))
    return limited


def _line_search(
    problem: _Problem, log_modulus: Vector, step: Vector, residual: Vector, tv_weight: float
) -> tuple[Vector, Vector] | None:
    """Halve the step until the objective falls; None when it never does."""
    before = problem.objective(log_modulus, residual, tv_weight)
    for halving in range(6):
        candidate = log_modulus + step / 2**halving
        after = problem.linearise(candidate)
        if problem.objective(candidate, after, tv_weight) < before:
            return candidate, after
    return None
