"""GLUE: the axial and lateral displacement of all samples at once, by regularised Gauss-Newton (`glue`).

Hashemi & Rivaz 2017, IEEE Trans. Ultrason. Ferroelectr. Freq. Control 64:1625, is the preset `published`: every sample
is an unknown, squared first differences weighted (5, 1, 5, 1). It pulls every strain towards zero, most where the
contrast is high. The preset `tuned` keeps the idea, all samples at once, and states the problem as a maximum a
posteriori estimate:

- the residual is measured in units of its local standard deviation, so noisy or decorrelated tissue counts less and
  the smoothing follows the noise by itself;
- the prior is the size of the second derivatives relative to the mean strain, to a power below one: a constant strain
  costs nothing, the edge of an inclusion little (compare Ashikuzzaman & Rivaz, L1-SOUL, 2022, arXiv:2201.02226);
- noise outside the echoes' band is filtered off first, and unknowns lie on knots about half a wavelength apart.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from engine.estimators.base import ESTIMATORS, SMOOTHED_WINDOW_M, BatchEstimator, PairwiseBatchEstimator, Tracker
from engine.parameters import Parameters, parameter
from engine.types import Displacement, FramePair

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from engine.estimators.global_cost.noise_filter import Spectrum
    from engine.estimators.global_cost.solver import Outcome
    from engine.on_device import MotionBatch, PairBatch


@dataclass(frozen=True)
class GlueParameters(Parameters):
    """The first group holds for both presets, the second for `tuned`, the third for `published`."""

    start: Literal["ncc", "dynamic-programming", "initial"] = parameter(
        "ncc",
        help="Where to start: cross-correlation, dynamic programming, or the motion the pair comes with (bulk motion, "
        "or the field of another method)",
    )
    preset: Literal["tuned", "published"] = parameter(
        "tuned", help="Noise-adaptive second-order energy, or the energy and weights of the 2017 paper"
    )
    passes: int = parameter(12, minimum=1, maximum=50, help="Linearisations at most")

    smoothness: float = parameter(0.2, minimum=1e-4, maximum=100.0, help="Weight of changes of strain")
    edge_exponent: float = parameter(
        0.5,
        minimum=0.1,
        maximum=2.0,
        help="Power of changes of strain: 2 blurs edges, 1 is L1, less keeps them sharper",
    )
    edge_softness: float = parameter(
        0.05, unit="per mm", minimum=1e-3, maximum=10.0, help="Relative strain gradient above which it is an edge"
    )
    robust_threshold: float = parameter(
        2.0, unit="standard deviations", minimum=0.5, maximum=100.0, help="Residuals beyond it count linearly"
    )
    knot_spacing_m: float = parameter(
        0.15e-3, unit="m", minimum=0.0, maximum=1e-3, help="Axial distance of the unknowns; 0 is every sample"
    )
    suppress_noise: bool = parameter(True, help="Filter off the noise outside the echoes' band first")
    mechanics: bool = parameter(False, help="Expect equilibrium: ties lateral to axial motion (slower)")

    axial_weight: float = parameter(5.0, minimum=0.0, maximum=1e3, help="alpha 1: axial displacement along a line")
    axial_weight_across: float = parameter(1.0, minimum=0.0, maximum=1e3, help="alpha 2: axial, from line to line")
    lateral_weight: float = parameter(5.0, minimum=0.0, maximum=1e3, help="beta 1: lateral displacement along a line")
    lateral_weight_across: float = parameter(1.0, minimum=0.0, maximum=1e3, help="beta 2: lateral, from line to line")
    bias: bool = parameter(False, help="Measure first differences from the mean strain of the start, not from zero")
    published_threshold: float = parameter(
        0.0, minimum=0.0, maximum=10.0, help="Residual beyond which samples count less (0.2 in AM2D); 0 is never"
    )


@ESTIMATORS.entry
class Glue(BatchEstimator[GlueParameters]):
    """GLUE, each pair of a batch on its own."""

    name = "glue"
    title = "GLUE"
    kind = "classical"
    strain_window_m = SMOOTHED_WINDOW_M
    several_references = True
    Params = GlueParameters

    def tracker(self, params: GlueParameters, device: "torch.device") -> Tracker:
        """Refine the start that the parameters name; points that leave the frame are NaN."""
        refinement = Refinement(params)
        return lambda batch: refinement(batch, starting_motion(batch, params.start))


class Refinement:
    """GLUE on pairs of one recording, batch after batch; what it knows of the reference is found once."""

    def __init__(self, params: GlueParameters) -> None:
        self._params = params
        self._known: tuple[Tensor, Spectrum] | None = None

    def __call__(self, batch: "PairBatch", start: "Tensor") -> "MotionBatch":
        """Run GLUE from a start (B, 2, H, W) within about a quarter of an RF period; its NaN are filled first."""
        import torch

        from engine.numerics.gaps import filled
        from engine.numerics.warp import inside
        from engine.on_device import MotionBatch

        start = filled(start)
        if self._params.preset == "published":
            outcome, motion = _published(batch, start, self._params)
        else:
            outcome, motion = self._tuned(batch, start)
        report = {"passes": outcome.passes.float(), "inner_iterations": outcome.inner.float()}
        return MotionBatch(torch.where(inside(motion, margin=1.0), motion, torch.nan), report)

    def _tuned(self, batch: "PairBatch", start: "Tensor") -> "tuple[Outcome, Tensor]":
        """Solve on knots with the noise-adaptive energy."""
        import torch

        from engine.estimators.global_cost.solver import Matching, Passes, gauss_newton
        from engine.estimators.global_cost.tuned import TunedEnergy
        from engine.estimators.global_cost.weights import ResidualWeights

        reference, deformed = self._without_noise(batch) if self._params.suppress_noise else batch.frames
        energy = TunedEnergy(self._params, batch.geometry, start.shape[-2])
        weights = ResidualWeights(reference, batch.geometry)
        matching = Matching(reference, deformed, energy.grid, weights, energy.threshold)
        passes = Passes(self._params.passes, tolerance=4e-2, inner=25)
        field, bulk = energy.grid.restrict(start.double()), torch.zeros((), device=start.device)
        outcome = gauss_newton(matching, energy.prior(start[:, 1]), field, bulk, passes)
        return outcome, energy.grid.expand(outcome.field).float()

    def _without_noise(self, batch: "PairBatch") -> "tuple[Tensor, Tensor]":
        """Both frames of each pair, filtered by the gain that is measured from the two."""
        from engine.estimators.global_cost.noise_filter import Spectrum, echo_gain

        if self._known is None or self._known[0] is not batch.reference:
            self._known = batch.reference, Spectrum.of(batch.reference)
        reference, deformed = self._known[1], Spectrum.of(batch.deformed)
        gain = echo_gain(reference.power + deformed.power)
        return reference.filtered(gain), deformed.filtered(gain)


def refine(pair: FramePair, start: Displacement, params: GlueParameters, device: "torch.device") -> Displacement:
    """Run GLUE on one pair whose start is on the host."""
    import torch

    from engine.on_device import MotionBatch, PairBatch

    with torch.inference_mode():
        found = Refinement(params)(PairBatch.of([pair], device), MotionBatch.of(start, device).motion)
    return found.displacements(pair.geometry)[0]


def starting_motion(batch: "PairBatch", start: str) -> "Tensor":
    """Run the method that gives the start, (B, 2, H, W); without any initial motion `initial` is no motion."""
    if start == "ncc":
        ncc = ESTIMATORS.get("ncc")
        assert isinstance(ncc, PairwiseBatchEstimator)
        return ncc.motion(batch, ncc.Params()).motion
    return _by_dynamic_programming(batch) if start == "dynamic-programming" else batch.start


def _by_dynamic_programming(batch: "PairBatch") -> "Tensor":
    """Whole samples, pair by pair on the host."""
    import torch

    from engine.estimators.common.dynamic_programming import DynamicProgrammingParameters, integer_displacement
    from engine.on_device import MotionBatch

    device, params = batch.deformed.device, DynamicProgrammingParameters()
    found = [integer_displacement(pair, params) for pair in batch.pairs()]
    return torch.cat([MotionBatch.of(entry, device).motion for entry in found])


def _published(batch: "PairBatch", start: "Tensor", params: GlueParameters) -> "tuple[Outcome, Tensor]":
    """Solve for every sample with squared first differences; the frames are expected within about 1."""
    import torch

    from engine.estimators.global_cost.prior import FirstOrderPrior
    from engine.estimators.global_cost.solver import Matching, Passes, gauss_newton
    from engine.estimators.global_cost.system import KnotGrid

    field = start.double()
    bulk = mean_strain_field(field) if params.bias else torch.zeros((), device=start.device)
    prior = FirstOrderPrior(
        (params.axial_weight, params.axial_weight_across), (params.lateral_weight, params.lateral_weight_across)
    )
    matching = Matching(
        *batch.frames,
        KnotGrid(start.shape[-2], 1),
        lambda residual, inside: torch.ones_like(residual),
        params.published_threshold or float("inf"),
    )
    outcome = gauss_newton(matching, prior, field, bulk, Passes(params.passes))
    return outcome, outcome.field.float()


def mean_strain_field(start: "Tensor") -> "Tensor":
    """Linear motion with the start's mean axial and lateral strain (medians over lines and rows), (..., 2, H, W)."""
    import torch

    height, width = start.shape[-2:]
    rows, columns = (torch.arange(size, dtype=start.dtype, device=start.device) for size in (height, width))
    axial = (start[..., 1, -1, :] - start[..., 1, 0, :]).quantile(0.5, dim=-1) / max(height - 1, 1)
    lateral = (start[..., 0, :, -1] - start[..., 0, :, 0]).quantile(0.5, dim=-1) / max(width - 1, 1)
    fields = (lateral[..., None, None] * columns, axial[..., None, None] * rows[:, None])
    return torch.stack([entry.expand(*start.shape[:-3], height, width) for entry in fields], dim=-3)
