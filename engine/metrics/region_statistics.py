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


@dataclass(frozen=True)
class RegionStatistics:
    """Count, mean and standard deviation of compressive strain over some pixels; `reason` is set where unusable."""

    count: int = 0
    mean: float = math.nan
    deviation: float = math.nan
    reason: str = ""


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
    values: NDArray[np.float32] | str, geometry: Geometry, window_m: float, ddof: int = 0
) -> RegionStatistics:
    """Mean and deviation of stored strain, any shape; fewer than 25 valid pixels or 3 resolution cells are too few."""
    if isinstance(values, str):
        return RegionStatistics(reason=values)
    finite = np.isfinite(values)
    valid = values.reshape(-1) if finite.all() else values[finite]
    cell_m2 = window_m * max(geometry.pitch_m, BEAM_WIDTH_WAVELENGTHS * geometry.wavelength_m)
    cells = valid.size * geometry.axial_spacing_m * geometry.pitch_m / cell_m2
    if valid.size < MINIMUM_PIXELS or cells < MINIMUM_CELLS:
        return RegionStatistics(valid.size, reason="too_few")
    # Rounding leaves a tiny deviation in a constant region, so equality is asked of the values themselves.
    if valid.min() == valid.max():
        return RegionStatistics(valid.size, -float(valid[0]), 0.0)
    mean = float(valid.mean(dtype=np.float64))
    centred = np.subtract(valid, mean, dtype=np.float64)
    # einsum stays on this thread: a product of the linear algebra library would wait for its own threads each time.
    deviation = math.sqrt(float(np.einsum("i,i", centred, centred)) / (valid.size - ddof))
    return RegionStatistics(valid.size, -mean, deviation)


def target_statistics(source: MetricInput) -> RegionStatistics:
    """Return the statistics of a frame's target."""
    return _in(source, source.target)


def background_statistics(source: MetricInput) -> RegionStatistics:
    """Return the statistics of a frame's background."""
    return _in(source, source.background)


def image_statistics(source: MetricInput) -> RegionStatistics:
    """Return the statistics of a whole map without its border."""
    strain = given(source.strain)
    inner = strain[interior((strain.shape[0], strain.shape[1]), source.geometry, source.window_m)]
    return statistics(inner, source.geometry, source.window_m, source.ddof)


def _in(source: MetricInput, ellipse: Ellipse | None) -> RegionStatistics:
    values = region_strain(given(source.strain), source.geometry, ellipse)
    return statistics(values, source.geometry, source.window_m, source.ddof)
