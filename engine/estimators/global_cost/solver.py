"""Gauss-Newton for GLUE: match a deformed frame to the reference under a prior of the displacement.

Each pass samples the original deformed frame at the current field, linearises, solves for all knots at once and
takes the step, halved until the energy falls. Several pairs go through it together, each until it has settled.
Minimised is

    sum over samples of  p(e) / variance  +  prior(field - bulk),    e = reference - deformed(x + field(x)),

with p(e) = e^2, or Huber's function where residuals beyond a threshold count linearly (its re-weighting is
min(1, T / |e|), as in AM2D and GLUE).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from engine.estimators.global_cost.prior import Prior, Sizes
from engine.estimators.global_cost.spline import Samples, SplineFrame
from engine.estimators.global_cost.system import DataTerm, KnotGrid, System, added
from engine.numerics.conjugate_gradients import fading
from engine.numerics.host import over

Weighting = Callable[[Tensor, Tensor], Tensor]
"""Weights of the samples (..., H, W) from the residual and the mask of points inside the frame."""

HALVINGS = 4
"""How often a step is halved at most."""


@dataclass(frozen=True)
class Passes:
    """How long to iterate: passes, the change (in samples) at which they fade out, and the accuracy of each solve."""

    most: int
    change_samples: float = 1.25e-3
    tolerance: float = 1e-3
    inner: int = 200


@dataclass(frozen=True)
class Outcome:
    """The fields (..., 2, K, W), and for each the passes (the last one in part) and inner iterations it took (...)."""

    field: Tensor
    passes: Tensor
    inner: Tensor


class Matching:
    """The data term of frame pairs; frames (..., H, W) float32 on one device, fields (..., 2, K, W) float64.

    The deformed frames may be given as the splines that were made of them before.

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

    def sample(self, field: Tensor) -> tuple[Samples, Tensor]:
        """Sample the deformed frames at `field` (..., 2, K, W); return the samples and the residual, zero outside."""
        samples = sampled(self._spline, self.grid, field)
        return samples, (self.reference - samples.value).mul_(samples.inside)

    def energy(self, residual: Tensor, weights: Tensor) -> Tensor:
        """Sum of `misfit` (...), in double precision."""
        return self.misfit(residual, weights).sum(dim=(-2, -1), dtype=torch.float64)

    def misfit(self, residual: Tensor, weights: Tensor) -> Tensor:
        """Huber's function of the weighted residual, (..., H, W); its tail grows as 2 T |e| - T^2."""
        size = residual.abs() * torch.sqrt(weights)
        if self.threshold == float("inf"):
            return size * size
        within = size.clamp(max=self.threshold)
        return size.mul_(2).sub_(within).mul_(within)

    def normal_equations(self, samples: Samples, residual: Tensor, weights: Tensor) -> tuple[DataTerm, Tensor]:
        """Blocks on the knots and the data's right side, both float64."""
        size = residual.abs() * torch.sqrt(weights)
        weights = weights * samples.inside * (self.threshold / size.clamp_(min=1e-12)).clamp_(max=1.0)
        lateral, axial = samples.lateral_gradient, samples.axial_gradient
        density = torch.stack([lateral * lateral, lateral * axial, axial * axial], -3).mul_(weights[..., None, :, :])
        diagonal, neighbour = self.grid.blocks(density)
        right = self.grid.gather(torch.stack([lateral, axial], -3).mul_((weights * residual)[..., None, :, :]))
        return DataTerm(diagonal.double(), None if neighbour is None else neighbour.double()), right.double()


def sampled(frames: SplineFrame, grid: KnotGrid, field: Tensor) -> Samples:
    """Sample frames (..., H, W) at a motion (..., 2, K, W)."""
    lateral, axial = grid.expand(field.to(frames.dtype)).unbind(-3)
    rows, lines = (torch.arange(size, dtype=frames.dtype, device=field.device) for size in (grid.height, frames.width))
    return frames.at(rows[:, None] + axial, lines + lateral)


class _State(NamedTuple):
    """Where fields are: what was found there of the frames and of the prior."""

    field: Tensor
    samples: Samples
    residual: Tensor
    sizes: Sizes
    expected: Tensor
    """Energy of the prior (...)."""


def gauss_newton(matching: Matching, prior: Prior, start: Tensor, bulk: Tensor, passes: Passes) -> Outcome:
    """Minimise from `start` (..., 2, K, W); the prior sees the field relative to `bulk`.

    It is over when every field has settled (`host.over`); where that is not asked, all passes and halvings are made
    and settled fields stay as they are.
    """

    def at(field: Tensor) -> _State:
        samples, residual = matching.sample(field)
        sizes = prior.sizes(field - bulk)
        return _State(field, samples, residual, sizes, prior.energy(sizes))

    state = at(start)
    share = torch.ones(start.shape[:-3], dtype=start.dtype, device=start.device)
    change_samples = torch.full_like(share, passes.change_samples)
    count, inner = torch.zeros_like(share), torch.zeros_like(share)
    for _ in range(passes.most):
        weights = matching.weigh(state.residual, state.samples.inside)
        data, right = matching.normal_equations(state.samples, state.residual, weights)
        terms = prior.terms(state.sizes)
        right = right - added(terms, torch.zeros_like(right), state.field - bulk)
        step, used = System(data, terms).solve(right, tolerance=passes.tolerance, iterations=passes.inner)
        count, inner = count + share, inner + used * (share > 0)
        before = matching.energy(state.residual, weights) + state.expected
        origin, change = state.field, step[..., 1, :, :].square().mean(dim=(-2, -1)).sqrt()
        step, pending = share[..., None, None, None] * step, share > 0
        for halving in range(HALVINGS + 1):
            length = 0.5**halving
            trial = at(torch.add(origin, step, alpha=length))
            lower = pending & (matching.energy(trial.residual, weights) + trial.expected <= before)
            state = _chosen(lower, trial, state)
            pending = pending & ~lower
            change = torch.where(pending, change / 2, change)
            if over(pending):
                break
        share = torch.where(pending, 0.0, fading(share, change, change_samples))
        if over(share):
            break
    return Outcome(state.field, count, inner)


def _chosen(where: Tensor, new: _State, old: _State) -> _State:
    """Take the new state of some fields, and the old one of the others."""
    if over(~where):
        return new
    if over(where):
        return old

    def pick(one: Tensor, other: Tensor) -> Tensor:
        return torch.where(where[(..., *[None] * (one.ndim - where.ndim))], one, other)

    return _State(
        pick(new.field, old.field),
        Samples(*map(pick, new.samples, old.samples)),
        pick(new.residual, old.residual),
        tuple(map(pick, new.sizes, old.sizes)),
        pick(new.expected, old.expected),
    )
