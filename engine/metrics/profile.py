"""Strain along a straight line: where an edge lies, how steep it is, and what lies behind it."""

import math
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import ParameterError
from engine.metrics.region_pixels import to_grid
from engine.types import FARTHEST_M, Geometry, Map

SHORTEST_M = 0.1e-3
MOST_POINTS = 2000

Values = NDArray[np.float64]


@dataclass(frozen=True)
class ProfileLine:
    """A straight line through the tissue from start to end; lateral positions and depths in metres."""

    start_lateral_m: float
    start_depth_m: float
    end_lateral_m: float
    end_depth_m: float

    def __post_init__(self) -> None:
        if not math.isfinite(self.length_m) or self.length_m < SHORTEST_M:
            raise ParameterError(f"a profile line must be at least 0.1 mm long, found {1e3 * self.length_m:g} mm")
        if max(map(abs, astuple(self))) > FARTHEST_M:
            raise ParameterError(f"a profile line may lie up to {FARTHEST_M:g} m away, found {astuple(self)}")

    @property
    def length_m(self) -> float:
        """Length of the line."""
        return math.hypot(self.end_lateral_m - self.start_lateral_m, self.end_depth_m - self.start_depth_m)

    @property
    def angle_deg(self) -> float:
        """Direction from start to end: 0 towards positive lateral, 90 towards greater depth."""
        return math.degrees(
            math.atan2(self.end_depth_m - self.start_depth_m, self.end_lateral_m - self.start_lateral_m)
        )

    def at(self, distance_m: Values | float) -> tuple[Any, Any]:
        """Lateral position and depth at a distance from the start, or at each of many."""
        share = distance_m / self.length_m
        return (
            self.start_lateral_m + share * (self.end_lateral_m - self.start_lateral_m),
            self.start_depth_m + share * (self.end_depth_m - self.start_depth_m),
        )

    def distances_m(self, geometry: Geometry) -> Values:
        """Distances (N,) of points at about the finer of the two spacings of a map, both ends included."""
        finer = min(geometry.axial_spacing_m, geometry.pitch_m)
        return np.linspace(0.0, self.length_m, min(math.ceil(self.length_m / finer), MOST_POINTS) + 1)


def profile(values: Map, geometry: Geometry, line: ProfileLine) -> Values:
    """Sample a map (H, W) bilinearly at `line.distances_m(geometry)`, (N,); NaN outside the image and beside NaN.

    The lines of a sector fan out; its points are taken to the beams, between which the map was estimated.

    Parameters
    ----------
    values
        Map (H, W).
    geometry
        Places its pixels.
    line
        Both ends in metres.

    Returns
    -------
    array
        Values along the line, (N,).

    >>> depth = np.tile(np.arange(400.0)[:, None], (1, 40))
    >>> line = ProfileLine(0.0, 2e-3, 0.0, 4e-3)
    >>> along = profile(depth, Geometry(40e6, 5e6, 1540.0, 0.3e-3), line)
    >>> along[[0, -1]].round(3).tolist()
    [103.896, 207.792]
    """
    lateral, depth = line.at(line.distances_m(geometry))
    row, column = to_grid(lateral, depth, (values.shape[0], values.shape[1]), geometry)
    return bilinear(values, row, column)


def bilinear(values: NDArray[Any], row: Values, column: Values) -> Values:
    """Interpolate an array (H, W) at fractional places (N,).

    NaN beyond the edges, which lie half a pixel beyond the outermost centres; in that rim the outermost pixel counts.
    A NaN counts only where it has a share in the result.
    """
    height, width = values.shape
    inside = (row >= -0.5) & (row <= height - 0.5) & (column >= -0.5) & (column <= width - 0.5)
    row, column = np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)
    top, left = np.floor(row).astype(np.int64), np.floor(column).astype(np.int64)
    down, right = row - top, column - left
    bottom, beside = np.minimum(top + 1, height - 1), np.minimum(left + 1, width - 1)
    corners = (
        (top, left, (1 - down) * (1 - right)),
        (top, beside, (1 - down) * right),
        (bottom, left, down * (1 - right)),
        (bottom, beside, down * right),
    )
    total = np.zeros(row.shape)
    for at_row, at_column, weight in corners:
        total += np.where(weight > 0, weight * values[at_row, at_column], 0.0)
    return np.where(inside, total, np.nan)
