"""The common pattern of a recording and each frame's own motion around it, with the guard that gives answers back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from engine.device import frames_at_once
from engine.estimators.global_cost.group import Group, Members, Template, settled
from engine.estimators.global_cost.momentum import EDGES_OF_A_PATTERN
from engine.estimators.global_cost.noise_filter import Spectrum, echo_gain
from engine.estimators.global_cost.prior import Prior
from engine.estimators.global_cost.solver import Matching, Passes, sampled
from engine.estimators.global_cost.spline import SplineFrame
from engine.estimators.global_cost.tuned import TunedEnergy, TunedParameters
from engine.estimators.global_cost.weights import ResidualWeights, mean_strain
from engine.numerics.gaps import filled
from engine.numerics.host import over
from engine.numerics.warp import inside
from engine.on_device import MotionBatch, PairBatch
from engine.types import NOISE_SHARE, Geometry, Map

PATTERN_PASSES = Passes(3, tolerance=2e-2, inner=60)
OWN_PASSES = Passes(2, tolerance=2e-2, inner=60)
ROUNDS = 1
"""Rounds of own motions, then pattern, before the own motions are found for good."""
RELAXED = 0.25
"""Factor of the own motions' prior that is tried when a frame does not fit the pattern.

As free as in GLUE (1 / 16), frames came out worse than their own estimates on training recordings: residuals are
correlated with the template, so that the noise seems smaller than it is.
"""
LEAST_CORRELATION = 0.3
"""Correlation of reference and compensated frame below which a frame is no evidence of the pattern."""
OWN_NOISE_POWER = 0.4
"""Power with which a stronger prior takes noise out of what a frame has of its own: found on training recordings.

One half were that of squared second differences, which do not see edges.
"""
LEAST_AMPLITUDE = 0.02
"""Amplitude, relative to the strongest frame's, below which a frame gives the pattern no start."""
STRAIN_NOISE, STRAIN_BLUR = 3e-4, 0.01
"""Deviation of one frame's strain, and relative one that does not fall with strain; weights of the start."""


@dataclass(frozen=True)
class StackPlan:
    """Energies of GLUE and of the pattern, their priors relative to these, and how much worse a fit may be."""

    energy: TunedParameters
    pattern_energy: TunedParameters
    pattern_smoothness: float
    own_smoothness: float
    guard: float


def on_knots(motion: Tensor, geometry: Geometry, params: TunedParameters) -> Tensor:
    """Sample motions (n, 2, H, W) on the knots of the energy, (n, 2, K, W), their gaps filled."""
    return TunedEnergy(params, geometry, motion.shape[-2]).grid.restrict(filled(motion))


@dataclass(frozen=True)
class Stack:
    """What is known of a recording once its pattern is found; call it with frames and their pairs for their motion.

    Without a pattern (fewer than two frames that match the reference) every frame keeps its own estimate.
    """

    kept: Mapping[int, Map]
    geometry: Geometry
    plan: StackPlan
    device: torch.device
    gain: Tensor
    group: Group
    pattern: Tensor | None
    strongest: Tensor
    places: Mapping[int, int]
    """Place of each frame that is a member."""
    members: Members | None
    template: Template | None

    @classmethod
    def of(
        cls,
        batch_of: Callable[[Sequence[int]], PairBatch],
        kept: Mapping[int, Map],
        evidence: Sequence[int],
        plan: StackPlan,
    ) -> "Stack":
        """Find the pattern from the frames `evidence`; all pairs share one reference (H, W)."""
        batch = batch_of(evidence)
        device, geometry = batch.deformed.device, batch.geometry
        reference, deformed = Spectrum.of(batch.reference), Spectrum.of(batch.deformed)
        gain = echo_gain(reference.power[0] + deformed.power.sum(dim=0))
        group = _group(reference.filtered(gain)[0], geometry, plan)
        nothing = torch.zeros((), dtype=torch.float64, device=device)
        found = cls(kept, geometry, plan, device, gain, group, None, nothing, {}, None, None)
        own, frames = found.own(evidence), SplineFrame.of(deformed.filtered(gain))
        alike = torch.cat([found.matches(frames[part], own[part]) for part in group.parts(len(evidence))])
        used = alike.nonzero()[:, 0].tolist()
        strains = mean_strain(group.grid.expand(own[used])[:, 1].float())
        if len(used) < 2 or not strains.any():
            return found
        strongest = strains[strains.abs().argmax()]
        found = replace(found, strongest=strongest, places={evidence[place]: at for at, place in enumerate(used)})
        pattern = _start(own[used], strains, strongest)
        members = Members.of(frames[used], strains / strongest, own[used], pattern)
        for _ in range(ROUNDS):
            members, _ = settled(group, members, pattern, found.prior_of(pattern, 1.0), OWN_PASSES)
            prior = found.pattern_energy.prior(group.grid.expand(pattern)[1].float(), plan.pattern_smoothness)
            pattern = group.pattern(members, pattern, prior, PATTERN_PASSES)
        members, template = settled(group, members, pattern, found.prior_of(pattern, 1.0), OWN_PASSES)
        return replace(found, pattern=pattern, members=members, template=template)

    @property
    def energy(self) -> TunedEnergy:
        """GLUE's energy for these frames."""
        return TunedEnergy(self.plan.energy, self.geometry, self.group.grid.height)

    @property
    def pattern_energy(self) -> TunedEnergy:
        """Energy of the pattern, whose edges are found from all frames."""
        return TunedEnergy(self.plan.pattern_energy, self.geometry, self.group.grid.height, EDGES_OF_A_PATTERN)

    def __call__(self, frames: Sequence[int], batch: PairBatch) -> MotionBatch:
        """Motion of frames: the pattern's where that explains a frame, else the frame's own."""
        field = self.own(frames)
        share, noise = field.new_zeros(len(frames)), field.new_full((len(frames),), torch.nan)
        if self.pattern is not None:
            for known in (True, False):
                some = [place for place, frame in enumerate(frames) if (frame in self.places) is known]
                if some:
                    members = [self.places[frames[place]] for place in some] if known else None
                    field[some], share[some], noise[some] = self._explained(members, batch.deformed[some], field[some])
        motion = self.group.grid.expand(field).float()
        return MotionBatch(
            torch.where(inside(motion, margin=1.0), motion, torch.nan), {"stacked": share, NOISE_SHARE: noise}
        )

    def own(self, frames: Sequence[int]) -> Tensor:
        """Return the frames' own estimates on the knots, (n, 2, K, W) float64."""
        return torch.from_numpy(np.stack([self.kept[frame] for frame in frames])).to(self.device).double()

    def matches(self, frames: SplineFrame, field: Tensor) -> Tensor:
        """Say of frames (n) whether they resemble the reference at all once compensated for a motion (n, 2, K, W)."""
        samples = sampled(frames, self.group.grid, field)
        first, second = self.group.reference * samples.inside, samples.value * samples.inside
        product, one, other = (
            (a * b).sum(dim=(-2, -1)) for a, b in ((first, second), (first, first), (second, second))
        )
        return (product > LEAST_CORRELATION * torch.sqrt(one * other)) & (samples.inside.sum(dim=(-2, -1)) > 1)

    def prior_of(self, pattern: Tensor, relaxed: float) -> "OwnPrior":
        """Prior of what members have of their own."""
        return OwnPrior(self.energy, pattern, relaxed * self.plan.own_smoothness)

    def _explained(self, places: Sequence[int] | None, deformed: Tensor, own: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return fields that explain frames, how much of each is the pattern's (1, .., 0 its own), and their noise.

        They are those of the members at these places, or no members.
        """
        assert self.pattern is not None
        assert self.template is not None
        if places is None:
            members, against, variance = self._newcomers(deformed, own)
        else:
            assert self.members is not None
            members, against = self.members[places], self.template.without(places)
            variance = self.template.variances[1:][places]
        weight = 1 / (self.group.cell * (variance + self.template.variances[0]))
        matching = Matching(
            self.group.reference, members.frames, self.group.grid, lambda *_: weight, self.group.threshold
        )
        guard = Guard(matching, own, self.plan.guard, self.geometry)
        field, share = own, own.new_zeros(len(own))
        unexplained = torch.ones_like(share, dtype=torch.bool)
        start, origin = members.field(self.pattern), members.origin(self.pattern)
        for relaxed in (None, RELAXED) if places is not None else (1.0, RELAXED):
            if relaxed is not None:
                prior = self.prior_of(self.pattern, relaxed)(members)
                start = self.group.alone(members, against, variance, (start, origin), prior, OWN_PASSES).field
            allowed = unexplained & guard.allows(start)
            field = torch.where(allowed[:, None, None, None], start, field)
            share = torch.where(allowed, 1.0 if relaxed is None else relaxed, share)
            unexplained = unexplained & ~allowed
            if over(unexplained):
                break
        return field, share, self._noise_share(members.amplitude[:, 0], variance, share)

    def _noise_share(self, amplitude: Tensor, variance: Tensor, share: Tensor) -> Tensor:
        """Return the noise of frames (n) over what each would have alone; NaN where it keeps its own estimate.

        That is the pattern's noise at their amplitudes (n, 1, 1), and what their prior leaves of their own.
        """
        assert self.template is not None
        alone = variance + self.template.variances[0]
        pattern = (amplitude.square() / (self.information * alone)).flatten(1).median(dim=1).values
        own = (share * self.plan.own_smoothness).pow(-OWN_NOISE_POWER).clamp(max=1.0)
        return torch.where(share > 0, torch.hypot(pattern.sqrt(), own), torch.nan)

    @cached_property
    def information(self) -> Tensor:
        """What all members tell of the pattern, (H, W): the inverse of its variance in units of a frame's."""
        assert self.members is not None
        assert self.template is not None
        amplitude, weights = self.members.amplitude[:, 0], self.template.weights[1:]
        linear = (amplitude * weights).sum(dim=0)
        return (amplitude.square() * weights).sum(dim=0) - linear.square() / self.template.total_weight

    def _newcomers(self, deformed: Tensor, own: Tensor) -> tuple[Members, tuple[Tensor, Tensor], Tensor]:
        """Return frames as members, the template to match them against with its variance, and their own variance."""
        assert self.pattern is not None
        assert self.template is not None
        frames = SplineFrame.of(Spectrum.of(deformed).filtered(self.gain))
        amplitude = mean_strain(self.group.grid.expand(own)[:, 1].float()) / self.strongest
        members = Members.of(frames, amplitude, own, self.pattern)
        uncertainty = 1 / self.template.total_weight
        seen = self.group.average((self.group.sample(members, self.pattern).value - self.template.image).square_())
        return members, (self.template.image, uncertainty), torch.maximum(seen - uncertainty, self.group.floor)


class Guard:
    """Whether fields explain frames about as well as the frames' own estimates: as a whole, and everywhere.

    `share` is how much worse the whole may be, as a fraction; no patch of `PATCH_M` may be `LOCALLY` times that worse.
    A few independent cells always are: own estimates follow their noise.
    """

    PATCH_M = 4e-3
    LOCALLY = 10.0

    def __init__(self, matching: Matching, own: Tensor, share: float, geometry: Geometry) -> None:
        self._matching = matching
        self._share = share
        rows, lines = (max(round(self.PATCH_M / size), 1) for size in (geometry.axial_spacing_m, geometry.pitch_m))
        height, width = matching.reference.shape[-2:]
        self._patch = (min(rows, height), min(lines, width))
        self._own, self._own_patches = self._misfit(own)

    def allows(self, field: Tensor) -> Tensor:
        """Compare the misfit of fields (n, 2, K, W) with the own estimates', (n)."""
        whole, patches = self._misfit(field)
        worse = ((patches - self._own_patches) / self._own_patches.clamp(min=1e-12)).amax(dim=(-3, -2, -1))
        return (whole <= (1 + self._share) * self._own) & (worse <= self.LOCALLY * self._share)

    def _misfit(self, field: Tensor) -> tuple[Tensor, Tensor]:
        samples, residual = self._matching.sample(field)
        misfit = self._matching.misfit(residual, self._matching.weigh(residual, samples.inside))
        stride = [max(size // 4, 1) for size in self._patch]
        patches = torch.nn.functional.avg_pool2d(misfit[:, None], self._patch, stride)
        return misfit.sum(dim=(-2, -1), dtype=torch.float64), patches


@dataclass(frozen=True)
class OwnPrior:
    """Prior of members' own motion at the scale of the pattern's part in it."""

    energy: TunedEnergy
    pattern: Tensor
    factor: float

    def __call__(self, members: Members) -> Prior:
        """Return the prior of these members."""
        fields = self.energy.grid.expand(members.amplitude * self.pattern)
        return self.energy.prior(fields[:, 1].float(), self.factor)


def _group(reference: Tensor, geometry: Geometry, plan: StackPlan) -> Group:
    height, width = reference.shape
    energy, weights = TunedEnergy(plan.energy, geometry, height), ResidualWeights(reference, geometry)
    at_once = frames_at_once((height, width), reference.device)
    return Group(reference, energy.grid, weights.mean, weights.floor, energy.cell, energy.threshold, at_once)


def _start(own: Tensor, strains: Tensor, strongest: Tensor) -> Tensor:
    """Mean of the frames' estimates over their amplitudes, each with the weight of its relative accuracy."""
    amplitude = strains / strongest
    weight = 1 / (STRAIN_BLUR**2 + (STRAIN_NOISE / strains) ** 2)
    weight = torch.where(amplitude.abs() >= LEAST_AMPLITUDE, weight, 0.0)
    share = torch.where(weight > 0, weight / amplitude, 0.0)[:, None, None, None]
    return (share * own).sum(dim=0) / weight.sum()
