"""The common pattern of a recording and each frame's own motion around it, with the guard that gives answers back."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from engine.estimators.global_cost.group import Group, Member, Template, settled
from engine.estimators.global_cost.noise_filter import EchoFilter
from engine.estimators.global_cost.prior import Prior
from engine.estimators.global_cost.solver import Matching, Passes
from engine.estimators.global_cost.spline import SplineFrame
from engine.estimators.global_cost.system import KnotGrid
from engine.estimators.global_cost.tuned import TunedEnergy, TunedParameters
from engine.estimators.global_cost.weights import ResidualWeights, mean_strain
from engine.numerics.gaps import fill_gaps, without_far_outside
from engine.types import Displacement, FramePair, Geometry, Map

PATTERN_PASSES = Passes(3, tolerance=2e-2, inner=60)
OWN_PASSES = Passes(2, tolerance=2e-2, inner=60)
ROUNDS = 1
"""Rounds of own motions, then pattern, before the own motions are found for good."""
RELAXED = (0.25, 1 / 16)
"""Factors of the own motions' prior that are tried when a frame does not fit the pattern."""
LEAST_CORRELATION = 0.3
"""Correlation of reference and compensated frame below which a frame is no evidence of the pattern."""
LEAST_AMPLITUDE = 0.02
"""Amplitude, relative to the strongest frame's, below which a frame gives the pattern no start."""
STRAIN_NOISE, STRAIN_BLUR = 3e-4, 0.01
"""Deviation of one frame's strain, and relative one that does not fall with strain; weights of the start."""


@dataclass(frozen=True)
class StackPlan:
    """Energy of GLUE, the priors of pattern and own motions relative to GLUE's, and how much worse a fit may be."""

    energy: TunedParameters
    pattern_smoothness: float
    own_smoothness: float
    guard: float


def on_knots(displacement: Displacement, params: TunedParameters) -> Map:
    """Sample a displacement on the knots of the energy, (2, K, W) float32, its gaps filled."""
    axial, lateral = (fill_gaps(entry) for entry in (displacement.axial_samples, displacement.lateral_lines))
    grid = TunedEnergy(params, displacement.geometry, axial.shape[0]).grid
    return grid.restrict(torch.as_tensor(np.stack([lateral, axial]))).numpy()


@dataclass(frozen=True)
class Stack:
    """What is known of a recording once its pattern is found; iterate it for every frame and its displacement.

    Without a pattern (fewer than two frames that match the reference) every frame keeps its own estimate.
    """

    pair_of: Callable[[int], FramePair]
    kept: Mapping[int, Map]
    geometry: Geometry
    plan: StackPlan
    device: torch.device
    echoes: EchoFilter
    group: Group
    pattern: Tensor | None
    strongest: float
    members: Mapping[int, Member]
    template: Template | None

    @classmethod
    def of(
        cls,
        pair_of: Callable[[int], FramePair],
        kept: Mapping[int, Map],
        evidence: Sequence[int],
        plan: StackPlan,
        device: torch.device,
    ) -> "Stack":
        """Find the pattern from the frames `evidence`; all pairs share one reference (H, W)."""
        pairs = [pair_of(place) for place in evidence]
        reference, geometry = pairs[0].reference, pairs[0].geometry
        deformed = [pair.deformed for pair in pairs]
        echoes = EchoFilter.of([reference, *deformed])
        filtered = echoes.apply([reference, *deformed])
        group = _group(torch.as_tensor(filtered[0], device=device), geometry, plan)
        found = cls(pair_of, kept, geometry, plan, device, echoes, group, None, 0.0, {}, None)
        own = {place: found.own(place) for place in evidence}
        strains = {place: mean_strain(_axial(group.grid, own[place])) for place in evidence}
        frames = {
            place: SplineFrame.of(torch.as_tensor(frame, device=device))
            for place, frame in zip(evidence, filtered[1:], strict=True)
        }
        used = [place for place in evidence if found.matches(frames[place], own[place])]
        strongest = max((strains[place] for place in used), key=abs, default=0.0)
        if len(used) < 2 or strongest == 0.0:
            return found
        amplitudes = {place: strains[place] / strongest for place in used}
        pattern = _start([own[place] for place in used], [strains[place] for place in used], strongest)
        members: Sequence[Member] = [Member.of(frames[place], amplitudes[place], own[place], pattern) for place in used]
        found = replace(found, strongest=strongest)
        for _ in range(ROUNDS):
            members, _ = settled(group, members, pattern, found.prior_of(pattern, 1.0), OWN_PASSES)
            prior = found.energy.prior(_axial(group.grid, pattern), plan.pattern_smoothness)
            pattern = group.pattern(members, pattern, prior, PATTERN_PASSES)
        members, template = settled(group, members, pattern, found.prior_of(pattern, 1.0), OWN_PASSES)
        return replace(found, pattern=pattern, members=dict(zip(used, members, strict=True)), template=template)

    @property
    def energy(self) -> TunedEnergy:
        """GLUE's energy for these frames."""
        return _energy(self.group.reference, self.geometry, self.plan)

    def __iter__(self) -> Iterator[tuple[int, Displacement]]:
        for place in self.kept:
            yield place, self.displacement(place)

    def displacement(self, place: int) -> Displacement:
        """Displacement of one frame: the pattern's where that explains the frame, else the frame's own."""
        own = self.own(place)
        field, share = own, 0.0
        if self.pattern is not None and self.template is not None:
            field, share = self._explained(place, own)
        lateral, axial = without_far_outside(self.group.grid.expand(field).float().cpu().numpy())
        return Displacement.from_samples(axial, lateral, self.geometry, {"stacked": share})

    def own(self, place: int) -> Tensor:
        """Return a frame's own estimate on the knots, float64."""
        return torch.as_tensor(self.kept[place], dtype=torch.float64, device=self.device)

    def matches(self, frame: SplineFrame, field: Tensor) -> bool:
        """Whether a frame compensated for a motion resembles the reference at all."""
        still = torch.zeros_like(field)
        samples = self.group.sample(Member(frame, 0.0, field, still), still)
        first, second = self.group.reference[samples.inside], samples.value[samples.inside]
        if first.numel() < 2:
            return False
        power = torch.sqrt(torch.sum(first**2) * torch.sum(second**2))
        return bool(torch.sum(first * second) > LEAST_CORRELATION * power)

    def prior_of(self, pattern: Tensor, relaxed: float) -> "OwnPrior":
        """Prior of what a member has of its own."""
        return OwnPrior(self.energy, pattern, relaxed * self.plan.own_smoothness)

    def _explained(self, place: int, own: Tensor) -> tuple[Tensor, float]:
        """Return the field that explains the frame, and how much of it is the pattern's (1, .., 0 its own)."""
        assert self.pattern is not None
        assert self.template is not None
        member, against, variance = self._placed(place, own)
        weight = 1 / (self.group.cell * (variance + self.template.variances[0]))
        matching = Matching(
            self.group.reference, member.frame, self.group.grid, lambda *_: weight, self.group.threshold
        )
        guard = Guard(matching, own, self.plan.guard, self.geometry)
        if place in self.members and guard.allows(member.field(self.pattern)):
            return member.field(self.pattern), 1.0
        origin = member.origin(self.pattern)
        start = member.field(self.pattern)
        for relaxed in (1.0, *RELAXED) if place not in self.members else RELAXED:
            prior = self.prior_of(self.pattern, relaxed)(member)
            start = self.group.alone(member, against, variance, (start, origin), prior, OWN_PASSES).field
            if guard.allows(start):
                return start, relaxed
        return own, 0.0

    def _placed(self, place: int, own: Tensor) -> tuple[Member, tuple[Tensor, Tensor], Tensor]:
        """Return a frame as a member, the template to match it against with its variance, and its own variance."""
        assert self.pattern is not None
        assert self.template is not None
        if place in self.members:
            index = list(self.members).index(place)
            return self.members[place], self.template.without(index), self.template.variances[index + 1]
        (frame,) = self.echoes.apply([self.pair_of(place).deformed])
        spline = SplineFrame.of(torch.as_tensor(frame, device=self.device))
        amplitude = mean_strain(_axial(self.group.grid, own)) / self.strongest
        member = Member.of(spline, amplitude, own, self.pattern)
        uncertainty = 1 / self.template.total_weight
        seen = self.group.average((self.group.sample(member, self.pattern).value - self.template.image) ** 2)
        return member, (self.template.image, uncertainty), torch.maximum(seen - uncertainty, self.group.floor)


class Guard:
    """Whether a field explains a frame about as well as the frame's own estimate: as a whole, and everywhere.

    `share` is how much worse the whole may be, as a fraction; no patch of `PATCH_M` may be `LOCALLY` times that worse.
    A few independent cells always are: own estimates follow their noise.
    """

    PATCH_M = 4e-3
    LOCALLY = 10.0

    def __init__(self, matching: Matching, own: Tensor, share: float, geometry: Geometry) -> None:
        self._matching = matching
        self._share = share
        rows, lines = (max(round(self.PATCH_M / size), 1) for size in (geometry.axial_spacing_m, geometry.pitch_m))
        height, width = matching.reference.shape
        self._patch = (min(rows, height), min(lines, width))
        self._own, self._own_patches = self._misfit(own)

    def allows(self, field: Tensor) -> bool:
        """Compare the misfit of a field (2, K, W) with the own estimate's."""
        whole, patches = self._misfit(field)
        worse = ((patches - self._own_patches) / self._own_patches.clamp(min=1e-12)).max()
        return whole <= (1 + self._share) * self._own and float(worse) <= self.LOCALLY * self._share

    def _misfit(self, field: Tensor) -> tuple[float, Tensor]:
        samples, residual = self._matching.sample(field)
        misfit = self._matching.misfit(residual, self._matching.weigh(residual, samples.inside))
        stride = [max(size // 4, 1) for size in self._patch]
        patches = torch.nn.functional.avg_pool2d(misfit[None, None], self._patch, stride)
        return float(misfit.sum(dtype=torch.float64)), patches


@dataclass(frozen=True)
class OwnPrior:
    """Prior of a member's own motion at the scale of the pattern's part in it."""

    energy: TunedEnergy
    pattern: Tensor
    factor: float

    def __call__(self, member: Member) -> Prior:
        """Return the prior for one member."""
        return self.energy.prior(_axial(self.energy.grid, member.amplitude * self.pattern), self.factor)


def _energy(reference: Tensor, geometry: Geometry, plan: StackPlan) -> TunedEnergy:
    return TunedEnergy(plan.energy, geometry, reference.shape[0])


def _group(reference: Tensor, geometry: Geometry, plan: StackPlan) -> Group:
    energy = _energy(reference, geometry, plan)
    weights = ResidualWeights(reference, geometry)
    return Group(reference, energy.grid, weights.mean, weights.floor, energy.cell, energy.threshold)


def _axial(grid: KnotGrid, field: Tensor) -> Map:
    return grid.expand(field)[1].float().cpu().numpy()


def _start(own: Sequence[Tensor], strains: Sequence[float], strongest: float) -> Tensor:
    """Mean of the frames' estimates over their amplitudes, each with the weight of its relative accuracy."""
    total, weights = torch.zeros_like(own[0]), 0.0
    for field, strain in zip(own, strains, strict=True):
        amplitude = strain / strongest
        if abs(amplitude) >= LEAST_AMPLITUDE:
            weight = 1 / (STRAIN_BLUR**2 + (STRAIN_NOISE / strain) ** 2)
            total, weights = total + weight * field / amplitude, weights + weight
    return total / weights
