"""GLUENet: a coarse motion network finds large displacements, GLUE makes them exact (`gluenet`).

Kibria & Rivaz 2018, arXiv:1807.06120, with FlowNet 2.0 on B-mode images as the coarse network. The paper prints no
smoothing in between; here the coarse field, too rough for GLUE's linearisation (it needs a start within a quarter of
an RF period), passes a median and a least-squares plane. Any other method of the registry can be the coarse one.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import ndimage
from scipy.signal import savgol_filter

from engine.errors import MethodError, ParameterError
from engine.estimators.base import ESTIMATORS, Estimator
from engine.estimators.common.dynamic_programming import DynamicProgrammingParameters, integer_displacement
from engine.estimators.glue import GlueParameters, refine
from engine.numerics.gaps import fill_gaps
from engine.parameters import Parameters, parameter
from engine.types import Displacement, FramePair, Map

if TYPE_CHECKING:
    import torch

    from engine.networks.weights import WeightsCard

COARSE = "flownet2"
MEDIAN_SIZE = 9
PLANE_M = (1.0e-3, 2.0e-3)
"""Axial and lateral size of the least-squares plane."""

CYCLE_REACH_SAMPLES = 4


@dataclass(frozen=True)
class GlueNetParameters(Parameters):
    """The coarse method, the step between, and what matters of GLUE."""

    coarse: str = parameter(COARSE, help="Name of the method that finds the coarse motion, with its own defaults")
    weights: str = parameter("", help="Path of other weights of a coarse network; empty for those in the box")
    correct_cycles: bool = parameter(
        False, help="Match whole samples within 4 of the coarse field first, by dynamic programming"
    )
    preset: Literal["tuned", "published"] = parameter(
        "tuned", help="GLUE's preset: its noise-adaptive energy, or the energy and weights of the 2017 paper"
    )
    passes: int = parameter(5, minimum=1, maximum=50, help="Linearisations of GLUE at most")
    smoothness: float = parameter(
        GlueParameters.smoothness, minimum=1e-4, maximum=100.0, help="Weight of changes of strain in GLUE"
    )


@ESTIMATORS.entry
class GlueNet(Estimator[GlueNetParameters]):
    """FlowNet 2.0, or another coarse method, refined by GLUE pair by pair."""

    name = "gluenet"
    title = "GLUENet"
    kind = "combined"
    Params = GlueNetParameters

    def track(
        self, pairs: Iterable[FramePair], params: GlueNetParameters, device: "torch.device"
    ) -> Iterator[Displacement]:
        """Yield the refined displacement of each pair as soon as the coarse method has its own."""
        coarse = _coarse(params)
        glue = GlueParameters(start="initial", preset=params.preset, passes=params.passes, smoothness=params.smoothness)
        for pair, found in coarse.track_pairs(pairs, _coarse_parameters(coarse, params), device):
            start = smoothed(found)
            if params.correct_cycles:
                start = smoothed(integer_displacement(replace(pair, initial=start), _CYCLES))
            yield refine(pair, start, glue, device)

    def is_recurrent(self, params: GlueNetParameters) -> bool:
        """Whether the coarse method has a memory; FlowNet 2.0 has none."""
        coarse = _coarse(params)
        return coarse.is_recurrent(_coarse_parameters(coarse, params))

    def unavailable(self) -> str | None:
        """Give the reason why FlowNet 2.0 cannot run, for example that it has no weights."""
        try:
            reason = ESTIMATORS.get(COARSE).unavailable()
        except MethodError as error:
            return str(error)
        return None if reason is None else f"{COARSE}: {reason}"

    def card(self) -> "WeightsCard | None":
        """Return the card of FlowNet 2.0's weights."""
        return ESTIMATORS.get(COARSE).card()

    def card_for(self, params: GlueNetParameters) -> "WeightsCard | None":
        """Return the card of the weights that the parameters choose; None for a coarse method without."""
        coarse = _coarse(params)
        return coarse.card_for(_coarse_parameters(coarse, params))


_CYCLES = DynamicProgrammingParameters(axial_reach=CYCLE_REACH_SAMPLES, lateral_reach=1)


def smoothed(coarse: Displacement) -> Displacement:
    """Fill gaps, take the 9 x 9 median and fit a plane around each pixel; a linear field stays as it is.

    The plane's value at its centre is the mean of a window; near the frame's edge it is read off centre.
    """
    geometry = coarse.geometry
    sizes = PLANE_M[0] / geometry.axial_spacing_m, PLANE_M[1] / geometry.pitch_m
    axial, lateral = (_smooth(field, sizes) for field in (coarse.axial_samples, coarse.lateral_lines))
    return Displacement.from_samples(axial, lateral, geometry)


def _smooth(field: Map, sizes: tuple[float, float]) -> Map:
    field = fill_gaps(field)
    trend = _plane(field)  # the median bends a slope at the frame's edge, so it sees what deviates from a plane
    rest = ndimage.median_filter(field - trend, MEDIAN_SIZE, mode="nearest")
    for axis, size in enumerate(sizes):
        largest = (field.shape[axis] - 1) // 2 * 2 + 1
        window = min(max(round(size) // 2 * 2 + 1, 3), largest)
        if window >= 3:
            rest = savgol_filter(rest, window, 1, axis=axis, mode="interp")
    result: Map = (trend + rest).astype(np.float32)
    return result


def _plane(field: Map) -> Map:
    """Least-squares plane through a whole field (H, W)."""
    rows, columns = (np.arange(size) - (size - 1) / 2 for size in field.shape)
    mean = float(field.mean())
    down = float(rows @ (field.mean(axis=1) - mean)) / max(float(rows @ rows), 1.0)
    across = float(columns @ (field.mean(axis=0) - mean)) / max(float(columns @ columns), 1.0)
    plane: Map = (mean + down * rows[:, None] + across * columns[None, :]).astype(np.float32)
    return plane


def _coarse(params: GlueNetParameters) -> Estimator[Parameters]:
    if params.coarse == GlueNet.name:
        raise ParameterError("coarse: gluenet cannot be its own coarse method")
    estimator: Estimator[Parameters] = ESTIMATORS.get(params.coarse)
    reason = None if params.weights else estimator.unavailable()
    if reason:
        raise MethodError(f"{params.coarse} cannot run: {reason}")
    return estimator


def _coarse_parameters(coarse: Estimator[Parameters], params: GlueNetParameters) -> Parameters:
    return coarse.Params.from_text({"weights": params.weights} if params.weights else {})
