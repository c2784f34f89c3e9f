"""Contrast-to-noise ratio of two regions, CNR = sqrt(2 (s_b - s_t)^2 / (sigma_b^2 + sigma_t^2)), and its square CNRe.

CNR is that of Joarder et al. 2025, equation 13. CNRe is the elastographic contrast-to-noise ratio of Bilgen (1999) and
Varghese and Ophir (1998), whose dB are 10 log10.
"""

import math

from engine.metrics.base import Finding, Metric, MetricInput, register
from engine.metrics.intervals import cnr_sigma, with_interval
from engine.metrics.region_statistics import background_statistics, target_statistics


def squared(source: MetricInput) -> Finding:
    """Return CNRe of the target and the background."""
    t, b = source.once(target_statistics), source.once(background_statistics)
    count = t.count + b.count
    reason = t.reason or b.reason or ("zero_variance" if t.deviation == b.deviation == 0 else "")
    if reason:
        return Finding(count=count, reason=reason)
    return Finding(2 * (b.mean - t.mean) ** 2 / (b.deviation**2 + t.deviation**2), count)


def root(source: MetricInput) -> Finding:
    """Return CNR of the target and the background."""
    found = squared(source)
    if found.reason:
        return found
    t, b = source.once(target_statistics), source.once(background_statistics)
    value = Finding(math.sqrt(found.value), found.count)
    return with_interval(value, cnr_sigma(value.value, t, b), min(t.cells, b.cells))


register(
    Metric(
        "cnr",
        "CNR",
        "Contrast-to-noise ratio",
        "Contrast-to-noise ratio: √(2 (s_b − s_t)² / (σ_b² + σ_t²))",
        root,
        ("strain", "target", "background"),
        better="higher",
        decibel=20.0,
        order=220,
        interval=True,
    )
)
register(
    Metric(
        "cnre",
        "CNRe",
        "Elastographic contrast-to-noise ratio",
        "Elastographic contrast-to-noise ratio, the square of CNR",
        squared,
        ("strain", "target", "background"),
        better="higher",
        decibel=10.0,
        places=frozenset(),
        order=230,
    )
)
