"""Ratio of relative Young's moduli: the median of the target, where the reference region's is 1 by definition."""

import numpy as np

from engine.metrics.base import MINIMUM_PIXELS, Finding, Metric, MetricInput, given, register


def modulus_ratio(source: MetricInput) -> Finding:
    """Median of the relative modulus (H, W) over the target's valid pixels."""
    modulus = given(source.modulus)
    inside = modulus[given(source.target).mask((modulus.shape[0], modulus.shape[1]), source.geometry)]
    inside = inside[np.isfinite(inside)]
    if inside.size < MINIMUM_PIXELS:
        return Finding(count=int(inside.size), reason="too_few")
    return Finding(float(np.median(inside)), int(inside.size))


register(
    Metric(
        "modulus_ratio",
        "Modulus ratio",
        "Modulus ratio, target / reference",
        "Median relative modulus of the target; the background's is 1",
        modulus_ratio,
        ("modulus", "target"),
        places=frozenset({"panel"}),
        order=600,
    )
)
