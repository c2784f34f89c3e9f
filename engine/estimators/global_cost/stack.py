"""The common pattern of a recording and each frame's own motion around it, with the guard that gives answers back."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from engine.device import frames_at_once
from engine.estimators.global_cost.group import Group, Members, Template, settled
from engine.estimators.global_cost.guard import Guard
from engine.estimators.global_cost.momentum import EDGES_OF_A_PATTERN
from engine.estimators.global_cost.noise_filter import Spectrum, echo_gain
from engine.estimators.global_cost.prior import Prior
from engine.estimators.global_cost.solver import Matching, Passes, sampled
from engine.estimators.global_cost.spline import Samples, SplineFrame
from engine.estimators.global_cost.tuned import TunedEnergy, TunedParameters
from engine.estimators.global_cost.weights import ResidualWeights, mean_strain
from engine.numerics.gaps import filled
from engine.numerics.host import over
from engine.numerics.warp import inside, warp
from engine.on_device import MotionBatch, PairBatch
from engine.preprocess.alignment import bulk_motions
from engine.types import NOISE_SHARE, Geometry, Map

PATTERN_PASSES = Passes(3, tolerance=2e-2, inner=30)
OWN_PASSES = Passes(2, tolerance=2e-2, inner=30)
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
    """Energy of GLUE, those of the pattern in turn, their priors relative to these, and how much worse a fit may be."""

    energy: TunedParameters
    stages: tuple[TunedParameters, ...]
    pattern_smoothness: float
    own_smoothness: float
    guard: float


def on_knots(motion: Tensor, geometry: Geometry, params: TunedParameters) -> Tensor:
    """Sample motions (n, 2, H, W) on the knots of the energy, (n, 2, K, W), their gaps filled."""
    return TunedEnergy(params, geometry, motion.shape[-2]).grid.restrict(filled(motion))


@dataclass(frozen=True)
class Stack:
    """What is known of a recording once its pattern is found; call it with frames, their pairs and own estimates.

    Without a pattern (fewer than two frames that match the reference) every frame keeps its own estimate.
    """

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
        found = cls(geometry, plan, device, gain, group, None, nothing, {}, None, None)
        own, frames = found.own(kept, evidence), SplineFrame.of(deformed.filtered(gain))
        del batch, deformed  # the splines are what is kept of the frames
        compensated = (sampled(frames[part], group.grid, own[part]) for part in group.parts(len(evidence)))
        alike = torch.cat([resembles(group.reference, samples) for samples in compensated])
        used = alike.nonzero()[:, 0].tolist()
        strains = mean_strain(group.grid.expand(own[used])[:, 1].float())
        if len(used) < 2 or not strains.any():
            return found
        strongest = strains[strains.abs().argmax()]
        found = replace(found, strongest=strongest, places={evidence[place]: at for at, place in enumerate(used)})
        pattern = _start(own[used], strains, strongest)
        members = Members.of(frames[used], strains / strongest, own[used], pattern).slowly()
        axial, height = group.grid.expand(pattern)[1].float(), group.grid.height
        energies = (TunedEnergy(stage, geometry, height, EDGES_OF_A_PATTERN) for stage in plan.stages)
        priors = [energy.prior(axial, plan.pattern_smoothness) for energy in energies]
        pattern = group.pattern(members, pattern, priors, PATTERN_PASSES)
        members, template = settled(group, members, pattern, found.prior_of(pattern, 1.0), OWN_PASSES)
        return replace(found, pattern=pattern, members=members, template=template)

    @property
    def energy(self) -> TunedEnergy:
        """GLUE's energy for these frames."""
        return TunedEnergy(self.plan.energy, self.geometry, self.group.grid.height)

    def __call__(self, frames: Sequence[int], batch: PairBatch, kept: Mapping[int, Map]) -> MotionBatch:
        """Motion of frames: the pattern's where that explains a frame, else the frame's own."""
        known = [place for place, frame in enumerate(frames) if frame in self.places]
        others = [place for place in range(len(frames)) if place not in known]
        own, deformed = self.own(kept, frames), batch.deformed

        def sought() -> Iterator[tuple[list[int], Sought]]:
            if known:
                yield known, self._member([self.places[frames[place]] for place in known])
            if others:
                yield others, self._newcomer(deformed[others], own[others])

        return self._answers(own, sought() if self.pattern is not None else ())

    def carried(self, frames: Sequence[int], batch: PairBatch, kept: Mapping[int, Map]) -> MotionBatch:
        """Motion of pairs whose references are other frames: tissue takes the pattern along to where it is in these.

        Bulk motion finds that place well enough. A pair whose reference does not resemble the pattern's keeps its own
        estimate.
        """
        own = self.own(kept, frames)
        if self.pattern is None:
            return self._answers(own, ())
        reference, deformed = (Spectrum.of(entry).filtered(self.gain) for entry in batch.frames)
        first, grid = self.group.reference, self.group.grid
        back = bulk_motions(PairBatch(reference, first.expand_as(reference), self.geometry)).motion
        alike = resembles(reference, sampled(SplineFrame.of(first), grid, grid.restrict(back.double())))
        some = alike.expand(len(frames)).nonzero()[:, 0].tolist()
        if not some:
            return self._answers(own, ())
        back, reference = (entry.expand(len(frames), *entry.shape[1:])[some] for entry in (back, reference))
        pattern = grid.expand(self.pattern[None]).float().expand_as(back)
        carried = grid.restrict(warp(pattern, back, "bilinear")).double()
        return self._answers(own, [(some, self._elsewhere(reference, deformed[some], own[some], carried))])

    def _answers(self, own: Tensor, asked: "Iterable[tuple[list[int], Sought]]") -> MotionBatch:
        """Answer for the places of each `asked`; all others keep their own estimates (n, 2, K, W)."""
        field = own.clone()
        share, noise = own.new_zeros(len(own)), own.new_full((len(own),), torch.nan)
        for some, sought in asked:
            field[some], share[some], noise[some] = self._explained(sought, own[some])
        motion = self.group.grid.expand(field).float()
        return MotionBatch(
            torch.where(inside(motion, margin=1.0), motion, torch.nan), {"stacked": share, NOISE_SHARE: noise}
        )

    def own(self, kept: Mapping[int, Map], frames: Sequence[int]) -> Tensor:
        """Return the frames' own estimates on the knots, (n, 2, K, W) float64."""
        return torch.from_numpy(np.stack([kept[frame] for frame in frames])).to(self.device).double()

    def prior_of(self, pattern: Tensor, relaxed: float) -> "OwnPrior":
        """Prior of what members have of their own."""
        return OwnPrior(self.energy, pattern, relaxed * self.plan.own_smoothness)

    def _explained(self, sought: "Sought", own: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return fields that explain frames, how much of each is the pattern's (1, .., 0 its own), and their noise."""
        weight = 1 / (self.group.cell * sought.alone)
        members, pattern = sought.members, sought.pattern
        matching = Matching(sought.reference, members.frames, self.group.grid, lambda *_: weight, self.group.threshold)
        guard = Guard(matching, own, self.plan.guard, self.geometry)
        field, share, unexplained = own, own.new_zeros(len(own)), own.new_ones(len(own))
        start, origin = members.field(pattern), members.origin(pattern)
        for relaxed in (None, RELAXED) if sought.settled else (1.0, RELAXED):
            if relaxed is not None:
                prior = self.prior_of(pattern, relaxed)(members)
                motions = (start, origin)
                start = self.group.alone(members, sought.against, sought.variance, motions, prior, OWN_PASSES).field
            explained = unexplained * guard.trust(start)
            field = field + explained[:, None, None, None] * (start - own)
            share = share + explained * (1.0 if relaxed is None else relaxed)
            unexplained = unexplained - explained
            if over(unexplained):
                break
        return field, share, self._noise_share(members.amplitude[:, 0], sought.alone, share)

    def _noise_share(self, amplitude: Tensor, alone: Tensor, share: Tensor) -> Tensor:
        """Return the noise of frames (n) over what each would have alone; NaN where it keeps its own estimate.

        That is the pattern's noise at their amplitudes (n, 1, 1), and what their prior leaves of their own.
        """
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

    def _member(self, places: Sequence[int]) -> "Sought":
        """Ask for members, whose own motion has settled already."""
        assert self.pattern is not None
        assert self.template is not None
        assert self.members is not None
        variance, against = self.template.variances[1:][places], self.template.without(places)
        alone = variance + self.template.variances[0]
        return Sought(self.group.reference, self.members[places], self.pattern, against, variance, alone, settled=True)

    def _newcomer(self, deformed: Tensor, own: Tensor) -> "Sought":
        """Ask for other frames of the same reference, matched against the template."""
        assert self.pattern is not None
        assert self.template is not None
        frames = SplineFrame.of(Spectrum.of(deformed).filtered(self.gain))
        members = Members.of(frames, self._amplitude(own), own, self.pattern)
        uncertainty = 1 / self.template.total_weight
        seen = self.group.average((self.group.sample(members, self.pattern).value - self.template.image).square_())
        variance = torch.maximum(seen - uncertainty, self.group.floor)
        alone = variance + self.template.variances[0]
        return Sought(self.group.reference, members, self.pattern, (self.template.image, uncertainty), variance, alone)

    def _elsewhere(self, reference: Tensor, deformed: Tensor, own: Tensor, pattern: Tensor) -> "Sought":
        """Ask for pairs of filtered frames (n, H, W), with the pattern (n, 2, K, W) where it is in each reference."""
        members = Members.of(SplineFrame.of(deformed), self._amplitude(own), own, pattern).slowly()
        samples = sampled(members.frames, self.group.grid, own)
        weights = ResidualWeights(reference, self.geometry)
        alone = 1 / (self.group.cell * weights((reference - samples.value) * samples.inside, samples.inside))
        return Sought(reference, members, pattern, (reference, torch.zeros_like(alone)), alone, alone)

    def _amplitude(self, own: Tensor) -> Tensor:
        return mean_strain(self.group.grid.expand(own)[:, 1].float()) / self.strongest


@dataclass(frozen=True)
class Sought:
    """Pairs whose motion around a pattern (..., 2, K, W) is sought.

    They are judged by their reference images, with the noise that a pair has `alone`; found they are against an image
    and its variance, with their own `variance`. Each is (H, W) or (n, H, W).
    """

    reference: Tensor
    members: Members
    pattern: Tensor
    against: tuple[Tensor, Tensor]
    variance: Tensor
    alone: Tensor
    settled: bool = False
    """Whether their own motion is found already."""


def resembles(image: Tensor, samples: Samples) -> Tensor:
    """Say of motion-compensated frames (n, H, W) whether they resemble an image at all, (n)."""
    first, second = image * samples.inside, samples.value * samples.inside
    product, one, other = ((a * b).sum(dim=(-2, -1)) for a, b in ((first, second), (first, first), (second, second)))
    return (product > LEAST_CORRELATION * torch.sqrt(one * other)) & (samples.inside.sum(dim=(-2, -1)) > 1)


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
