"""One estimated frame against the truth: errors of displacement and strain, image metrics, edge width, coverage.

Errors are taken where `engine.metrics.accuracy` can compare and the method gives an estimate. How much of the
comparable area has one is the coverage, so a method cannot win by leaving out what is hard.
"""

import math
from dataclasses import dataclass

import numpy as np

from engine.evaluation.sets import EvaluationCase
from engine.metrics.accuracy import comparable, displacement_accuracy, strain_accuracy
from engine.metrics.contrast import strain_metrics
from engine.metrics.edge import edge_width
from engine.metrics.similarity import mssim
from engine.types import Displacement, FrameTruth, Strain


@dataclass(frozen=True)
class MetricInfo:
    """How a metric is shown; `better` is -1 where less is better, 1 where more is."""

    label: str
    unit: str
    better: int


METRICS: dict[str, MetricInfo] = {
    "displacement_rmse_samples": MetricInfo("Displ. RMSE", "samples", -1),
    "displacement_rmse_um": MetricInfo("Displ. RMSE", "µm", -1),
    "lateral_rmse_um": MetricInfo("Lateral RMSE", "µm", -1),
    "nrmse_percent": MetricInfo("NRMSE", "%", -1),
    "strain_rmse_percent": MetricInfo("Strain RMSE", "%", -1),
    "snr_target": MetricInfo("SNRt", "", 1),
    "snr_background": MetricInfo("SNRbg", "", 1),
    "cnr": MetricInfo("CNR", "", 1),
    "snre": MetricInfo("SNRe", "", 1),
    "mssim": MetricInfo("MSSIM", "", 1),
    "edge_width_mm": MetricInfo("Edge width", "mm", -1),
    "coverage_percent": MetricInfo("Coverage", "%", 1),
    "seconds": MetricInfo("Time a pair", "s", -1),
}
"""Every metric of an evaluation, in the order in which they are shown."""


def measure(
    case: EvaluationCase, truth: FrameTruth, displacement: Displacement, strain: Strain, seconds: float
) -> dict[str, float]:
    """All of METRICS for one frame; NaN where a metric does not exist, for example without an inclusion."""
    moved = displacement_accuracy(displacement, truth, window_m=strain.window_m)
    images = strain_metrics(strain, case.target, case.background)
    edge = math.nan
    if case.lesion is not None:
        edge = edge_width(strain.axial, strain.geometry, case.lesion).value
    values = {
        "displacement_rmse_samples": moved["axial_rmse"].value,
        "displacement_rmse_um": moved["axial_rmse_um"].value,
        "lateral_rmse_um": moved["lateral_rmse_um"].value,
        "nrmse_percent": moved["nrmse"].value,
        "strain_rmse_percent": strain_accuracy(strain, truth)["strain_rmse"].value,
        **{name: images[name].value for name in ("snr_target", "snr_background", "cnr", "snre")},
        "mssim": mssim(strain.axial, truth.axial_strain).value,
        "edge_width_mm": edge,
        "coverage_percent": _coverage_percent(truth, displacement, strain),
        "seconds": seconds,
    }
    return {name: float(values[name]) for name in METRICS}


def _coverage_percent(truth: FrameTruth, displacement: Displacement, strain: Strain) -> float:
    wanted = comparable(truth, strain.geometry, strain.window_m)
    if not wanted.any():
        return math.nan
    estimated = np.isfinite(displacement.axial_m) & np.isfinite(strain.axial)
    return 100 * float(estimated[wanted].mean())
