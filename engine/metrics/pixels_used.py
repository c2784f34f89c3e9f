"""How much of a region its numbers are made from: the share of its pixels that have a strain and are not masked."""

from collections.abc import Callable

import numpy as np

from engine.metrics.base import PERCENT, Finding, Metric, MetricInput, given, register
from engine.metrics.region_statistics import region_strain
from engine.types import Ellipse


def _share(region: Callable[[MetricInput], Ellipse | None]) -> Callable[[MetricInput], Finding]:
    def function(source: MetricInput) -> Finding:
        values = region_strain(given(source.strain), source.geometry, region(source))
        if isinstance(values, str):
            return Finding(reason=values)
        finite = np.isfinite(values)
        return Finding(PERCENT * float(finite.mean()), int(finite.sum()))

    return function


register(
    Metric(
        "used_target",
        "Used, target",
        "Pixels used, target",
        "Share of the target's pixels that its numbers are made from: those with a strain that the mask does not hide",
        _share(lambda source: source.target),
        ("strain", "target"),
        "%",
        places=frozenset(),
        order=191,
    )
)
register(
    Metric(
        "used_background",
        "Used, backgr.",
        "Pixels used, background",
        "Share of the background's pixels that its numbers are made from",
        _share(lambda source: source.background),
        ("strain", "background"),
        "%",
        places=frozenset(),
        order=192,
    )
)
