"""Strain under an ellipse and its statistics: what every number and every histogram of a region is made from."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.metrics.base import MINIMUM_PIXELS, MetricInput, given
from engine.metrics.border import interior
from engine.metrics.region_pixels import local_mask, misses
from engine.types import Ellipse, Geometry, Map

MINIMUM_CELLS = 3.0
BEAM_WIDTH_WAVELENGTHS = 2.0
"""Lateral resolution of a focused linear array at about f/2, in wavelengths; 0.6 mm at 5 MHz."""

CORRELATED_CELLS = 2.0
"""Resolution cells over which errors go together: smoothing and blur reach farther than the strain window. With it the
means of discs on the calibration recordings err by 0.5 (NCC) to 1.2 (USSE-Net) of what is stated, under GLUE by 0.8."""


@dataclass(frozen=True)
class RegionStatistics:
    """Count, mean and standard deviation of compressive strain over some pixels; `reason` is set where unusable.

    `cells` are the independent ones among them, `mean_sigma` the standard deviation of the mean; NaN where the
    uncertainty of the pixels is not known.
    """

    count: int = 0
    mean: float = math.nan
    deviation: float = math.nan
    reason: str = ""
    cells: float = 0.0
    mean_sigma: float = math.nan


def region_strain(strain: Map, geometry: Geometry, ellipse: Ellipse | None) -> NDArray[np.float32] | str:
    """Return the stored strain of the ellipse's pixels, NaN included, or the reason why there are none."""
    if ellipse is None:
        return "not_drawn"
    shape = strain.shape[0], strain.shape[1]
    box, mask = local_mask(ellipse, shape, geometry)
    if not mask.any():
        return "outside_image" if misses(ellipse, shape, geometry) else "too_few"
    return strain[box][mask]


def statistics(
    values: NDArray[np.float32] | str,
    geometry: Geometry,
    window_m: float,
    ddof: int = 0,
    sigma: NDArray[np.float32] | str | None = None,
) -> RegionStatistics:
    """Mean and deviation of stored strain, any shape; fewer than 25 valid pixels or 3 resolution cells are too few.

    With the standard deviation of each pixel, of the same shape, that of the mean is root(mean(sigma^2) / cells).
    """
    if isinstance(values, str):
        return RegionStatistics(reason=values)
    finite = np.isfinite(values)
    valid = values.reshape(-1) if finite.all() else values[finite]
    cell_m2 = window_m * max(geometry.pitch_m, BEAM_WIDTH_WAVELENGTHS * geometry.wavelength_m)
    cells = valid.size * geometry.axial_spacing_m * geometry.pitch_m / cell_m2
    if valid.size < MINIMUM_PIXELS or cells < MINIMUM_CELLS:
        return RegionStatistics(valid.size, reason="too_few")
    mean_sigma = math.nan
    if sigma is not None and not isinstance(sigma, str):
        known = sigma[finite].astype(np.float64)
        mean_sigma = math.sqrt(float(np.mean(known**2)) / (cells / CORRELATED_CELLS))
    # Rounding leaves a tiny deviation in a constant region, so equality is asked of the values themselves.
    if valid.min() == valid.max():
        return RegionStatistics(valid.size, -float(valid[0]), 0.0, "", cells, mean_sigma)
    mean = float(valid.mean(dtype=np.float64))
    centred = np.subtract(valid, mean, dtype=np.float64)
    # einsum stays on this thread: a product of the linear algebra library would wait for its own threads each time.
    deviation = math.sqrt(float(np.einsum("i,i", centred, centred)) / (valid.size - ddof))
    return RegionStatistics(valid.size, -mean, deviation, "", cells, mean_sigma)


def target_statistics(source: MetricInput) -> RegionStatistics:
    """Return the statistics of a frame's target."""
    return _in(source, source.target)


def background_statistics(source: MetricInput) -> RegionStatistics:
    """Return the statistics of a frame's background."""
    return _in(source, source.background)


def image_statistics(source: MetricInput) -> RegionStatistics:
    """Return the statistics of a whole map without its border."""
    strain = given(source.strain)
    inner = strain[interior(_shape(strain), source.geometry, source.window_m)]
    sigma = None if source.sigma is None else source.sigma[interior(_shape(strain), source.geometry, source.window_m)]
    return statistics(inner, source.geometry, source.window_m, source.ddof, sigma)


def _in(source: MetricInput, ellipse: Ellipse | None) -> RegionStatistics:
    values = region_strain(given(source.strain), source.geometry, ellipse)
    sigma = None if source.sigma is None else region_strain(source.sigma, source.geometry, ellipse)
    return statistics(values, source.geometry, source.window_m, source.ddof, sigma)


def _shape(strain: Map) -> tuple[int, int]:
    return strain.shape[0], strain.shape[1]
