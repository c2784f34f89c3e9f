"""Signal-to-noise, contrast-to-noise and strain ratio of a strain map under a target and a background ellipse.

The one function behind the live numbers, the command line and every export. The stored strain is negative in
compression; all numbers here are compression positive.

With s the mean and sigma the standard deviation over a region (Joarder et al. 2025, section 4.4):
SNR = s / sigma, CNR = sqrt(2 (s_b - s_t)^2 / (sigma_b^2 + sigma_t^2)), strain ratio = s_b / s_t. CNRe = CNR^2 is the
elastographic contrast-to-noise ratio of Bilgen (1999) and Varghese and Ophir (1998), whose dB are 10 log10.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.metrics.base import Measurement
from engine.metrics.border import interior
from engine.metrics.reasons import explain
from engine.metrics.region_pixels import leaves, local_mask, misses, overlap
from engine.types import Ellipse, Geometry, Map, Strain

__all__ = ["RegionWarning", "explain", "region_metrics", "region_warnings", "strain_metrics"]

MINIMUM_PIXELS = 25
MINIMUM_CELLS = 3.0
BEAM_WIDTH_WAVELENGTHS = 2.0
"""Lateral resolution of a focused linear array at about f/2, in wavelengths; 0.6 mm at 5 MHz."""

DEFAULT_WINDOW_M = 2e-3
PERCENT = 100.0

RegionName = Literal["target", "background"]


@dataclass(frozen=True)
class RegionWarning:
    """Something the user should know of a drawn region; `reason` is a code of `engine.metrics.reasons`."""

    region: RegionName
    reason: str

    def __str__(self) -> str:
        return f"{self.region}: {explain(self.reason)}"


@dataclass(frozen=True)
class _Region:
    """Count, mean and standard deviation of compressive strain over some pixels; `reason` is set where unusable."""

    count: int = 0
    mean: float = math.nan
    deviation: float = math.nan
    reason: str = ""


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
    t = _statistics(_values(strain, geometry, target), geometry, window_m, ddof)
    b = _statistics(_values(strain, geometry, background), geometry, window_m, ddof)
    whole = _statistics(strain[interior(_shape(strain), geometry, window_m)], geometry, window_m, ddof)
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
    window_m: float = DEFAULT_WINDOW_M,
) -> tuple[RegionWarning, ...]:
    """List what is doubtful about the regions: outside or leaving the image, too few valid pixels, overlap."""
    found: list[RegionWarning] = []
    drawn: tuple[tuple[RegionName, Ellipse | None], ...] = (("target", target), ("background", background))
    for name, ellipse in drawn:
        if ellipse is None:
            continue
        reason = _statistics(_values(strain, geometry, ellipse), geometry, window_m, 0).reason
        if reason != "outside_image" and leaves(ellipse, _shape(strain), geometry):
            found.append(RegionWarning(name, "leaves_image"))
        if reason:
            found.append(RegionWarning(name, reason))
    if target is not None and background is not None and overlap(target, background, _shape(strain), geometry):
        found.append(RegionWarning("background", "overlap"))
    return tuple(found)


def decibel(ratio: float, factor: float = 20.0) -> float:
    """Return factor log10 |ratio|: 20 for amplitude-like ratios, 10 for squared ones; NaN where there is none."""
    return factor * math.log10(abs(ratio)) if ratio and math.isfinite(ratio) else math.nan


def _shape(strain: Map) -> tuple[int, int]:
    return strain.shape[0], strain.shape[1]


def _values(strain: Map, geometry: Geometry, ellipse: Ellipse | None) -> NDArray[np.float32] | str:
    """Return the stored strain of the ellipse's pixels, NaN included, or the reason why there are none."""
    if ellipse is None:
        return "not_drawn"
    box, mask = local_mask(ellipse, _shape(strain), geometry)
    if not mask.any():
        return "outside_image" if misses(ellipse, _shape(strain), geometry) else "too_few"
    return strain[box][mask]


def _statistics(values: NDArray[np.float32] | str, geometry: Geometry, window_m: float, ddof: int) -> _Region:
    if isinstance(values, str):
        return _Region(reason=values)
    finite = np.isfinite(values)
    valid = values.reshape(-1) if finite.all() else values[finite]
    cell_m2 = window_m * max(geometry.pitch_m, BEAM_WIDTH_WAVELENGTHS * geometry.wavelength_m)
    cells = valid.size * geometry.axial_spacing_m * geometry.pitch_m / cell_m2
    if valid.size < MINIMUM_PIXELS or cells < MINIMUM_CELLS:
        return _Region(valid.size, reason="too_few")
    # Rounding leaves a tiny deviation in a constant region, so equality is asked of the values themselves.
    if valid.min() == valid.max():
        return _Region(valid.size, -float(valid[0]), 0.0)
    mean = float(valid.mean(dtype=np.float64))
    centred = np.subtract(valid, mean, dtype=np.float64)
    deviation = math.sqrt(float(centred @ centred) / (valid.size - ddof))
    return _Region(valid.size, -mean, deviation)


def _snr(name: str, region: _Region, ddof: int) -> Measurement:
    reason = region.reason or ("zero_variance" if region.deviation == 0 else "")
    if reason:
        return _missing(name, reason, region.count, ddof)
    return _ratio(name, region.mean / region.deviation, region.count, ddof)


def _contrast_to_noise(t: _Region, b: _Region, ddof: int) -> tuple[Measurement, Measurement]:
    count = t.count + b.count
    reason = t.reason or b.reason or ("zero_variance" if t.deviation == b.deviation == 0 else "")
    if reason:
        return _missing("cnr", reason, count, ddof), _missing("cnre", reason, count, ddof)
    squared = 2 * (b.mean - t.mean) ** 2 / (b.deviation**2 + t.deviation**2)
    cnre = Measurement("cnre", squared, decibel=decibel(squared, 10.0), count=count, ddof=ddof)
    return _ratio("cnr", math.sqrt(squared), count, ddof), cnre


def _mean_ratio(name: str, above: _Region, below: _Region, ddof: int) -> Measurement:
    count = above.count + below.count
    reason = above.reason or below.reason or ("zero_mean" if below.mean == 0 else "")
    if reason:
        return _missing(name, reason, count, ddof)
    return _ratio(name, above.mean / below.mean, count, ddof)


def _moments(where: str, region: _Region, ddof: int) -> tuple[Measurement, Measurement]:
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
