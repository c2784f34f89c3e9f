"""One estimated frame against the truth: errors of displacement and strain, image metrics, edge width, coverage.

Errors are taken over the interior of the image (without half a strain window at top and bottom and 3 % of the lines
at each side) where the true motion stays inside the frame and the method gives an estimate; how much of that area has
an estimate is the coverage, so a method cannot win by leaving out what is hard.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.evaluation.sets import EvaluationCase
from engine.metrics.border import interior
from engine.metrics.contrast import strain_metrics
from engine.types import Displacement, FrameTruth, Geometry, Mask, Strain


@dataclass(frozen=True)
class MetricInfo:
    """How a metric is shown; `better` is -1 where less is better, 1 where more is, 0 where it is a fact."""

    label: str
    unit: str
    better: int
    digits: int = 3


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
    "coverage_percent": MetricInfo("Coverage", "%", 1),
    "seconds": MetricInfo("Time a pair", "s", -1),
}
"""Every metric of an evaluation, in the order in which they are shown."""


def measure(
    case: EvaluationCase, truth: FrameTruth, displacement: Displacement, strain: Strain, seconds: float
) -> dict[str, float]:
    """All of METRICS for one frame; NaN where a metric does not exist, for example without an inclusion."""
    geometry = case.sequence.geometry
    wanted = _wanted(truth, geometry, strain.window_m)
    axial_m = displacement.axial_m - truth.axial_displacement_m
    estimated = wanted & np.isfinite(axial_m) & np.isfinite(strain.axial)
    rmse_m = _rms(axial_m[estimated])
    images = strain_metrics(strain, case.target, case.background)
    values = {name: images[name].value for name in ("snr_target", "snr_background", "cnr", "snre")}
    values |= {
        "displacement_rmse_samples": rmse_m / geometry.axial_spacing_m,
        "displacement_rmse_um": 1e6 * rmse_m,
        "lateral_rmse_um": 1e6 * _rms((displacement.lateral_m - truth.lateral_displacement_m)[estimated]),
        "nrmse_percent": _ratio(100 * rmse_m, _rms(truth.axial_displacement_m[estimated])),
        "strain_rmse_percent": 100 * _rms((strain.axial - truth.axial_strain)[estimated]),
        "coverage_percent": 100 * _ratio(float(estimated.sum()), float(wanted.sum())),
        "seconds": seconds,
    }
    return {name: float(values[name]) for name in METRICS}


def _wanted(truth: FrameTruth, geometry: Geometry, window_m: float) -> Mask:
    """Mark interior points whose true place in the deformed frame exists."""
    height, width = truth.axial_displacement_m.shape
    row = np.arange(height)[:, None] + truth.axial_displacement_m / geometry.axial_spacing_m
    line = np.arange(width)[None, :] + truth.lateral_displacement_m / geometry.pitch_m
    mask = np.zeros((height, width), dtype=bool)
    mask[interior((height, width), geometry, window_m)] = True
    mask &= (row >= 0) & (row <= height - 1) & (line >= 0) & (line <= width - 1)
    return mask


def _rms(values: NDArray[np.floating]) -> float:
    finite = values[np.isfinite(values)]
    return float(np.sqrt(np.mean(np.square(finite, dtype=np.float64)))) if finite.size else math.nan


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator > 0 else math.nan
