"""Least-squares strain estimator (Kallel & Ophir, Ultrasonic Imaging 19:195, 1997).

The strain at a depth is the slope of the straight line fitted to the displacement over N = 2 M + 1 samples,
`e_i = sum_k k d_{i+k} * 3 / (M (M + 1) (2 M + 1))`: one convolution, and the same as a Savitzky-Golay derivative of
order 1. Towards the ends the window shrinks symmetrically to 5 samples; beyond that there is no strain. With weights
(validity times squared quality) the slope of the weighted fit takes its place.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.numerics.slope import SMALLEST_WINDOW, fit_weights, slopes, weighted_slope, weights_of_fits
from engine.parameters import parameter
from engine.strain.base import STRAIN_METHODS, StrainMethod, StrainParameters
from engine.types import Displacement, Geometry, Map, Strain

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True)
class LineParameters(StrainParameters):
    """Parameters of a fit along a line."""

    window_m: float = parameter(
        2.0e-3,
        unit="m",
        minimum=0.2e-3,
        maximum=10e-3,
        help="Axial length over which a straight line is fitted; 1 mm after GLUE",
    )
    weighted: bool = parameter(True, help="Weight each displacement by its squared quality")


@dataclass(frozen=True)
class LeastSquaresParams(LineParameters):
    """Parameters of the least-squares strain."""

    neighbours: int = parameter(
        0, unit="lines", minimum=0, maximum=10, help="Lines on each side that share the slope: less noise, less detail"
    )


@STRAIN_METHODS.entry
class LeastSquares(StrainMethod[LeastSquaresParams]):
    """Slope of the displacement over a window given as a length."""

    name = "least-squares"
    title = "Least squares"
    Params = LeastSquaresParams

    def infinitesimal(
        self, displacement: Displacement, quality: Map | None, params: LeastSquaresParams, device: "torch.device"
    ) -> Strain:
        """Fit within each line; needs at least half of the window's samples valid, else NaN."""
        geometry = displacement.geometry
        window = geometry.window_samples(params.window_m, smallest=SMALLEST_WINDOW)
        axial = displacement.axial_samples
        weights = fit_weights(axial, quality if params.weighted else None)
        slope = weighted_slope(axial, weights, window, params.neighbours)
        return Strain(slope.astype(np.float32), geometry, window * geometry.axial_spacing_m)

    def strains(
        self, motion: "Tensor", quality: "Tensor | None", geometry: Geometry, params: LeastSquaresParams
    ) -> "tuple[Tensor, float]":
        """Fit within each line of several frames at once."""
        if params.measure != "infinitesimal":
            return super().strains(motion, quality, geometry, params)
        window = geometry.window_samples(params.window_m, smallest=SMALLEST_WINDOW)
        axial = motion[:, 1]
        weights = weights_of_fits(axial, quality if params.weighted else None)
        return slopes(axial, weights, window, params.neighbours).float(), window * geometry.axial_spacing_m
