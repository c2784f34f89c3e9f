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

import numpy as np

from engine.estimators.base import ESTIMATORS, SMOOTHED_WINDOW_M, PairwiseEstimator
from engine.numerics.gaps import fill_gaps, without_far_outside
from engine.parameters import Parameters, parameter
from engine.types import Displacement, FramePair, Map

if TYPE_CHECKING:
    import torch

    from engine.estimators.global_cost.solver import Outcome


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
class Glue(PairwiseEstimator[GlueParameters]):
    """GLUE, pair by pair."""

    name = "glue"
    title = "GLUE"
    strain_window_m = SMOOTHED_WINDOW_M
    Params = GlueParameters

    def displacement(self, pair: FramePair, params: GlueParameters, device: "torch.device") -> Displacement:
        """Refine the start that the parameters name; points that leave the frame are NaN."""
        return refine(pair, starting_field(pair, params.start, device), params, device)


def refine(pair: FramePair, start: Displacement, params: GlueParameters, device: "torch.device") -> Displacement:
    """Run GLUE on one pair from a start within about a quarter of an RF period; its NaN are filled first."""
    axial, lateral = (fill_gaps(entry) for entry in (start.axial_samples, start.lateral_lines))
    solve = _published if params.preset == "published" else _tuned
    outcome, field = solve(pair, np.stack([lateral, axial]), params, device)
    lateral, axial = without_far_outside(field)
    report = {"passes": float(outcome.passes), "inner_iterations": float(outcome.inner)}
    return Displacement.from_samples(axial, lateral, pair.geometry, report)


def starting_field(pair: FramePair, start: str, device: "torch.device") -> Displacement:
    """Run the method that gives the start; without any initial motion `initial` is no motion."""
    if start == "ncc":
        ncc = ESTIMATORS.get("ncc")
        return next(iter(ncc.track(iter([pair]), ncc.Params(), device)))
    if start == "dynamic-programming":
        from engine.estimators.common.dynamic_programming import DynamicProgrammingParameters, integer_displacement

        return integer_displacement(pair, DynamicProgrammingParameters())
    if pair.initial is not None:
        return pair.initial
    still = np.zeros(pair.reference.shape, np.float32)
    return Displacement(still, still.copy(), pair.geometry)


def _published(pair: FramePair, start: Map, params: GlueParameters, device: "torch.device") -> tuple["Outcome", Map]:
    """Solve for every sample with squared first differences; the frames are expected within about 1."""
    import torch

    from engine.estimators.global_cost.prior import FirstOrderPrior
    from engine.estimators.global_cost.solver import Matching, Passes, gauss_newton
    from engine.estimators.global_cost.system import KnotGrid

    reference, deformed = (torch.as_tensor(frame, device=device) for frame in (pair.reference, pair.deformed))
    grid = KnotGrid(reference.shape[0], 1)
    field = torch.as_tensor(start, dtype=torch.float64, device=device)
    bulk = torch.zeros_like(field)
    if params.bias:
        bulk = torch.as_tensor(mean_strain_field(start), dtype=torch.float64, device=device)
    prior = FirstOrderPrior(
        (params.axial_weight, params.axial_weight_across), (params.lateral_weight, params.lateral_weight_across)
    )
    matching = Matching(
        reference,
        deformed,
        grid,
        lambda residual, inside: torch.ones_like(residual),
        params.published_threshold or np.inf,
    )
    outcome = gauss_newton(matching, prior, field, bulk, Passes(params.passes))
    return outcome, outcome.field.float().cpu().numpy()


def _tuned(pair: FramePair, start: Map, params: GlueParameters, device: "torch.device") -> tuple["Outcome", Map]:
    """Solve on knots with the noise-adaptive energy."""
    import torch

    from engine.estimators.global_cost.noise_filter import suppress_noise
    from engine.estimators.global_cost.solver import Matching, Passes, gauss_newton
    from engine.estimators.global_cost.tuned import TunedEnergy
    from engine.estimators.global_cost.weights import ResidualWeights

    both = (pair.reference, pair.deformed)
    reference, deformed = (
        torch.as_tensor(frame, device=device) for frame in (suppress_noise(both) if params.suppress_noise else both)
    )
    energy = TunedEnergy(params, pair.geometry, reference.shape[0])
    field = energy.grid.restrict(torch.as_tensor(start, dtype=torch.float64, device=device))
    matching = Matching(reference, deformed, energy.grid, ResidualWeights(reference, pair.geometry), energy.threshold)
    passes = Passes(params.passes, tolerance=2e-2, inner=60)
    outcome = gauss_newton(matching, energy.prior(start[1]), field, torch.zeros_like(field), passes)
    return outcome, energy.grid.expand(outcome.field).float().cpu().numpy()


def mean_strain_field(start: Map) -> Map:
    """Linear motion with the start's mean axial and lateral strain (medians over lines and rows), (2, H, W)."""
    height, width = start.shape[1:]
    axial = np.median((start[1, -1] - start[1, 0]) / max(height - 1, 1))
    lateral = np.median((start[0, :, -1] - start[0, :, 0]) / max(width - 1, 1))
    rows, columns = np.arange(height)[:, None], np.arange(width)[None, :]
    return np.stack(
        [np.broadcast_to(lateral * columns, (height, width)), np.broadcast_to(axial * rows, (height, width))]
    )
