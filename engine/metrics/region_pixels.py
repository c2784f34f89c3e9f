"""Which pixels of a strain map lie under an ellipse, at a cost that follows the ellipse and not the image.

Ellipses live where the tissue is. Of a linear array that is the grid of the map itself; the lines of a convex or phased
array fan out, and each pixel is taken to where it truly lies.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from engine.preprocess.scan_conversion import ScanConverter
from engine.types import Ellipse, Geometry, Mask

Points = NDArray[np.float64]
Shape = tuple[int, int]
Box = tuple[slice, slice]

OUTLINE_POINTS = 128
MARGIN_PX = 2
"""Pixels around the box of the sampled outline; sampling shortens an ellipse by 0.03 %."""


@lru_cache(maxsize=16)
def local_mask(ellipse: Ellipse, shape: Shape, geometry: Geometry) -> tuple[Box, Mask]:
    """Return the bounding box of an ellipse inside an image (H, W), and the ellipse's pixels in that box, read-only.

    Kept for the last few ellipses: the frames of a recording, numbers and warnings share one mask.
    """
    box = _box(ellipse, shape, geometry)
    mask = inside(ellipse, box, shape, geometry)
    mask.setflags(write=False)
    return box, mask


def inside(ellipse: Ellipse, box: Box, shape: Shape, geometry: Geometry) -> Mask:
    """Say which pixels of a box of the image lie in the ellipse."""
    rows, lines = box
    row, line = np.arange(shape[0], dtype=np.float64)[rows, None], np.arange(shape[1], dtype=np.float64)[None, lines]
    return ellipse.contains(*to_tissue(row, line, shape, geometry))


def leaves(ellipse: Ellipse, shape: Shape, geometry: Geometry) -> bool:
    """Whether part of the ellipse lies beyond the image, whose edges are half a pixel beyond the outermost centres."""
    return not bool(np.all(in_image(*_outline(ellipse), shape, geometry)))


def misses(ellipse: Ellipse, shape: Shape, geometry: Geometry) -> bool:
    """Whether the ellipse's centre lies beyond the image."""
    centre = np.array([ellipse.lateral_m]), np.array([ellipse.depth_m])
    return not bool(np.all(in_image(*centre, shape, geometry)))


def overlap(first: Ellipse, second: Ellipse, shape: Shape, geometry: Geometry) -> bool:
    """Whether two ellipses share a pixel."""
    (rows, lines), (other_rows, other_lines) = (_box(ellipse, shape, geometry) for ellipse in (first, second))
    common = (
        slice(max(rows.start, other_rows.start), min(rows.stop, other_rows.stop)),
        slice(max(lines.start, other_lines.start), min(lines.stop, other_lines.stop)),
    )
    if common[0].start >= common[0].stop or common[1].start >= common[1].stop:
        return False
    return bool((inside(first, common, shape, geometry) & inside(second, common, shape, geometry)).any())


def _box(ellipse: Ellipse, shape: Shape, geometry: Geometry) -> Box:
    row, line = to_grid(*_outline(ellipse), shape, geometry)
    return _span(row, shape[0]), _span(line, shape[1])


def _outline(ellipse: Ellipse) -> tuple[Points, Points]:
    """Lateral positions and depths of points around the ellipse."""
    around = np.linspace(0.0, 2 * np.pi, OUTLINE_POINTS, endpoint=False)
    along, across = ellipse.semi_lateral_m * np.cos(around), ellipse.semi_axial_m * np.sin(around)
    turn = np.radians(ellipse.angle_deg)
    lateral = ellipse.lateral_m + along * np.cos(turn) - across * np.sin(turn)
    depth = ellipse.depth_m + along * np.sin(turn) + across * np.cos(turn)
    return lateral, depth


def to_grid(lateral_m: Points, depth_m: Points, shape: Shape, geometry: Geometry) -> tuple[Points, Points]:
    """Fractional row and line of points in the tissue."""
    if geometry.sector is not None:
        return _converter(shape, geometry).to_beam(lateral_m, depth_m)
    row = (depth_m - geometry.start_depth_m) / geometry.axial_spacing_m
    return row, lateral_m / geometry.pitch_m + (shape[1] - 1) / 2


def to_tissue(row: Points, line: Points, shape: Shape, geometry: Geometry) -> tuple[Points, Points]:
    """Lateral position and depth of fractional rows and lines, inverse of `to_grid`."""
    if geometry.sector is not None:
        return _converter(shape, geometry).to_image(row, line)
    return (line - (shape[1] - 1) / 2) * geometry.pitch_m, geometry.start_depth_m + row * geometry.axial_spacing_m


def in_image(lateral_m: Points, depth_m: Points, shape: Shape, geometry: Geometry) -> Mask:
    """Say of each point whether it lies in the image, whose edges are half a pixel beyond the outermost centres."""
    row, line = to_grid(lateral_m, depth_m, shape, geometry)
    found: Mask = (row >= -0.5) & (row <= shape[0] - 0.5) & (line >= -0.5) & (line <= shape[1] - 0.5)
    return found


def _span(place: Points, size: int) -> slice:
    first = min(max(int(np.floor(place.min())) - MARGIN_PX, 0), size)
    last = min(max(int(np.ceil(place.max())) + MARGIN_PX + 1, first), size)
    return slice(first, last)


def _converter(shape: Shape, geometry: Geometry) -> ScanConverter:
    return ScanConverter(geometry, shape, geometry.pitch_m)
