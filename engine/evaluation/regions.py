"""The ellipses of an evaluation, from the labels of the truth: the same rule for every method and recording.

Target: the largest inclusion that the image shows whole, at 70 % of its radii. Background: the same size at the same
depth, beside it, clear of every inclusion by 2 mm and of the image's border; where that does not fit, ever narrower.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.types import Ellipse, Geometry

TARGET_SHARE = 0.7
CLEARANCE_M = 2e-3
_STEP_M = 0.25e-3
_NARROWER = (1.0, 0.85, 0.7, 0.5)
_BORDER = 0.03
"""Share of the width at either side that evaluation leaves out."""


@dataclass(frozen=True)
class Regions:
    """The lesion's outline, the target inside it and the background beside it; None where there is no place."""

    lesion: Ellipse | None = None
    target: Ellipse | None = None
    background: Ellipse | None = None


def evaluation_regions(labels: NDArray[np.int32], geometry: Geometry) -> Regions:
    """Choose the regions for a map of labels (H, W), 0 being the background."""
    outlines = [inclusion_outline(labels == label, geometry) for label in range(1, int(labels.max(initial=0)) + 1)]
    whole = [outline for outline in outlines if outline is not None]
    if not whole:
        return Regions()
    largest = max(whole, key=lambda outline: outline.area_m2)
    target = _scaled(largest, TARGET_SHARE)
    return Regions(largest, target, _background(target, labels, geometry))


def inclusion_outline(mask: NDArray[np.bool_], geometry: Geometry) -> Ellipse | None:
    """Ellipse with the second moments of a mask (H, W); None if it is empty or cut by the image's border."""
    rows, lines = np.nonzero(mask)
    if rows.size < 25 or mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any():
        return None
    x, z = geometry.laterals_m(mask.shape[1])[lines], geometry.depths_m(mask.shape[0])[rows]
    variances, axes = np.linalg.eigh(np.cov(np.stack([x, z]), bias=True))
    across, along = 2 * np.sqrt(variances)
    if along / across < 1.02:
        return Ellipse(float(x.mean()), float(z.mean()), float(along), float(along))
    angle = math.degrees(math.atan2(axes[1, 1], axes[0, 1]))
    return Ellipse(float(x.mean()), float(z.mean()), float(along), float(across), (angle + 90) % 180 - 90)


def _background(target: Ellipse, labels: NDArray[np.int32], geometry: Geometry) -> Ellipse | None:
    """Nearest place beside the target, to its left or right, that is free."""
    half_width_m = target.reach_m[0]
    for width in _NARROWER:
        candidate = _narrowed(target, width)
        first_m = 2 * half_width_m * TARGET_SHARE
        for shift_m in np.arange(first_m, labels.shape[1] * geometry.pitch_m, _STEP_M):
            for side in (1, -1):
                moved = replace(candidate, lateral_m=target.lateral_m + side * float(shift_m))
                if _free(moved, labels, geometry):
                    return moved
    return None


def _free(ellipse: Ellipse, labels: NDArray[np.int32], geometry: Geometry) -> bool:
    reach_m = ellipse.reach_m[0]
    laterals_m = geometry.laterals_m(labels.shape[1])
    edge_m = (0.5 - _BORDER) * (laterals_m[-1] - laterals_m[0])
    if abs(ellipse.lateral_m) + reach_m > edge_m:
        return False
    wider = replace(
        ellipse,
        semi_lateral_m=ellipse.semi_lateral_m + CLEARANCE_M,
        semi_axial_m=ellipse.semi_axial_m + CLEARANCE_M,
    )
    return not labels[wider.mask((labels.shape[0], labels.shape[1]), geometry)].any()


def _scaled(ellipse: Ellipse, factor: float) -> Ellipse:
    return replace(ellipse, semi_lateral_m=ellipse.semi_lateral_m * factor, semi_axial_m=ellipse.semi_axial_m * factor)


def _narrowed(ellipse: Ellipse, width: float) -> Ellipse:
    """Keep the shape, or where it is to be narrower, an upright ellipse of the same height and a share of the width."""
    if width == 1:
        return ellipse
    half_width_m, half_height_m = ellipse.reach_m
    return Ellipse(ellipse.lateral_m, ellipse.depth_m, width * half_width_m, half_height_m)
