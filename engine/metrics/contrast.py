"""All numbers of a strain map under a target and a background ellipse, and what is doubtful about the ellipses.

The one function behind the live numbers, the command line and every export. The stored strain is negative in
compression; all numbers here are compression positive. Each metric is a file of this folder.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from engine.metrics.base import DEFAULT_WINDOW_M, MINIMUM_PIXELS, Measurement, MetricInput, measure
from engine.metrics.reasons import explain
from engine.metrics.region_pixels import leaves, local_mask, overlap
from engine.metrics.region_statistics import region_strain, statistics
from engine.types import Ellipse, Geometry, Map, Strain

__all__ = [
    "DEFAULT_WINDOW_M",
    "MINIMUM_PIXELS",
    "RegionWarning",
    "explain",
    "region_metrics",
    "region_warnings",
    "strain_metrics",
]

LARGEST_DEPTH_DIFFERENCE_M = 5e-3
"""Difference of depth of two regions up to which their strains are compared without a warning."""

SMALLEST_REGION_M, SMALLEST_WINDOWS = 2e-3, 3.0
"""A region whose shorter axis is below the length, or its height below so many strain windows, shows blur too much."""

LEAST_VALID = 0.5
"""Share of a region's pixels that must have a strain."""

RegionName = Literal["target", "background", "lesion"]


@dataclass(frozen=True)
class RegionWarning:
    """Something the user should know of a drawn region; `reason` is a code of `engine.metrics.reasons`."""

    region: RegionName
    reason: str

    def __str__(self) -> str:
        return f"{self.region}: {explain(self.reason)}"


def strain_metrics(
    strain: Strain,
    target: Ellipse | None = None,
    background: Ellipse | None = None,
    *,
    lesion: Ellipse | None = None,
    ddof: int = 0,
    slow: bool = False,
) -> dict[str, Measurement]:
    """Compute every metric of a strain map, by name; `engine.measure` is this function.

    Parameters
    ----------
    strain
        Map (H, W), negative in compression, NaN where invalid, with its geometry and strain window.
    target, background
        Ellipses in metres; metrics of one that is None are NaN with the reason `not_drawn`.
    lesion
        Outline of the target's lesion on the B-mode, for the E/B size ratio.
    ddof
        Of standard deviations: 0 for the population's, 1 for the sample's.
    slow
        Whether metrics that cannot follow a drag take part, as the width of the lesion's edge.

    Returns
    -------
    dict
        A `Measurement` for each metric; strain is in percent and compression positive.

    >>> import numpy as np
    >>> strain = Strain(np.full((900, 80), -0.01, np.float32), Geometry(40e6, 5e6, 1540.0, 0.3e-3), 2e-3)
    >>> found = strain_metrics(strain, target=Ellipse(0.0, 9e-3, 3e-3, 3e-3))
    >>> round(found["mean_target"].value, 6), found["cnr"].reason
    (1.0, 'not_drawn')
    """
    regions = {"target": target, "background": background, "lesion": lesion}
    return measure(MetricInput.of_strain(strain, **regions, ddof=ddof), slow=slow)


def region_metrics(
    strain: Map,
    geometry: Geometry,
    target: Ellipse | None,
    background: Ellipse | None,
    *,
    lesion: Ellipse | None = None,
    ddof: int = 0,
    window_m: float = DEFAULT_WINDOW_M,
    slow: bool = False,
) -> dict[str, Measurement]:
    """Compute every metric of one strain map (H, W), negative in compression, NaN where invalid, by name.

    A region needs at least 25 valid pixels and 3 resolution cells. A cell is as long as the strain window `window_m`
    and as wide as the beam, taken as two wavelengths at the centre frequency but at least one line; the number of
    cells is the area of the valid pixels over the area of a cell. SNRe is over the whole map without its border.
    What cannot be computed is NaN with a reason, never infinite. Means and standard deviations are in percent strain.
    `lesion` is the outline on the B-mode. Metrics that cannot follow a drag come with `slow`.

    Parameters
    ----------
    strain
        Map (H, W).
    geometry
        Places its pixels in the tissue.
    target, background, lesion
        Ellipses in metres, or None where not drawn.
    ddof, window_m, slow
        As above; lengths in metres.

    Returns
    -------
    dict
        A `Measurement` for each metric.

    >>> import numpy as np
    >>> strain = np.full((900, 80), -0.02, np.float32)
    >>> found = region_metrics(strain, Geometry(40e6, 5e6, 1540.0, 0.3e-3), Ellipse(0, 9e-3, 3e-3, 3e-3), None)
    >>> found["mean_target"].unit, found["snr_target"].reason
    ('%', 'zero_variance')
    """
    return measure(
        MetricInput(geometry, strain, target, background, lesion, window_m or DEFAULT_WINDOW_M, ddof), slow=slow
    )


def region_warnings(
    strain: Map,
    geometry: Geometry,
    target: Ellipse | None,
    background: Ellipse | None,
    *,
    lesion: Ellipse | None = None,
    window_m: float = DEFAULT_WINDOW_M,
) -> tuple[RegionWarning, ...]:
    """List what is doubtful about the regions: outside or leaving the image, too few valid pixels, overlap, depth.

    Strain falls with the distance from the probe, so a background deeper or shallower than the target by more than
    5 mm spoils their ratio. Of the `lesion`'s outline on the B-mode only its size counts, so only its place can be
    doubtful.

    Parameters
    ----------
    strain, geometry, window_m
        Map (H, W), where it lies, and its strain window in metres.
    target, background, lesion
        Ellipses in metres, or None where not drawn.

    Returns
    -------
    tuple of RegionWarning
        Which region, and why.

    >>> import numpy as np
    >>> strain = np.zeros((900, 80), np.float32)
    >>> both = Ellipse(0, 9e-3, 3e-3, 3e-3), Ellipse(1e-3, 9e-3, 3e-3, 3e-3)
    >>> [warning.reason for warning in region_warnings(strain, Geometry(40e6, 5e6, 1540.0, 0.3e-3), *both)]
    ['overlap']
    """
    found: list[RegionWarning] = []
    drawn: tuple[tuple[RegionName, Ellipse | None], ...] = (("target", target), ("background", background))
    for name, ellipse in drawn:
        if ellipse is None:
            continue
        reason = statistics(region_strain(strain, geometry, ellipse), geometry, window_m, 0).reason
        if reason != "outside_image" and leaves(ellipse, _shape(strain), geometry):
            found.append(RegionWarning(name, "leaves_image"))
        if reason:
            found.append(RegionWarning(name, reason))
        found += [RegionWarning(name, code) for code in _doubts(ellipse, strain, geometry, window_m)]
    if target is not None and background is not None and overlap(target, background, _shape(strain), geometry):
        found.append(RegionWarning("background", "overlap"))
    if target is not None and background is not None:
        visible = not {"outside_image"} & {warning.reason for warning in found}
        if visible and abs(target.depth_m - background.depth_m) > LARGEST_DEPTH_DIFFERENCE_M:
            found.append(RegionWarning("background", "other_depth"))
    if lesion is not None and leaves(lesion, _shape(strain), geometry):
        seen = bool(local_mask(lesion, _shape(strain), geometry)[1].any())
        found.append(RegionWarning("lesion", "outline_leaves_image" if seen else "outside_image"))
    return tuple(found)


def _doubts(ellipse: Ellipse, strain: Map, geometry: Geometry, window_m: float) -> tuple[str, ...]:
    """Name what makes the numbers of a region not worth reading: it is too small, or mostly not valid."""
    values = region_strain(strain, geometry, ellipse)
    shorter_m, height_m = 2 * min(ellipse.semi_axial_m, ellipse.semi_lateral_m), 2 * ellipse.reach_m[1]
    small = shorter_m < SMALLEST_REGION_M or height_m < SMALLEST_WINDOWS * window_m
    few = not isinstance(values, str) and float(np.isfinite(values).mean()) < LEAST_VALID
    return ("small_region",) * small + ("mostly_invalid",) * few


def _shape(strain: Map) -> tuple[int, int]:
    return strain.shape[0], strain.shape[1]
