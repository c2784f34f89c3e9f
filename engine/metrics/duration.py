"""Time that the whole chain takes for one pair."""

import math

from engine.metrics.base import Finding, Metric, MetricInput, given, register


def duration(source: MetricInput) -> Finding:
    """Seconds from the pair's frames to its strain; NaN seconds are those of something that is no method."""
    seconds = given(source.seconds)
    return Finding(reason="no_time") if math.isnan(seconds) else Finding(seconds)


register(
    Metric(
        "seconds",
        "Time a pair",
        "Time for one pair of frames",
        "Time of the whole chain for one pair: alignment, estimate, quality and strain",
        duration,
        ("seconds",),
        "s",
        "lower",
        places=frozenset({"evaluation"}),
        order=900,
    )
)
