"""CNR of many windows: 6 in the lesion times 20 beside it make 120 values, which no lucky pair of windows decides.

The protocol of Kibria and Rivaz (2018), section 3; the layout, which the paper leaves open, is: square windows of
3 mm, targets on a grid of 2 x 3 inside the lesion, backgrounds over the lesion's depths to its left and right, at
least 2 mm from its outline.
"""

import math

import numpy as np
from numpy.typing import NDArray

from engine.metrics.contrast import MINIMUM_PIXELS
from engine.types import Ellipse, Geometry, Map

WINDOW_M = 3e-3
CLEARANCE_M = 2e-3
TARGET_GRID = (2, 3)
BACKGROUNDS = 20

Corner = tuple[float, float]
Moments = tuple[float, float]


def cnr_histogram(
    strain: Map, geometry: Geometry, lesion: Ellipse, *, window_m: float = WINDOW_M
) -> NDArray[np.float64]:
    """CNR of every pair of a target and a background window in a strain map (H, W), up to 120 values.

    Windows that hold fewer than 25 valid pixels and pairs without variance are left out; where neither side has room
    for a background window the result is empty.

    Parameters
    ----------
    strain
        Map (H, W), negative in compression.
    geometry
        Places its pixels.
    lesion
        Outline in metres.
    window_m
        Side of a window.

    Returns
    -------
    array
        CNR of each pair (N,), at most 120.

    >>> noise = np.random.default_rng(0).normal(0.0, 1e-3, (1500, 100))
    >>> geometry, lesion = Geometry(40e6, 5e6, 1540.0, 0.3e-3), Ellipse(0.0, 14e-3, 4e-3, 4e-3)
    >>> strain = (np.where(lesion.mask((1500, 100), geometry), -0.01, -0.02) + noise).astype(np.float32)
    >>> cnr_histogram(strain, geometry, lesion).size
    120
    """
    targets = [_moments(strain, geometry, corner, window_m) for corner in target_windows(lesion, window_m)]
    places = background_windows(strain.shape[1], geometry, lesion, window_m)
    backgrounds = [_moments(strain, geometry, corner, window_m) for corner in places]
    values = [_cnr(target, background) for target in targets for background in backgrounds]
    return np.asarray([value for value in values if math.isfinite(value)], dtype=np.float64)


def target_windows(lesion: Ellipse, window_m: float = WINDOW_M) -> list[Corner]:
    """Left upper corners (lateral, depth) of the target windows: their centres fill the middle of the lesion."""
    rows, columns = TARGET_GRID
    reach_x, reach_z = lesion.reach_m
    inner_x, inner_z = (max(0.7 * reach - window_m / 2, 0.0) for reach in (reach_x, reach_z))
    return [
        (lesion.lateral_m + x - window_m / 2, lesion.depth_m + z - window_m / 2)
        for z in np.linspace(-inner_z, inner_z, rows)
        for x in np.linspace(-inner_x, inner_x, columns)
    ]


def background_windows(lines: int, geometry: Geometry, lesion: Ellipse, window_m: float = WINDOW_M) -> list[Corner]:
    """Left upper corners of the background windows, evenly over the lesion's depths and the sides that have room."""
    reach_x, reach_z = lesion.reach_m
    edge = lines * geometry.pitch_m / 2
    lefts = (-edge, lesion.lateral_m + reach_x + CLEARANCE_M)
    rights = (lesion.lateral_m - reach_x - CLEARANCE_M, edge)
    rooms = [(left, right - window_m) for left, right in zip(lefts, rights, strict=True) if right - left >= window_m]
    if not rooms:
        return []
    depths = np.linspace(-reach_z, max(reach_z - window_m, -reach_z), BACKGROUNDS // len(rooms))
    return [((left + right) / 2, lesion.depth_m + depth) for left, right in rooms for depth in depths]


def _moments(strain: Map, geometry: Geometry, corner: Corner, window_m: float) -> Moments:
    """Mean and standard deviation of compressive strain in a window; NaN where it holds too few valid pixels."""
    laterals, depths = geometry.laterals_m(strain.shape[1]), geometry.depths_m(strain.shape[0])
    first, last = np.searchsorted(laterals, (corner[0], corner[0] + window_m))
    top, bottom = np.searchsorted(depths, (corner[1], corner[1] + window_m))
    values = strain[top:bottom, first:last]
    valid = -values[np.isfinite(values)].astype(np.float64)
    return (float(valid.mean()), float(valid.std())) if valid.size >= MINIMUM_PIXELS else (math.nan, math.nan)


def _cnr(target: Moments, background: Moments) -> float:
    variance = target[1] ** 2 + background[1] ** 2
    return math.sqrt(2 * (background[0] - target[0]) ** 2 / variance) if variance > 0 else math.nan
