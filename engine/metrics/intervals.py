"""Intervals of the numbers of regions, from the standard deviations of their means and their independent cells.

A mean has its normal interval. A ratio of means has Fieller's (1954), which is right also where the lower mean is
uncertain, and none where that cannot be told from zero. Of SNR = m / s over n cells the variance is
(1 + SNR^2 / 2) / n, of CNR the one of the difference of the means and of the two variances (delta method).
"""

import math
from dataclasses import replace

from engine.metrics.base import Finding
from engine.metrics.region_statistics import RegionStatistics

COVERED = 1.959964
"""Standard deviations to either side within which a normal value lies with 95 %."""

UNCERTAIN = "the uncertainty is larger than the value"


def with_interval(found: Finding, sigma: float, cells: float) -> Finding:
    """Add a normal interval; a sigma that is not known leaves the finding as it is."""
    if found.reason or not math.isfinite(sigma):
        return found
    return replace(
        found,
        sigma=sigma,
        low=found.value - COVERED * sigma,
        high=found.value + COVERED * sigma,
        cells=cells,
        warning=UNCERTAIN if sigma > abs(found.value) else "",
    )


def ratio_interval(found: Finding, above: RegionStatistics, below: RegionStatistics) -> Finding:
    """Add Fieller's interval of a ratio of two independent means; none where the lower one may be zero."""
    if found.reason or not (math.isfinite(above.mean_sigma) and math.isfinite(below.mean_sigma)):
        return found
    ratio, part = found.value, below.mean_sigma / below.mean
    sigma = math.hypot(above.mean_sigma / below.mean, ratio * part)
    cells = min(above.cells, below.cells)
    uncertain = (COVERED * part) ** 2
    if uncertain >= 1:
        return replace(found, sigma=sigma, cells=cells, warning="the mean strain below cannot be told from zero")
    middle = ratio / (1 - uncertain)
    spread = math.sqrt((above.mean_sigma / below.mean) ** 2 * (1 - uncertain) + (ratio * part) ** 2) / (1 - uncertain)
    low, high = middle - COVERED * spread, middle + COVERED * spread
    return replace(found, sigma=sigma, low=low, high=high, cells=cells, warning=UNCERTAIN if sigma > abs(ratio) else "")


def snr_sigma(snr: float, region: RegionStatistics) -> float:
    """Return the standard deviation of an SNR; NaN where the uncertainty of the strain is not known."""
    if not (region.cells and math.isfinite(region.mean_sigma)):
        return math.nan
    return math.sqrt((1 + snr**2 / 2) / region.cells)


def cnr_sigma(cnr: float, t: RegionStatistics, b: RegionStatistics) -> float:
    """Return the standard deviation of a CNR; NaN where the uncertainty of the strain is not known."""
    if not (t.cells and b.cells and math.isfinite(t.mean_sigma) and math.isfinite(b.mean_sigma)):
        return math.nan
    total = t.deviation**2 + b.deviation**2
    means = 2 * (t.deviation**2 / t.cells + b.deviation**2 / b.cells) / total
    variances = (t.deviation**4 / t.cells + b.deviation**4 / b.cells) / total**2
    return math.sqrt(means + cnr**2 * variances / 2)
