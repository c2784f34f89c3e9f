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

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from engine.estimators.global_cost.prior import Prior
from engine.estimators.global_cost.slow_motion import slow_part
from engine.estimators.global_cost.solver import Matching, Outcome, Passes, gauss_newton, sampled
from engine.estimators.global_cost.spline import Samples, SplineFrame
from engine.estimators.global_cost.system import DataTerm, KnotGrid, System, added

NOISE_ROUNDS = 4
"""Rounds in which the frames' variances and the mean that they weigh are found together."""
FIRST_SHARE = 0.1
"""Share of the echoes' power from which these rounds start."""

Places = slice | Sequence[int]


@dataclass(frozen=True)
class Members:
    """Deformed frames: splines, amplitudes c of the pattern (n, 1, 1, 1), and motions r of their own (n, 2, K, W).

    `slow` is the part of r that varies slowly over the frame, (n, 2, K, W), which costs nothing.
    """

    frames: SplineFrame
    amplitude: Tensor
    own: Tensor
    slow: Tensor

    @classmethod
    def of(cls, frames: SplineFrame, amplitude: Tensor, motion: Tensor, pattern: Tensor) -> Self:
        """Take the frames' own estimates (n, 2, K, W) apart, as the first view of what they have besides the pattern.

        The amplitudes are (n).
        """
        amplitude = amplitude[:, None, None, None]
        own = motion - amplitude * pattern
        return cls(frames, amplitude, own, slow_part(own))

    def slowly(self) -> Self:
        """Leave of their own motion what varies slowly: the rest is noise of their own estimates, or comes anew.

        It would hide from the pattern what it explains, and lead a frame only part of the way in a few passes.
        """
        return replace(self, own=self.slow)

    def __len__(self) -> int:
        return len(self.own)

    def __getitem__(self, places: Places) -> "Members":
        return Members(self.frames[places], self.amplitude[places], self.own[places], self.slow[places])

    def field(self, pattern: Tensor) -> Tensor:
        """Motion of these frames, (n, 2, K, W)."""
        return self.amplitude * pattern + self.own

    def origin(self, pattern: Tensor) -> Tensor:
        """Motion from which the prior of their own counts: the pattern's part, and what varies slowly over a frame."""
        return self.amplitude * pattern + self.slow


@dataclass(frozen=True)
class Template:
    """The image that a group shows, (H, W), and what went into it, (1 + n, H, W), beginning with the reference.

    That is each frame's variance, its weight (zero where its motion leaves the frame), and the frame compensated for
    the motion with which this was made.
    """

    image: Tensor
    total_weight: Tensor
    variances: Tensor
    weights: Tensor
    compensated: Tensor

    def without(self, members: Places) -> tuple[Tensor, Tensor]:
        """Template and its variance for each of some members, from all frames but it: none votes for its own motion."""
        weight = self.weights[1:][members]
        rest = self.total_weight - weight
        return (self.total_weight * self.image - weight * self.compensated[1:][members]) / rest, 1 / rest


@dataclass(frozen=True)
class Group:
    """Frames of one reference (H, W) on one device; `average` smooths maps over the window of local noise.

    `floor` is the least variance that is believed, `cell` the samples that tell one thing, `threshold` where Huber's
    function turns linear, in units of the weighted residual. `at_once` frames are computed together.
    """

    reference: Tensor
    grid: KnotGrid
    average: Callable[[Tensor], Tensor]
    floor: Tensor
    cell: float
    threshold: float
    at_once: int

    def parts(self, count: int) -> Iterator[slice]:
        """Split frames into groups that are computed together."""
        return (slice(first, min(first + self.at_once, count)) for first in range(0, count, self.at_once))

    def sample(self, members: Members, pattern: Tensor) -> Samples:
        """Sample frames at their motion."""
        parts = [
            sampled(some.frames, self.grid, some.field(pattern))
            for some in (members[part] for part in self.parts(len(members)))
        ]
        return Samples(*(torch.cat(entries) for entries in zip(*parts, strict=True)))

    def template(self, samples: Samples) -> Template:
        """Estimate image and variances together: E (I_t - S)^2 = v_t - 1 / sum of weights."""
        frames = torch.cat([self.reference[None], samples.value])
        inside = torch.cat([torch.ones_like(self.reference)[None], samples.inside.to(frames.dtype)])
        share = self._averaged(inside).clamp_(min=1e-3)
        variances = (FIRST_SHARE * self.average(self.reference**2) + self.floor).expand_as(frames)
        for _ in range(NOISE_ROUNDS):
            weights = inside / variances
            total = weights.sum(dim=0)
            image = (weights * frames).sum(dim=0) / total
            seen = self._averaged((frames - image).square_().mul_(inside)).div_(share)
            variances = torch.maximum(seen.add_(1 / total), self.floor)
        weights = inside / variances
        return Template(image, weights.sum(dim=0), variances, weights, frames)

    def _averaged(self, maps: Tensor) -> Tensor:
        return torch.cat([self.average(maps[part]) for part in self.parts(len(maps))])

    def linearised(self, members: Members, pattern: Tensor) -> tuple[DataTerm, Tensor]:
        """Blocks on the knots and the right side of a Gauss-Newton step of the pattern, both double."""
        samples = self.sample(members, pattern)
        template = self.template(samples)
        square = self.reference.new_zeros(3, *self.reference.shape)
        linear, right = torch.zeros_like(square[:2]), torch.zeros_like(square[:2])
        for part in self.parts(len(members)):
            variance = self.cell * template.variances[1:][part]
            amplitude = members.amplitude[part, 0].to(variance.dtype)
            residual = template.image - samples.value[part]
            size = residual.abs() / torch.sqrt(variance)
            weight = samples.inside[part] * (self.threshold / size.clamp(min=1e-12)).clamp(max=1.0) / variance
            lateral, axial = (amplitude * entry[part] for entry in (samples.lateral_gradient, samples.axial_gradient))
            square += torch.stack([lateral * lateral, lateral * axial, axial * axial], 1).mul_(weight[:, None]).sum(0)
            gradients = torch.stack([lateral, axial], 1).mul_(weight[:, None])
            linear += gradients.sum(0)
            right += gradients.mul_(residual[:, None]).sum(0)
        shared = self.cell / template.total_weight
        square -= shared * torch.stack([linear[0] ** 2, linear[0] * linear[1], linear[1] ** 2])
        return DataTerm(*self.grid.blocks(square.double())), self.grid.gather(right.double())

    def pattern(self, members: Members, start: Tensor, priors: Sequence[Prior], passes: Passes) -> Tensor:
        """Find the pattern that explains all members best, from a start (2, K, W).

        Frames are sampled once for each prior, whose weights are then found `passes.most` times.
        """
        for prior in priors:
            data, force = self.linearised(members, start)
            stencil = data.stencil()
            for _ in range(passes.most):
                terms = prior.terms(prior.sizes(start))
                right = force - added(terms, torch.zeros_like(force), start)
                step, _ = System(data, terms).solve(right, tolerance=passes.tolerance, iterations=passes.inner)
                start, force = start + step, force - stencil.apply(step)
        return start

    def alone(
        self,
        members: Members,
        against: tuple[Tensor, Tensor],
        variance: Tensor,
        motions: tuple[Tensor, Tensor],
        prior: Prior,
        passes: Passes,
    ) -> Outcome:
        """Find each frame's motion against its template and that one's variance.

        `motions` are where to start, and the motion from which the prior counts.
        """
        image, uncertainty = against
        weight = 1 / (self.cell * (variance + uncertainty))
        matching = Matching(image, members.frames, self.grid, lambda _residual, _inside: weight, self.threshold)
        start, origin = motions
        return gauss_newton(matching, prior, start, origin, passes)


def settled(
    group: Group, members: Members, pattern: Tensor, prior_of: Callable[[Members], Prior], passes: Passes
) -> tuple[Members, Template]:
    """Find each member's own motion anew around the pattern, each against a template of the others."""
    template = group.template(group.sample(members, pattern))
    fields = []
    for part in group.parts(len(members)):
        some = members[part]
        motions = (some.field(pattern), some.origin(pattern))
        outcome = group.alone(
            some, template.without(part), template.variances[1:][part], motions, prior_of(some), passes
        )
        fields.append(outcome.field)
    return replace(members, own=torch.cat(fields) - members.amplitude * pattern), template
