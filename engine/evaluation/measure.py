"""One estimated frame against the truth: every metric of the registry that an evaluation shows."""

import math

from engine.evaluation.sets import EvaluationCase
from engine.metrics.base import MetricInput, metrics_shown
from engine.strain.tensor import strain_tensor
from engine.types import FrameEstimate, FrameTruth


def measure(case: EvaluationCase, truth: FrameTruth, estimate: FrameEstimate, seconds: float) -> dict[str, float]:
    """All metrics of an evaluation for one frame; NaN where there is none, for example without an inclusion."""
    displacement, strain = estimate.displacement, estimate.strain
    source = MetricInput.of_strain(
        strain,
        lateral_strain=strain_tensor(displacement, strain, estimate.quality).lateral,
        lateral_window_m=strain.lateral_window_m,
        target=case.target,
        background=case.background,
        lesion=case.lesion,
        displacement=displacement,
        truth=truth,
        seconds=seconds,
    )
    shown = metrics_shown("evaluation")
    return {metric.name: metric.measure(source).value if metric.can_measure(source) else math.nan for metric in shown}
