"""Errors against the true motion of a simulated recording: displacement, strain, and their relative forms.

Everything is taken over the pixels that can be compared: away from the border of the strain map, where the true motion
stays inside the frame, and where there is an estimate. The relative error of displacement exists in four forms that
papers call NRMSE alike (w the estimate, g the truth):

    nrmse            100 sqrt(sum (g - w)^2 / sum g^2), the one to use
    nrmse_printed    100 sqrt(mean ((g - w) / g)^2), as printed by Joarder et al. 2025, equation 14; pixels with
                     |g| < 0.1 sample are left out, since it has no bound there
    nrmse_upstream   100 RMSE / |mean g| without 40 rows and 15 lines at each side, as in the public ReUSENet program
    nrmse_range      100 RMSE / (max g - min g)
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from engine.metrics.base import (
    DEFAULT_WINDOW_M,
    MINIMUM_PIXELS,
    PERCENT,
    Finding,
    Measurement,
    Metric,
    MetricInput,
    Need,
    decibel,
    given,
    register,
)
from engine.metrics.border import interior
from engine.types import Displacement, FrameTruth, Geometry, Map, Mask, Strain

MICRO = 1e6
SMALLEST_TRUTH = 0.1
UPSTREAM_BORDER = (40, 15)

Values = NDArray[np.float64]


def comparable(truth: FrameTruth, geometry: Geometry, window_m: float = DEFAULT_WINDOW_M) -> Mask:
    """Pixels (H, W) away from the border whose true place lies inside the deformed frame."""
    height, width = truth.axial_displacement_m.shape
    row = np.arange(height)[:, None] + truth.axial_displacement_m / geometry.axial_spacing_m
    line = np.arange(width)[None, :] + truth.lateral_displacement_m / geometry.pitch_m
    mask = np.zeros((height, width), dtype=np.bool_)
    mask[interior((height, width), geometry, window_m)] = True
    mask &= (row >= 0) & (row <= height - 1) & (line >= 0) & (line <= width - 1)
    return mask


def displacement_accuracy(
    displacement: Displacement, truth: FrameTruth, *, window_m: float = DEFAULT_WINDOW_M
) -> dict[str, Measurement]:
    """Errors of displacement in samples (laterally lines) and micrometres, the four NRMSE and SNRd.

    `window_m` is the length of the strain window, whose half is the border that is left out.

    Parameters
    ----------
    displacement
        Estimate (H, W), in metres.
    truth
        The true motion of the same frame, in metres.
    window_m
        As above.

    Returns
    -------
    dict
        A `Measurement` for each error: `axial_rmse` in samples, `axial_rmse_um`, `lateral_rmse` in lines, and so on.

    >>> geometry, zero = Geometry(40e6, 5e6, 1540.0, 0.3e-3), np.zeros((400, 40), np.float32)
    >>> one_um = np.full((400, 40), 1e-6, np.float32)
    >>> found = displacement_accuracy(Displacement(one_um, zero, geometry), FrameTruth(zero, zero, zero))
    >>> round(found["axial_rmse_um"].value, 4)
    1.0
    """
    geometry = displacement.geometry
    mask = comparable(truth, geometry, window_m)
    axial, axial_truth = _pair(displacement.axial_m, truth.axial_displacement_m, mask)
    lateral, lateral_truth = _pair(displacement.lateral_m, truth.lateral_displacement_m, mask)
    spacing, pitch = geometry.axial_spacing_m, geometry.pitch_m
    found = [
        *_errors("axial", (axial - axial_truth) / spacing, "samples"),
        *_errors("axial", MICRO * (axial - axial_truth), "um", suffix="_um"),
        *_errors("lateral", (lateral - lateral_truth) / pitch, "lines"),
        *_errors("lateral", MICRO * (lateral - lateral_truth), "um", suffix="_um"),
        *nrmse(displacement.axial_samples, np.asarray(truth.axial_displacement_m / spacing, np.float32), mask).values(),
        displacement_snr(axial, axial_truth),
    ]
    return {entry.name: entry for entry in found}


def strain_accuracy(strain: Strain, truth: FrameTruth) -> dict[str, Measurement]:
    """RMSE, mean absolute error and bias of axial strain in percent strain; the bias is compression positive.

    Parameters
    ----------
    strain
        Estimate (H, W), negative in compression, with its window.
    truth
        The true strain of the same frame.

    Returns
    -------
    dict
        `strain_rmse`, `strain_mae` and `strain_bias`, in percent strain.

    >>> zero = np.zeros((400, 40), np.float32)
    >>> strain = Strain(zero - np.float32(0.01), Geometry(40e6, 5e6, 1540.0, 0.3e-3), 2e-3)
    >>> round(strain_accuracy(strain, FrameTruth(zero, zero, zero))["strain_bias"].value, 4)
    1.0
    """
    mask = comparable(truth, strain.geometry, strain.window_m or DEFAULT_WINDOW_M)
    estimate, wanted = _pair(strain.axial, truth.axial_strain, mask)
    return {entry.name: entry for entry in _errors("strain", PERCENT * (wanted - estimate), "%")}


def true_lateral_strain(truth: FrameTruth, geometry: Geometry) -> Map:
    """Return the derivative of the true lateral displacement across the lines (H, W), by central differences."""
    slope: Map = np.gradient(truth.lateral_displacement_m, geometry.pitch_m, axis=1)
    return slope


def true_shear_strain(truth: FrameTruth, geometry: Geometry) -> Map:
    """Return half the sum of the true motion's mixed derivatives (H, W), by central differences."""
    across = np.gradient(truth.axial_displacement_m, geometry.pitch_m, axis=1)
    along = np.gradient(truth.lateral_displacement_m, geometry.axial_spacing_m, axis=0)
    return np.asarray((across + along) / 2, np.float32)


def lateral_strain_accuracy(
    lateral_strain: Map, truth: FrameTruth, geometry: Geometry, window_m: float, lateral_window_m: float
) -> dict[str, Measurement]:
    """Errors of lateral strain (H, W) in percent; half of each window is left out at its ends.

    >>> zero = np.zeros((400, 60), np.float32)
    >>> truth, geometry = FrameTruth(zero, zero, zero), Geometry(40e6, 5e6, 1540.0, 0.3e-3)
    >>> found = lateral_strain_accuracy(zero + np.float32(1e-3), truth, geometry, 2e-3, 4e-3)
    >>> round(found["lateral_strain_rmse"].value, 4)
    0.1
    """
    mask = comparable(truth, geometry, window_m)
    half = geometry.window_lines(lateral_window_m) // 2
    mask[:, :half] = mask[:, mask.shape[1] - half :] = False
    estimate, wanted = _pair(lateral_strain, true_lateral_strain(truth, geometry), mask)
    return {entry.name: entry for entry in _errors("lateral_strain", PERCENT * (estimate - wanted), "%")}


def nrmse(estimate: Map, truth: Map, mask: Mask | None = None) -> dict[str, Measurement]:
    """Compute the four relative errors of axial displacement in samples, (H, W), in percent.

    Parameters
    ----------
    estimate, truth
        Axial displacement (H, W) in samples.
    mask
        Pixels that count, (H, W); None for all.

    Returns
    -------
    dict
        The four forms of the head of this file, in percent.

    >>> truth = np.full((100, 40), 2.0, np.float32)
    >>> round(nrmse(truth + np.float32(0.1), truth)["nrmse"].value, 3)
    5.0
    """
    everywhere = np.ones(truth.shape, dtype=np.bool_)
    mask = everywhere if mask is None else mask
    w, g = _pair(estimate, truth, mask)
    rows, lines = UPSTREAM_BORDER
    cropped = np.zeros_like(everywhere)
    cropped[rows:-rows, lines:-lines] = True
    inner, inner_truth = _pair(estimate, truth, cropped)
    large = np.abs(g) >= SMALLEST_TRUTH
    return {
        entry.name: entry
        for entry in (
            _relative("nrmse", w - g, _rms(g)),
            _relative("nrmse_printed", (w[large] - g[large]) / g[large], 1.0),
            _relative("nrmse_upstream", inner - inner_truth, abs(_mean(inner_truth))),
            _relative("nrmse_range", w - g, float(np.ptp(g)) if g.size else 0.0),
        )
    }


def displacement_snr(estimate: Values, truth: Values) -> Measurement:
    """SNRd = sum g^2 / sum (w - g)^2, whose dB are 10 log10."""
    error = float(np.sum((estimate - truth) ** 2))
    reason = "too_few" if estimate.size < MINIMUM_PIXELS else "zero_error" if error == 0 else ""
    if reason:
        return Measurement("snrd", math.nan, count=estimate.size, reason=reason)
    value = float(np.sum(truth**2)) / error
    return Measurement("snrd", value, decibel=decibel(value, 10.0), count=estimate.size)


def _pair(estimate: Map, truth: Map, mask: Mask) -> tuple[Values, Values]:
    """Both maps where the mask holds and there is an estimate and a truth, in double precision."""
    valid = mask & np.isfinite(estimate) & np.isfinite(truth)
    return estimate[valid].astype(np.float64), truth[valid].astype(np.float64)


def _errors(name: str, error: Values, unit: str, suffix: str = "") -> tuple[Measurement, Measurement, Measurement]:
    values = {"rmse": _rms(error), "mae": _mean(np.abs(error)), "bias": _mean(error)}
    reason = "too_few" if error.size < MINIMUM_PIXELS else ""
    first, second, third = (
        Measurement(f"{name}_{kind}{suffix}", math.nan if reason else value, unit, count=error.size, reason=reason)
        for kind, value in values.items()
    )
    return first, second, third


def _relative(name: str, error: Values, scale: float) -> Measurement:
    reason = "too_few" if error.size < MINIMUM_PIXELS else "zero_truth" if scale == 0 else ""
    return Measurement(
        name, math.nan if reason else PERCENT * _rms(error) / scale, "%", count=error.size, reason=reason
    )


def _rms(values: Values) -> float:
    return math.sqrt(float(np.mean(values**2))) if values.size else math.nan


def _mean(values: Values) -> float:
    return float(values.mean()) if values.size else math.nan


def _displacement(source: MetricInput) -> dict[str, Measurement]:
    return displacement_accuracy(given(source.displacement), given(source.truth), window_m=source.window_m)


def _strain(source: MetricInput) -> dict[str, Measurement]:
    return strain_accuracy(Strain(given(source.strain), source.geometry, source.window_m), given(source.truth))


def _lateral_strain(source: MetricInput) -> dict[str, Measurement]:
    windows = source.window_m, source.lateral_window_m
    return lateral_strain_accuracy(given(source.lateral_strain), given(source.truth), source.geometry, *windows)


NEEDS: dict[Callable[[MetricInput], dict[str, Measurement]], tuple[Need, ...]] = {
    _displacement: ("displacement", "truth"),
    _strain: ("strain", "truth"),
    _lateral_strain: ("lateral_strain", "truth"),
}


def _picked(errors: Callable[[MetricInput], dict[str, Measurement]], name: str) -> Callable[[MetricInput], Finding]:
    def function(source: MetricInput) -> Finding:
        found = source.once(errors)[name]
        return Finding(found.value, found.count, found.reason)

    return function


for _order, (_name, _short, _unit, _title, _function, _of) in enumerate(
    (
        (
            "displacement_rmse_samples",
            "Displ. RMSE",
            "samples",
            "RMS error of axial displacement",
            _displacement,
            "axial_rmse",
        ),
        (
            "displacement_rmse_um",
            "Displ. RMSE",
            "µm",
            "RMS error of axial displacement",
            _displacement,
            "axial_rmse_um",
        ),
        (
            "lateral_rmse_um",
            "Lateral RMSE",
            "µm",
            "RMS error of lateral displacement",
            _displacement,
            "lateral_rmse_um",
        ),
        ("nrmse_percent", "NRMSE", "%", "RMS error of axial displacement over its RMS", _displacement, "nrmse"),
        ("strain_rmse_percent", "Strain RMSE", "%", "RMS error of axial strain", _strain, "strain_rmse"),
        (
            "lateral_strain_rmse_percent",
            "Lat. strain RMSE",
            "%",
            "RMS error of lateral strain",
            _lateral_strain,
            "lateral_strain_rmse",
        ),
    )
):
    register(
        Metric(
            _name,
            _short,
            _title,
            f"{_title}, where the truth is known and there is an estimate",
            _picked(_function, _of),
            NEEDS[_function],
            _unit,
            "lower",
            places=frozenset({"evaluation"}),
            order=100 + 10 * _order,
        ),
    )
