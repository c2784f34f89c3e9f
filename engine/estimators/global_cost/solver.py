"""Gauss-Newton for GLUE: match a deformed frame to the reference under a prior of the displacement.

Each pass samples the original deformed frame at the current field, linearises, solves for all knots at once and
takes the step, halved until the energy falls. Minimised is

    sum over samples of  p(e) / variance  +  prior(field - bulk),    e = reference - deformed(x + field(x)),

with p(e) = e^2, or Huber's function where residuals beyond a threshold count linearly (its re-weighting is
min(1, T / |e|), as in AM2D and GLUE).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.estimators.global_cost.prior import Prior
from engine.estimators.global_cost.spline import Samples, SplineFrame
from engine.estimators.global_cost.system import DataTerm, KnotGrid, System

Weighting = Callable[[Tensor, Tensor], Tensor]
"""Weights of the samples (H, W) from the residual and the mask of points inside the frame."""

SMALLEST_STEP = 1 / 16


@dataclass(frozen=True)
class Passes:
    """How long to iterate: passes, the change (in samples) at which to stop, and the accuracy of each solve."""

    most: int
    change_samples: float = 0.01
    tolerance: float = 1e-3
    inner: int = 200


@dataclass(frozen=True)
class Outcome:
    """The field (2, K, W), its residual (H, W), and what the iteration did."""

    field: Tensor
    residual: Tensor
    inside: Tensor
    passes: int
    inner: int


class Matching:
    """The data term of one frame pair; frames (H, W) float32 on one device, fields (2, K, W) float64.

    The deformed frame may be given as the spline that was made of it before.

    `weigh` gives each sample's weight from a residual; `threshold` is where Huber's function turns linear, in units
    of 1 / sqrt(weight); infinite for plain least squares.
    """

    def __init__(
        self, reference: Tensor, deformed: Tensor | SplineFrame, grid: KnotGrid, weigh: Weighting, threshold: float
    ) -> None:
        self.reference = reference
        self.grid = grid
        self.weigh = weigh
        self.threshold = threshold
        self._spline = deformed if isinstance(deformed, SplineFrame) else SplineFrame.of(deformed)
        height, width = reference.shape
        self._rows = torch.arange(height, dtype=reference.dtype, device=reference.device)[:, None]
        self._columns = torch.arange(width, dtype=reference.dtype, device=reference.device)[None, :]

    def sample(self, field: Tensor) -> tuple[Samples, Tensor]:
        """Sample the deformed frame at `field` (2, K, W); return the samples and the residual, zero outside."""
        lateral, axial = self.grid.expand(field.to(self.reference.dtype))
        samples = self._spline.at(self._rows + axial, self._columns + lateral)
        return samples, (self.reference - samples.value) * samples.inside

    def energy(self, residual: Tensor, weights: Tensor) -> float:
        """Sum of `misfit`."""
        return float(torch.sum(self.misfit(residual, weights), dtype=torch.float64))

    def misfit(self, residual: Tensor, weights: Tensor) -> Tensor:
        """Huber's function of the weighted residual, (H, W); its tail grows as 2 T |e| - T^2."""
        size = residual.abs() * torch.sqrt(weights)
        if self.threshold == float("inf"):
            return size * size
        t = self.threshold
        return torch.where(size <= t, size * size, t * (2 * size - t))

    def normal_equations(self, samples: Samples, residual: Tensor, weights: Tensor) -> tuple[DataTerm, Tensor]:
        """Blocks on the knots and the data's right side, both float64."""
        size = residual.abs() * torch.sqrt(weights)
        weights = weights * samples.inside * (self.threshold / size.clamp(min=1e-12)).clamp(max=1.0)
        lateral, axial = samples.lateral_gradient, samples.axial_gradient
        density = torch.stack([lateral * lateral, lateral * axial, axial * axial]) * weights
        diagonal, neighbour = self.grid.blocks(density)
        right = self.grid.gather(torch.stack([lateral, axial]) * (weights * residual))
        return DataTerm(diagonal.double(), None if neighbour is None else neighbour.double()), right.double()


def gauss_newton(matching: Matching, prior: Prior, start: Tensor, bulk: Tensor, passes: Passes) -> Outcome:
    """Minimise from `start` (2, K, W); the prior sees the field relative to `bulk`."""
    field, inner = start, 0
    samples, residual = matching.sample(field)
    for count in range(1, passes.most + 1):
        weights = matching.weigh(residual, samples.inside)
        data, right = matching.normal_equations(samples, residual, weights)
        terms = prior.terms(field - bulk)
        for term in terms:
            right = right - term.apply(field - bulk)
        step, used = System(data, terms).solve(right, tolerance=passes.tolerance, iterations=passes.inner)
        inner += used
        before = matching.energy(residual, weights) + prior.energy(field - bulk)
        length = 1.0
        while True:
            trial = field + length * step
            trial_samples, trial_residual = matching.sample(trial)
            energy = matching.energy(trial_residual, weights) + prior.energy(trial - bulk)
            if energy <= before:
                break
            length /= 2
            if length < SMALLEST_STEP:
                return Outcome(field, residual, samples.inside, count, inner)
        field, samples, residual = trial, trial_samples, trial_residual
        if float((length * step[1]).abs().max()) < passes.change_samples:
            return Outcome(field, residual, samples.inside, count, inner)
    return Outcome(field, residual, samples.inside, passes.most, inner)
