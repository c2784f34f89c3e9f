"""Shape of a lesion in a strain map: what lies beyond half contrast, against the lesion's true outline.

The map is cut at the middle between the median strain well inside the outline and the one around it. Of what lies on
the lesion's side of the cut, the piece that covers most of the outline, its holes filled, is the lesion that the map
draws. Dice's coefficient compares areas, 2 |A and B| / (|A| + |B|), and the boundary distance is the mean way from
either boundary to the other. Both are taken on a grid of square pixels, since those of RF are not.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, binary_fill_holes, distance_transform_edt, label, map_coordinates

from engine.metrics.base import MINIMUM_PIXELS, Finding, Metric, MetricInput, given, register
from engine.types import Ellipse, Geometry, Map, Mask

PIXEL_M = 0.1e-3
RIM_M = 1e-3
"""Distance from the outline within which strain belongs to its edge, to neither side."""
REACH_M = 3e-3
"""Distance outside the outline up to which the map is looked at."""
MILLI = 1e3


@dataclass(frozen=True)
class Shapes:
    """The true lesion and the drawn one on square pixels of `PIXEL_M`, (H, W) bool each, or why there is none."""

    true: Mask
    drawn: Mask
    reason: str = ""


def lesion_shapes(strain: Map, geometry: Geometry, lesion: Ellipse) -> Shapes:
    """Cut a strain map (H, W) at half contrast around a lesion's true outline.

    >>> geometry, lesion = Geometry(40e6, 5e6, 1540.0, 0.3e-3), Ellipse(0.0, 10e-3, 4e-3, 4e-3)
    >>> shapes = lesion_shapes(np.where(lesion.mask((1000, 80), geometry), -0.01, -0.02), geometry, lesion)
    >>> dice(shapes) > 0.97
    True
    """
    half_width_m, half_height_m = (reach + REACH_M for reach in lesion.reach_m)
    laterals_m = lesion.lateral_m + np.arange(-half_width_m, half_width_m + PIXEL_M, PIXEL_M)
    depths_m = lesion.depth_m + np.arange(-half_height_m, half_height_m + PIXEL_M, PIXEL_M)
    true = lesion.contains(laterals_m[None, :], depths_m[:, None])
    seen = _resampled(strain, geometry, laterals_m, depths_m)
    outside_m = PIXEL_M * distance_transform_edt(~true)
    core = (PIXEL_M * distance_transform_edt(true) > RIM_M) & np.isfinite(seen)
    ring = (outside_m > RIM_M) & (outside_m < REACH_M) & np.isfinite(seen)
    if min(core.sum(), ring.sum()) < MINIMUM_PIXELS:
        return Shapes(true, np.zeros_like(true), "too_few")
    inside, around = float(np.median(seen[core])), float(np.median(seen[ring]))
    if inside == around:
        return Shapes(true, np.zeros_like(true), "zero_variance")
    middle = (inside + around) / 2
    beyond = ((seen > middle) == (inside > middle)) & np.isfinite(seen) & (outside_m < REACH_M)
    pieces, count = label(beyond)
    if not count:
        return Shapes(true, beyond, "no_edge")
    largest = 1 + int(np.argmax(np.bincount(pieces[true], minlength=count + 1)[1:]))
    return Shapes(true, np.asarray(binary_fill_holes(pieces == largest), dtype=np.bool_))


def dice(shapes: Shapes) -> float:
    """Dice's coefficient, 0 to 1."""
    common = np.count_nonzero(shapes.true & shapes.drawn)
    return float(2 * common / (np.count_nonzero(shapes.true) + np.count_nonzero(shapes.drawn)))


def boundary_distance_mm(shapes: Shapes) -> float:
    """Mean distance between the boundaries, both ways, in mm."""
    first, second = (mask & ~binary_erosion(mask) for mask in (shapes.true, shapes.drawn))
    ways = [distance_transform_edt(~second)[first], distance_transform_edt(~first)[second]]
    return MILLI * PIXEL_M * float(np.concatenate(ways).mean())


def _resampled(
    strain: Map, geometry: Geometry, laterals_m: NDArray[np.float64], depths_m: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Interpolate a map (H, W) linearly; NaN beyond it and beside its own NaN."""
    lines = laterals_m / geometry.pitch_m + (strain.shape[1] - 1) / 2
    rows = (depths_m - geometry.start_depth_m) / geometry.axial_spacing_m
    places = np.meshgrid(rows, lines, indexing="ij")
    return np.asarray(map_coordinates(strain, places, np.float64, order=1, cval=math.nan), dtype=np.float64)


def _shapes(source: MetricInput) -> Shapes:
    return lesion_shapes(given(source.strain), source.geometry, given(source.lesion))


def _dice(source: MetricInput) -> Finding:
    shapes = source.once(_shapes)
    return Finding(reason=shapes.reason) if shapes.reason else Finding(dice(shapes), int(shapes.true.sum()))


def _boundary(source: MetricInput) -> Finding:
    shapes = source.once(_shapes)
    if shapes.reason:
        return Finding(reason=shapes.reason)
    return Finding(boundary_distance_mm(shapes), int(shapes.true.sum()))


register(
    Metric(
        "dice",
        "Dice",
        "Overlap of the lesion",
        "Dice's coefficient of the lesion that the strain map draws at half contrast with its true outline",
        _dice,
        ("strain", "truth", "lesion"),
        better="higher",
        places=frozenset({"evaluation"}),
        order=720,
        slow=True,
    )
)
register(
    Metric(
        "boundary_distance_mm",
        "Boundary",
        "Distance of the lesion's boundary",
        "Mean distance between the lesion's boundary in the strain map, at half contrast, and its true outline",
        _boundary,
        ("strain", "truth", "lesion"),
        "mm",
        "lower",
        places=frozenset({"evaluation"}),
        order=730,
        slow=True,
    )
)
