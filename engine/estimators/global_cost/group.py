"""One strain pattern in several frames: the reference is estimated with it, and each frame's noise is its own.

Frames that show one pattern V at amplitudes c_t, each with motion r_t of its own, are all noisy copies of one image S:

    I_0(x) = S(x) + n_0,      I_t(x + c_t V(x) + r_t(x)) = S(x) + n_t,      var n_t = v_t(x).

The most likely S is the mean of the motion-compensated frames with weights 1 / v_t. With it put in, Gauss-Newton in V
has the right side sum_t c_t g (S - I_t) / v_t and the matrix

    sum_t c_t^2 g g' / v_t  -  (sum_t c_t g / v_t) (sum_t c_t g / v_t)' / (sum_t 1 / v_t),

where g is the gradient of the compensated frame: the noise of the reference is shared by all frames and counted once,
so more frames never make V worse and the weight of the prior needs no tuning to their number. With one frame this is
GLUE's own matrix, 1 / (v_0 + v_1).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from engine.estimators.global_cost.prior import Prior
from engine.estimators.global_cost.slow_motion import slow_part
from engine.estimators.global_cost.solver import Matching, Outcome, Passes, gauss_newton
from engine.estimators.global_cost.spline import Samples, SplineFrame
from engine.estimators.global_cost.system import DataTerm, KnotGrid, System

NOISE_ROUNDS = 4
"""Rounds in which the frames' variances and the mean that they weigh are found together."""
FIRST_SHARE = 0.1
"""Share of the echoes' power from which these rounds start."""


@dataclass(frozen=True)
class Member:
    """One deformed frame: its spline, the amplitude c of the pattern in it, and its own motion r (2, K, W) on top.

    `slow` is the part of r that varies slowly over the frame, (2, K, W), which costs nothing.
    """

    frame: SplineFrame
    amplitude: float
    own: Tensor
    slow: Tensor

    @classmethod
    def of(cls, frame: SplineFrame, amplitude: float, motion: Tensor, pattern: Tensor) -> "Member":
        """Take the frame's own estimate (2, K, W) apart, as the first view of what it has besides the pattern."""
        own = motion - amplitude * pattern
        return cls(frame, amplitude, own, slow_part(own))

    def field(self, pattern: Tensor) -> Tensor:
        """Motion of this frame, (2, K, W)."""
        return self.amplitude * pattern + self.own

    def origin(self, pattern: Tensor) -> Tensor:
        """Motion from which the prior of its own counts: the pattern's part, and what varies slowly over the frame."""
        return self.amplitude * pattern + self.slow


@dataclass(frozen=True)
class Template:
    """The image that a group shows, (H, W), and what went into it.

    The three tuples begin with the reference: each frame's variance, its weight (zero where its motion leaves the
    frame), and the frame compensated for the motion with which this was made.
    """

    image: Tensor
    total_weight: Tensor
    variances: tuple[Tensor, ...]
    weights: tuple[Tensor, ...]
    compensated: tuple[Tensor, ...]

    def without(self, member: int) -> tuple[Tensor, Tensor]:
        """Template and its variance from all frames but one, which must not vote for its own motion."""
        weight = self.weights[member + 1]
        rest = self.total_weight - weight
        return (self.total_weight * self.image - weight * self.compensated[member + 1]) / rest, 1 / rest


@dataclass(frozen=True)
class Group:
    """Frames of one reference (H, W) on one device; `average` smooths a map over the window of local noise.

    `floor` is the least variance that is believed, `cell` the samples that tell one thing, `threshold` where Huber's
    function turns linear, in units of the weighted residual.
    """

    reference: Tensor
    grid: KnotGrid
    average: Callable[[Tensor], Tensor]
    floor: Tensor
    cell: float
    threshold: float

    def sample(self, member: Member, pattern: Tensor) -> Samples:
        """Sample a frame at its motion."""
        height, width = self.reference.shape
        rows = torch.arange(height, dtype=self.reference.dtype, device=self.reference.device)[:, None]
        lines = torch.arange(width, dtype=self.reference.dtype, device=self.reference.device)[None]
        lateral, axial = self.grid.expand(member.field(pattern)).to(self.reference.dtype)
        return member.frame.at(rows + axial, lines + lateral)

    def template(self, samples: Sequence[Samples]) -> Template:
        """Estimate image and variances together: E (I_t - S)^2 = v_t - 1 / sum of weights."""
        frames = torch.stack([self.reference, *(entry.value for entry in samples)])
        inside = torch.stack([torch.ones_like(self.reference), *(entry.inside.to(frames.dtype) for entry in samples)])
        share = torch.stack([self.average(mask) for mask in inside]).clamp(min=1e-3)
        variances = (FIRST_SHARE * self.average(self.reference**2) + self.floor).expand_as(frames)
        for _ in range(NOISE_ROUNDS):
            weights = inside / variances
            total = weights.sum(dim=0)
            image = (weights * frames).sum(dim=0) / total
            seen = torch.stack([self.average(square) for square in inside * (frames - image) ** 2]) / share
            variances = torch.maximum(seen + 1 / total, self.floor)
        weights = inside / variances
        return Template(image, weights.sum(dim=0), tuple(variances), tuple(weights), tuple(frames))

    def step(self, members: Sequence[Member], pattern: Tensor, prior: Prior, passes: Passes) -> tuple[Tensor, int]:
        """One Gauss-Newton step of the pattern, (2, K, W), and the inner iterations it took."""
        samples = [self.sample(member, pattern) for member in members]
        template = self.template(samples)
        square = torch.zeros(3, *self.reference.shape, dtype=self.reference.dtype, device=self.reference.device)
        linear, right = torch.zeros_like(square[:2]), torch.zeros_like(square[:2])
        for member, sample, variance in zip(members, samples, template.variances[1:], strict=True):
            residual = template.image - sample.value
            size = residual.abs() / torch.sqrt(self.cell * variance)
            weight = sample.inside * (self.threshold / size.clamp(min=1e-12)).clamp(max=1.0) / (self.cell * variance)
            lateral, axial = (
                member.amplitude * gradient for gradient in (sample.lateral_gradient, sample.axial_gradient)
            )
            square += weight * torch.stack([lateral * lateral, lateral * axial, axial * axial])
            linear += weight * torch.stack([lateral, axial])
            right += weight * residual * torch.stack([lateral, axial])
        shared = self.cell / template.total_weight
        square -= shared * torch.stack([linear[0] ** 2, linear[0] * linear[1], linear[1] ** 2])
        data = DataTerm(*self.grid.blocks(square.double()))
        force = self.grid.gather(right.double())
        terms = prior.terms(pattern)
        for term in terms:
            force = force - term.apply(pattern)
        return System(data, terms).solve(force, tolerance=passes.tolerance, iterations=passes.inner)

    def pattern(self, members: Sequence[Member], start: Tensor, prior: Prior, passes: Passes) -> Tensor:
        """Find the pattern that explains all members best, from a start (2, K, W)."""
        for _ in range(passes.most):
            step, _ = self.step(members, start, prior, passes)
            start = start + step
            if float(step[1].abs().max()) < passes.change_samples:
                break
        return start

    def alone(
        self,
        member: Member,
        against: tuple[Tensor, Tensor],
        variance: Tensor,
        motions: tuple[Tensor, Tensor],
        prior: Prior,
        passes: Passes,
    ) -> Outcome:
        """Find one frame's motion against a template and its variance.

        `motions` are where to start, and the motion from which the prior counts.
        """
        image, uncertainty = against
        weight = 1 / (self.cell * (variance + uncertainty))
        matching = Matching(image, member.frame, self.grid, lambda _residual, _inside: weight, self.threshold)
        start, origin = motions
        return gauss_newton(matching, prior, start, origin, passes)


def settled(
    group: Group, members: Sequence[Member], pattern: Tensor, prior_of: Callable[[Member], Prior], passes: Passes
) -> tuple[tuple[Member, ...], Template]:
    """Find each member's own motion anew around the pattern, each against a template of the others."""
    template = group.template([group.sample(member, pattern) for member in members])
    found = []
    for index, member in enumerate(members):
        outcome = group.alone(
            member,
            template.without(index),
            template.variances[index + 1],
            (member.field(pattern), member.origin(pattern)),
            prior_of(member),
            passes,
        )
        found.append(replace(member, own=outcome.field - member.amplitude * pattern))
    return tuple(found), template
