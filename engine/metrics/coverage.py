"""Coverage: how much of the area that can be compared with the truth has an estimate.

Errors are taken where a method gives an estimate, so without it a method could win by leaving out what is hard.
"""

import numpy as np

from engine.metrics.accuracy import comparable
from engine.metrics.base import PERCENT, Finding, Metric, MetricInput, given, register


def coverage(source: MetricInput) -> Finding:
    """Share of the comparable pixels with both displacement and strain, in percent."""
    wanted = comparable(given(source.truth), source.geometry, source.window_m)
    count = int(wanted.sum())
    if not count:
        return Finding(reason="too_few")
    estimated = np.isfinite(given(source.displacement).axial_m) & np.isfinite(given(source.strain))
    return Finding(PERCENT * float(estimated[wanted].mean()), count)


register(
    Metric(
        "coverage_percent",
        "Coverage",
        "Coverage",
        "Share of the area that can be compared with the truth which has an estimate",
        coverage,
        ("strain", "displacement", "truth"),
        "%",
        "higher",
        places=frozenset({"evaluation"}),
        order=800,
    )
)
