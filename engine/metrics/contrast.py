"""Signal-to-noise, contrast-to-noise and strain ratio of a strain map under a target and a background ellipse.

The one function behind the live numbers, the command line and every export. The stored strain is negative in
compression; all numbers here are compression positive.

With s the mean and sigma the standard deviation over a region (Joarder et al. 2025, equations 12 and 13):
SNR = s / sigma, CNR = sqrt(2 (s_b - s_t)^2 / (sigma_b^2 + sigma_t^2)), strain ratio = s_b / s_t. CNRe = CNR^2 is the
elastographic contrast-to-noise ratio of Bilgen (1999) and Varghese and Ophir (1998), whose dB are 10 log10.
"""

import math
from dataclasses import dataclass
from typing import Literal

from engine.metrics.base import Measurement
from engine.metrics.border import interior
from engine.metrics.reasons import explain
from engine.metrics.region_pixels import leaves, local_mask, overlap
from engine.metrics.region_statistics import (
    DEFAULT_WINDOW_M,
    MINIMUM_PIXELS,
    RegionStatistics,
    region_strain,
    statistics,
)
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

PERCENT = 100.0

LARGEST_DEPTH_DIFFERENCE_M = 5e-3
"""Difference of depth of two regions up to which their strains are compared without a warning."""

RegionName = Literal["target", "background", "lesion"]


@dataclass(frozen=True)
class RegionWarning:
    """Something the user should know of a drawn region; `reason` is a code of `engine.metrics.reasons`."""

    region: RegionName
    reason: str

    def __str__(self) -> str:
        return f"{self.region}: {explain(self.reason)}"


def strain_metrics(
    strain: Strain, target: Ellipse | None, background: Ellipse | None, *, ddof: int = 0
) -> dict[str, Measurement]:
    """Compute `region_metrics` of a strain map with the length of its own strain window."""
    return region_metrics(
        strain.axial, strain.geometry, target, background, ddof=ddof, window_m=strain.window_m or DEFAULT_WINDOW_M
    )


def region_metrics(
    strain: Map,
    geometry: Geometry,
    target: Ellipse | None,
    background: Ellipse | None,
    *,
    ddof: int = 0,
    window_m: float = DEFAULT_WINDOW_M,
) -> dict[str, Measurement]:
    """Compute every contrast metric of one strain map (H, W), negative in compression, NaN where invalid.

    A region needs at least 25 valid pixels and 3 resolution cells. A cell is as long as the strain window `window_m`
    and as wide as the beam, taken as two wavelengths at the centre frequency but at least one line; the number of
    cells is the area of the valid pixels over the area of a cell. SNRe is over the whole map without its border.
    What cannot be computed is NaN with a reason, never infinite. Means and standard deviations are in percent strain.
    """
    t = statistics(region_strain(strain, geometry, target), geometry, window_m, ddof)
    b = statistics(region_strain(strain, geometry, background), geometry, window_m, ddof)
    whole = statistics(strain[interior(_shape(strain), geometry, window_m)], geometry, window_m, ddof)
    entries = (
        _snr("snr_target", t, ddof),
        _snr("snr_background", b, ddof),
        *_contrast_to_noise(t, b, ddof),
        _snr("snre", whole, ddof),
        _mean_ratio("strain_ratio", b, t, ddof),
        _mean_ratio("strain_contrast", t, b, ddof),
        *_moments("target", t, ddof),
        *_moments("background", b, ddof),
        *_moments("image", whole, ddof),
    )
    return {entry.name: entry for entry in entries}


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


def decibel(ratio: float, factor: float = 20.0) -> float:
    """Return factor log10 |ratio|: 20 for amplitude-like ratios, 10 for squared ones; NaN where there is none."""
    return factor * math.log10(abs(ratio)) if ratio and math.isfinite(ratio) else math.nan


def _shape(strain: Map) -> tuple[int, int]:
    return strain.shape[0], strain.shape[1]


def _snr(name: str, region: RegionStatistics, ddof: int) -> Measurement:
    reason = region.reason or ("zero_variance" if region.deviation == 0 else "")
    if reason:
        return _missing(name, reason, region.count, ddof)
    return _ratio(name, region.mean / region.deviation, region.count, ddof)


def _contrast_to_noise(t: RegionStatistics, b: RegionStatistics, ddof: int) -> tuple[Measurement, Measurement]:
    count = t.count + b.count
    reason = t.reason or b.reason or ("zero_variance" if t.deviation == b.deviation == 0 else "")
    if reason:
        return _missing("cnr", reason, count, ddof), _missing("cnre", reason, count, ddof)
    squared = 2 * (b.mean - t.mean) ** 2 / (b.deviation**2 + t.deviation**2)
    cnre = Measurement("cnre", squared, decibel=decibel(squared, 10.0), count=count, ddof=ddof)
    return _ratio("cnr", math.sqrt(squared), count, ddof), cnre


def _mean_ratio(name: str, above: RegionStatistics, below: RegionStatistics, ddof: int) -> Measurement:
    count = above.count + below.count
    reason = above.reason or below.reason or ("zero_mean" if below.mean == 0 else "")
    if reason:
        return _missing(name, reason, count, ddof)
    return _ratio(name, above.mean / below.mean, count, ddof)


def _moments(where: str, region: RegionStatistics, ddof: int) -> tuple[Measurement, Measurement]:
    names = f"mean_{where}", f"std_{where}"
    if region.reason:
        first, second = (_missing(name, region.reason, region.count, ddof, unit="%") for name in names)
        return first, second
    first, second = (
        Measurement(name, PERCENT * value, "%", count=region.count, ddof=ddof)
        for name, value in zip(names, (region.mean, region.deviation), strict=True)
    )
    return first, second


def _ratio(name: str, value: float, count: int, ddof: int) -> Measurement:
    return Measurement(name, value, decibel=decibel(value), count=count, ddof=ddof)


def _missing(name: str, reason: str, count: int, ddof: int, unit: str = "") -> Measurement:
    return Measurement(name, math.nan, unit, count=count, ddof=ddof, reason=reason)
