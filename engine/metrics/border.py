"""The part of a strain map that whole-image metrics use: without the border, where filters see no full window."""

from engine.types import Geometry

LATERAL_FRACTION = 0.03
"""Share of the lines left out at each side; 2 to 5 % is usual."""


def interior(shape: tuple[int, int], geometry: Geometry, window_m: float) -> tuple[slice, slice]:
    """Rows and lines of an image (H, W) without half a strain window at top and bottom and 3 % of lines at each side.

    A map that is smaller than its border has an empty interior.
    """
    rows = round(window_m / 2 / geometry.axial_spacing_m)
    lines = round(LATERAL_FRACTION * shape[1])
    return slice(rows, max(rows, shape[0] - rows)), slice(lines, max(lines, shape[1] - lines))
