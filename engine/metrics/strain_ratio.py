"""Ratio of the mean strains of two regions, either way round."""

from engine.metrics.base import Finding, Metric, MetricInput, register
from engine.metrics.intervals import ratio_interval
from engine.metrics.region_statistics import RegionStatistics, background_statistics, target_statistics


def _of_means(above: RegionStatistics, below: RegionStatistics) -> Finding:
    count = above.count + below.count
    reason = above.reason or below.reason or ("zero_mean" if below.mean == 0 else "")
    if reason:
        return Finding(count=count, reason=reason)
    return ratio_interval(Finding(above.mean / below.mean, count), above, below)


def strain_ratio(source: MetricInput) -> Finding:
    """Mean strain of the background over that of the target."""
    return _of_means(source.once(background_statistics), source.once(target_statistics))


def strain_contrast(source: MetricInput) -> Finding:
    """Mean strain of the target over that of the background."""
    return _of_means(source.once(target_statistics), source.once(background_statistics))


register(
    Metric(
        "strain_ratio",
        "Strain ratio",
        "Strain ratio, background / target",
        "Mean background strain over mean target strain; above 1 the target is stiffer",
        strain_ratio,
        ("strain", "target", "background"),
        decibel=20.0,
        places=frozenset({"panel", "figure"}),
        order=300,
        interval=True,
    )
)
register(
    Metric(
        "strain_contrast",
        "Strain contrast",
        "Strain contrast, target / background",
        "Mean target strain over mean background strain",
        strain_contrast,
        ("strain", "target", "background"),
        decibel=20.0,
        places=frozenset(),
        order=310,
        interval=True,
    )
)
