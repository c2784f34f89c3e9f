"""How strain is spread under the target and under the background, in bins that both share.

Overlap of the two histograms is what CNR puts into one number; a second hump or a long tail is what it hides.
"""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.metrics.base import DEFAULT_WINDOW_M
from engine.metrics.region_statistics import RegionStatistics, region_strain, statistics
from engine.quantity import COMPRESSIVE, PERCENT, Quantity
from engine.types import Ellipse, Geometry, Map

MOST_BINS = 40
REACH = 5.0
"""Bins reach this many standard deviations from the mean; a few wild pixels would else squeeze all others into one."""
TIDY_STEPS = (1.0, 2.0, 5.0, 10.0)

Values = NDArray[np.float64]


@dataclass(frozen=True)
class RegionHistogram:
    """One region: `share_percent` (B,) of its valid pixels in each bin, their mean and standard deviation as shown.

    `count` is the number of valid pixels, `beyond` how many of them lie beyond the bins. With a `reason` there is no
    histogram, and mean and deviation are NaN.
    """

    share_percent: Values = field(default_factory=lambda: np.zeros(0))
    mean: float = math.nan
    deviation: float = math.nan
    count: int = 0
    beyond: int = 0
    reason: str = ""


@dataclass(frozen=True)
class StrainHistogram:
    """Both regions over the same bins; `edges` (B + 1,) are in the unit of the `quantity`, per cent for strain."""

    edges: Values
    target: RegionHistogram
    background: RegionHistogram
    quantity: Quantity = COMPRESSIVE


def histogram_text(found: StrainHistogram) -> str:
    """Write a histogram as CSV: comment lines, a header, and a line for each bin."""
    regions = {"target": found.target, "background": found.background}
    lines = [f"# bins of {found.quantity.label}; shares of the valid pixels of each region"]
    for name, region in regions.items():
        said = region.reason or f"mean {region.mean:.6g}, deviation {region.deviation:.6g}, {region.count} px"
        lines.append(f"# {name}: {said}, {region.beyond} px beyond the bins")
    ends = ("_".join(filter(None, (end, found.quantity.unit_word))) for end in ("low", "high"))
    lines.append(f"{','.join(ends)},target_share_percent,background_share_percent")
    shares = [region.share_percent if region.share_percent.size else None for region in regions.values()]
    for index in range(len(found.edges) - 1):
        cells = ["" if share is None else f"{share[index]:.9g}" for share in shares]
        lines.append(",".join([f"{found.edges[index]:.9g}", f"{found.edges[index + 1]:.9g}", *cells]))
    return "\n".join(lines) + "\n"


def strain_histogram(
    strain: Map,
    geometry: Geometry,
    target: Ellipse | None,
    background: Ellipse | None,
    *,
    quantity: Quantity = COMPRESSIVE,
    window_m: float = DEFAULT_WINDOW_M,
) -> StrainHistogram:
    """Histogram of a map (H, W) as it is stored, strain negative in compression, under two ellipses.

    The pixels, and what are too few of them, are those of `region_metrics`; so are mean and deviation, but for the
    magnitude, whose own they are. Bins are at most 40, of a width of 1, 2 or 5 times a power of ten, from a multiple of
    their width. Without any usable region there are no edges.

    Parameters
    ----------
    strain, geometry, window_m
        Map (H, W), where it lies, and its strain window in metres.
    target, background
        Ellipses in metres, or None where not drawn.
    quantity
        As what the map is shown.

    Returns
    -------
    StrainHistogram
        Shares in percent of each region's valid pixels.

    >>> noise = np.random.default_rng(0).normal(-0.01, 1e-3, (900, 80)).astype(np.float32)
    >>> geometry, target = Geometry(40e6, 5e6, 1540.0, 0.3e-3), Ellipse(0.0, 9e-3, 3e-3, 3e-3)
    >>> found = strain_histogram(noise, geometry, target, None)
    >>> round(found.target.mean, 2), found.background.reason
    (1.0, 'not_drawn')
    """
    stored = [region_strain(strain, geometry, ellipse) for ellipse in (target, background)]
    found = [statistics(values, geometry, window_m) for values in stored]
    shown = [_shown(values, entry, quantity) for values, entry in zip(stored, found, strict=True)]
    summaries = [_summary(values, entry, quantity) for values, entry in zip(shown, found, strict=True)]
    edges = _edges([_reach(values, *summary) for values, summary in zip(shown, summaries, strict=True) if values.size])
    first, second = (
        _histogram(values, edges, summary, entry)
        for values, summary, entry in zip(shown, summaries, found, strict=True)
    )
    return StrainHistogram(edges, first, second, quantity)


def _shown(stored: NDArray[np.float32] | str, found: RegionStatistics, quantity: Quantity) -> Map:
    """Take the valid pixels in the shown quantity; none of an unusable region."""
    if isinstance(stored, str) or found.reason:
        return np.zeros(0, np.float32)
    return quantity.shown(stored[np.isfinite(stored)])


def _summary(shown: Map, found: RegionStatistics, quantity: Quantity) -> tuple[float, float]:
    """Mean and standard deviation in the shown quantity."""
    if quantity.magnitude and shown.size:
        return float(shown.mean(dtype=np.float64)), float(shown.std(dtype=np.float64))
    return -quantity.factor * found.mean, abs(quantity.factor) * found.deviation


def _reach(shown: Map, mean: float, deviation: float) -> tuple[float, float]:
    low, high = mean - REACH * deviation, mean + REACH * deviation
    return max(float(shown.min()), low), min(float(shown.max()), high)


def _edges(reaches: list[tuple[float, float]]) -> Values:
    """Tidy bins that hold all reaches."""
    if not reaches:
        return np.zeros(0)
    low, high = min(reach[0] for reach in reaches), max(reach[1] for reach in reaches)
    span = max(high - low, 1e-6 * max(abs(low), abs(high)), 1e-6)
    raw = span / (MOST_BINS - 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = power * next(factor for factor in TIDY_STEPS if factor * power >= raw * (1 - 1e-9))
    first = math.floor(low / step)
    return step * np.arange(first, max(math.floor(high / step), first) + 2, dtype=np.float64)


def _histogram(shown: Map, edges: Values, summary: tuple[float, float], found: RegionStatistics) -> RegionHistogram:
    if not shown.size:
        return RegionHistogram(count=found.count, reason=found.reason)
    # Bins of equal width need no search; numpy's own takes ten times as long, and a drag comes here at each step.
    index = np.floor((shown - edges[0]) * ((edges.size - 1) / (edges[-1] - edges[0]))).astype(np.int64)
    inside = index[(index >= 0) & (index < edges.size - 1)]
    counts = np.bincount(inside, minlength=edges.size - 1)
    share = PERCENT * counts / shown.size
    return RegionHistogram(share, *summary, shown.size, shown.size - inside.size)
