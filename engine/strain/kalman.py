"""Strain by least squares along depth, then a Kalman filter across the lines (`kalman`).

Rivaz, Boctor, Choti & Hager 2011, IEEE Trans. Med. Imaging 30:928, section II-D. The strain of a row is a random walk
from line to line: where it really changes, the process variance is large and the filter follows; elsewhere it
averages. Departures from the authors' code: the process variance comes from means over 3 x 3 pixels (as their paper
says), the noise is measured from line to line (along a line, overlapping fits hide it), and a pass from each side is
averaged, so that nothing is dragged sideways.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from engine.parameters import parameter
from engine.strain.base import STRAIN_METHODS, StrainMethod
from engine.strain.least_squares import LeastSquares, LeastSquaresParams, LineParameters
from engine.types import Displacement, Map, Strain

if TYPE_CHECKING:
    import torch

Values = NDArray[np.float64]
_DEVIATION_OF_CURVATURE = 0.6745 * 6**0.5
"""Median |z1 - 2 z2 + z3| of independent normal values of deviation 1."""


@dataclass(frozen=True)
class KalmanParameters(LineParameters):
    """Parameters of the least-squares step and of the filter."""

    smoothing: float = parameter(
        1.0,
        minimum=0.0,
        maximum=10.0,
        help="Noise deviation relative to the measured one; 0 leaves the strain as it is",
    )


@STRAIN_METHODS.entry
class Kalman(StrainMethod[KalmanParameters]):
    """Least-squares strain, smoothed across lines where it does not change."""

    name = "kalman"
    title = "Least squares and Kalman"
    Params = KalmanParameters

    def infinitesimal(
        self, displacement: Displacement, quality: Map | None, params: KalmanParameters, device: "torch.device"
    ) -> Strain:
        """Fit within each line, then filter across; pixels without strain stay so and are skipped."""
        fitted = LeastSquares().infinitesimal(
            displacement, quality, LeastSquaresParams(window_m=params.window_m, weighted=params.weighted), device
        )
        noise = params.smoothing * noise_deviation(fitted.axial)
        filtered = filter_across_lines(fitted.axial, noise)
        return Strain(filtered.astype(np.float32), displacement.geometry, fitted.window_m)


def noise_deviation(strain: Map) -> float:
    """Measure the standard deviation of a strain map's (H, W) noise, from second differences across the lines.

    Their median passes over the few places where the strain bends; without three known lines the noise is 0.
    """
    curvature = np.abs(np.diff(strain.astype(np.float64), n=2, axis=1))
    known = curvature[np.isfinite(curvature)]
    return float(np.median(known)) / _DEVIATION_OF_CURVATURE if known.size else 0.0


def filter_across_lines(strain: NDArray[np.floating], noise: float) -> Values:
    """Filter every row of (H, W) from both sides and average; `noise` is the standard deviation of a measurement."""
    measured = np.asarray(strain, dtype=np.float64)
    if noise <= 0:
        return measured.copy()
    change = _process_variance(measured)
    width = measured.shape[1]
    forward = _one_way(measured, change, noise**2, range(width))
    backward = _one_way(measured, np.roll(change, -1, axis=1), noise**2, range(width - 1, -1, -1))
    return (forward + backward) / 2


def _process_variance(measured: Values) -> Values:
    """Squared difference of 3 x 3 means of each line and the line before it, (H, W); the first line has 0."""
    known = np.isfinite(measured)
    total = uniform_filter(np.where(known, measured, 0.0), 3, mode="nearest")
    share = uniform_filter(known.astype(np.float64), 3, mode="nearest")
    means = total / np.maximum(share, 1e-9)
    change = np.zeros_like(measured)
    change[:, 1:] = np.diff(means, axis=1) ** 2
    return change


def _one_way(measured: Values, change: Values, noise_variance: float, lines: Iterable[int]) -> Values:
    """Kalman filter along `lines`; each row starts at its first known strain with no uncertainty.

    p- = p + (change of the strain)^2, K = p- / (p- + noise), x += K (z - x), p = noise p- / (p- + noise).
    """
    estimate = np.full(measured.shape[0], np.nan)
    variance = np.zeros(measured.shape[0])
    filtered = np.full_like(measured, np.nan)
    for line in lines:
        z = measured[:, line]
        known, begun = np.isfinite(z), np.isfinite(estimate)
        predicted = variance + np.where(begun, change[:, line], 0.0)
        gain = predicted / (predicted + noise_variance)
        updated = np.where(begun, estimate + gain * (z - estimate), z)
        estimate = np.where(known, updated, estimate)
        variance = np.where(known & begun, noise_variance * gain, predicted)
        filtered[:, line] = np.where(known, estimate, np.nan)
    return filtered
