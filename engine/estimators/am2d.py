"""Analytic minimisation in two dimensions, line by line from a seed line outwards (`am2d`).

Rivaz, Boctor, Choti & Hager 2011, IEEE Trans. Med. Imaging 30:928. The seed line's motion comes from dynamic
programming; each further line starts from its neighbour's motion and minimises

    sum_i w_i [I1 - I2(warped)]^2 + alpha (da/di)^2 + beta_axial (dl/di)^2 + beta_lateral (l_i - l_i of the neighbour)^2

over the axial motion a and the lateral motion l of all samples of the line. Linearised, this is one symmetric
five-diagonal system a line. Robust weights w_i = min(1, T / |e_i|) let outliers count less.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solveh_banded

from engine.estimators.base import ESTIMATORS, PairwiseEstimator
from engine.estimators.common.dynamic_programming import DynamicProgrammingParameters, seed_line
from engine.numerics.gaps import without_far_outside
from engine.parameters import Parameters, parameter
from engine.types import Displacement, FramePair

if TYPE_CHECKING:
    import torch

    from engine.estimators.global_cost.spline import SplineFrame

Line = NDArray[np.float64]
_DECIBEL_PER_M = 100.0 * 1e-6
"""dB/cm/MHz to dB per metre and hertz."""
_SMALLEST_PIVOT = 1e-9
"""Added to the diagonal (|RF| is about 1): a line without any echo keeps its neighbour's motion."""


@dataclass(frozen=True)
class Am2dParameters(Parameters):
    """The published weights, for RF of about 1 at most."""

    axial_weight: float = parameter(5.0, minimum=0.0, maximum=1e3, help="alpha: smooth axial motion along the line")
    lateral_weight: float = parameter(10.0, minimum=0.0, maximum=1e3, help="beta a: smooth lateral motion along it")
    neighbour_weight: float = parameter(
        0.005, minimum=0.0, maximum=1e3, help="beta l: lateral motion like the neighbouring line's"
    )
    threshold: float = parameter(0.2, minimum=0.01, maximum=100.0, help="Residual beyond which samples count less")
    passes: int = parameter(2, minimum=1, maximum=10, help="Linearisations of each line")
    bias: bool = parameter(False, help="Measure changes along the line from the seed line's mean strain, not from zero")
    attenuation_db_cm_mhz: float = parameter(
        0.0,
        unit="dB/cm/MHz",
        minimum=0.0,
        maximum=3.0,
        help="Two-way attenuation to undo first, so that the weights fit at every depth; the authors use 0.63",
    )
    seed_position: float = parameter(0.5, minimum=0.0, maximum=1.0, help="Where across the image the seed line lies")
    seed_smoothness: float = parameter(0.15, minimum=0.0, maximum=10.0, help="Weight of changes along the seed line")


class _Motion(NamedTuple):
    """Axial samples and lateral lines of one line, and the residual left there; each (H,)."""

    axial: Line
    lateral: Line
    residual: Line


@ESTIMATORS.entry
class Am2d(PairwiseEstimator[Am2dParameters]):
    """AM2D with its published weights; runs on the CPU, since each line needs the one before."""

    name = "am2d"
    title = "AM2D"
    Params = Am2dParameters
    chance_correlation = 0.4  # measured on unrelated frames of training seeds: lines are matched one by one

    def displacement(self, pair: FramePair, params: Am2dParameters, device: "torch.device") -> Displacement:
        """Run `minimise`."""
        return minimise(pair, params)


def minimise(pair: FramePair, params: Am2dParameters) -> Displacement:
    """Run AM2D on one pair; points more than a sample or a line outside the deformed frame are NaN."""
    import torch

    from engine.estimators.global_cost.spline import SplineFrame

    pair = _compensated(pair, params.attenuation_db_cm_mhz)
    height, width = pair.reference.shape
    spline = SplineFrame.of(torch.from_numpy(pair.deformed).double())
    seed = round(params.seed_position * (width - 1))
    start = _seed(pair, params, seed)
    mean_strain = float(np.polyfit(np.arange(height), start.axial, 1)[0]) if params.bias and height > 1 else 0.0
    motion = np.empty((2, height, width))
    for lines in (range(seed, width), range(seed - 1, -1, -1)):
        before = start
        for line in lines:
            before = _line(pair.reference[:, line].astype(np.float64), spline, line, before, params, mean_strain)
            motion[:, :, line] = before.lateral, before.axial
            if line == seed:
                start = before
    lateral, axial = without_far_outside(motion)
    return Displacement.from_samples(axial.astype(np.float32), lateral.astype(np.float32), pair.geometry)


def _compensated(pair: FramePair, attenuation_db_cm_mhz: float) -> FramePair:
    """Undo attenuation by a gain that grows with depth, and bring the frames back to about 1."""
    if attenuation_db_cm_mhz == 0:
        return pair
    geometry = pair.geometry
    slope = attenuation_db_cm_mhz * _DECIBEL_PER_M * geometry.center_hz
    gain = 10 ** (slope * geometry.depths_m(pair.reference.shape[0]) / 20)
    gain /= max(float(np.percentile(np.abs(pair.reference * gain[:, None]), 99.9)), 1e-12)
    frames = [np.asarray(frame * gain[:, None], dtype=np.float32) for frame in (pair.reference, pair.deformed)]
    return FramePair(frames[0], frames[1], geometry, pair.initial)


def _seed(pair: FramePair, params: Am2dParameters, line: int) -> _Motion:
    search = DynamicProgrammingParameters(smoothness=params.seed_smoothness)
    axial, lateral = seed_line(pair, search, line)
    return _Motion(axial.astype(np.float64), lateral.astype(np.float64), np.zeros(axial.size))


def _line(
    reference: Line, spline: "SplineFrame", line: int, before: _Motion, params: Am2dParameters, mean_strain: float
) -> _Motion:
    """Minimise over one line, from the motion of the line before."""
    import torch

    rows = np.arange(reference.size, dtype=np.float64)
    pull = params.neighbour_weight / (1 + np.abs(before.residual))
    axial, lateral = before.axial.copy(), before.lateral.copy()
    residual = np.zeros(reference.size)
    for _ in range(params.passes):
        sample = spline.at(torch.from_numpy(rows + axial), torch.from_numpy(line + lateral))
        inside = sample.inside.numpy()
        residual = (reference - sample.value.numpy()) * inside
        weight = inside / np.maximum(np.abs(residual) / params.threshold, 1.0)
        step = solve_line(
            (sample.axial_gradient.numpy(), sample.lateral_gradient.numpy()),
            residual,
            weight,
            (axial - mean_strain * rows, lateral, lateral - before.lateral),
            (params.axial_weight, params.lateral_weight, pull),
        )
        axial, lateral = axial + step[0], lateral + step[1]
    return _Motion(axial, lateral, residual)


def solve_line(
    gradient: tuple[Line, Line],
    residual: Line,
    weight: Line,
    state: tuple[Line, Line, Line],
    weights: tuple[float, float, Line],
) -> tuple[Line, Line]:
    """Solve one linearised line for its steps (axial, lateral), each (H,).

    `gradient` is (axial, lateral), `state` holds what the prior punishes: the axial and the lateral motion along the
    line, and the lateral difference to the neighbour; `weights` are (alpha, beta axial, beta lateral (H,)).
    """
    axial_gradient, lateral_gradient = gradient
    alpha, beta, pull = weights
    size = residual.size
    links = np.full(size, 2.0)
    links[0] -= 1
    links[-1] -= 1
    banded = np.zeros((3, 2 * size))  # lower form; unknowns a0, l0, a1, l1, ...
    banded[0, 0::2] = weight * axial_gradient**2 + alpha * links + _SMALLEST_PIVOT
    banded[0, 1::2] = weight * lateral_gradient**2 + beta * links + pull + _SMALLEST_PIVOT
    banded[1, 0::2] = weight * axial_gradient * lateral_gradient
    banded[2, 0:-2:2] = -alpha
    banded[2, 1:-2:2] = -beta
    right = np.empty(2 * size)
    right[0::2] = weight * axial_gradient * residual - alpha * _second_difference(state[0])
    right[1::2] = weight * lateral_gradient * residual - beta * _second_difference(state[1]) - pull * state[2]
    solution = solveh_banded(banded, right, lower=True, check_finite=False)
    return solution[0::2], solution[1::2]


def _second_difference(values: Line) -> Line:
    """Apply the transposed first difference to the first difference."""
    steps = np.concatenate([[0.0], np.diff(values), [0.0]])
    return -np.diff(steps)
