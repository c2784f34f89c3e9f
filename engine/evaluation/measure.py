"""One estimated frame against the truth: every metric of the registry that an evaluation shows."""

import math

from engine.evaluation.sets import EvaluationCase
from engine.metrics.base import MetricInput, metrics_shown
from engine.types import Displacement, FrameTruth, Strain


def measure(
    case: EvaluationCase, truth: FrameTruth, displacement: Displacement, strain: Strain, seconds: float
) -> dict[str, float]:
    """All metrics of an evaluation for one frame; NaN where there is none, for example without an inclusion."""
    source = MetricInput.of_strain(
        strain,
        target=case.target,
        background=case.background,
        lesion=case.lesion,
        displacement=displacement,
        truth=truth,
        seconds=seconds,
    )
    shown = metrics_shown("evaluation")
    return {metric.name: metric.measure(source).value if metric.can_measure(source) else math.nan for metric in shown}
