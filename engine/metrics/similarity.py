"""Likeness of strain maps: structural similarity with the truth, correlation with another map."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, maximum_filter

from engine.metrics.base import MINIMUM_PIXELS, Finding, Measurement, Metric, MetricInput, given, register
from engine.types import Map

WINDOW = 11
SIGMA = 1.5
K1, K2 = 0.01, 0.03
FAILURE_NCC = 0.6
"""A map that correlates less than this with the best one has failed (Kibria and Rivaz 2018, section 3)."""


def mssim(strain: Map, truth: Map) -> Measurement:
    """Mean structural similarity of a strain map with the true one, both (H, W) (Wang et al. 2004).

    Gaussian window of 11 x 11 pixels with a standard deviation of 1.5, population moments, L the range of the truth.
    Windows that reach beyond the image or hold a pixel without an estimate are left out.

    Parameters
    ----------
    strain, truth
        Maps (H, W) in one unit, NaN where there is no value.

    Returns
    -------
    Measurement
        At most 1, which is equality; without whole windows or variation NaN with the reason.

    >>> ramp = np.tile(np.linspace(0.0, 1.0, 40, dtype=np.float32), (40, 1))
    >>> round(mssim(ramp, ramp).value, 6)
    1.0
    """
    valid = np.isfinite(strain) & np.isfinite(truth)
    half = WINDOW // 2
    whole = maximum_filter(~valid, WINDOW, mode="constant", cval=True)[half:-half, half:-half] == 0
    if int(whole.sum()) < MINIMUM_PIXELS:
        return Measurement("mssim", math.nan, count=int(whole.sum()), reason="too_few")
    reach = float(np.ptp(truth[valid].astype(np.float64)))
    if reach == 0:
        return Measurement("mssim", math.nan, count=int(whole.sum()), reason="zero_variance")
    x, y = (np.where(valid, entry, 0.0).astype(np.float64) for entry in (strain, truth))
    mean_x, mean_y = _smooth(x), _smooth(y)
    variance_x, variance_y = _smooth(x * x) - mean_x**2, _smooth(y * y) - mean_y**2
    covariance = _smooth(x * y) - mean_x * mean_y
    c1, c2 = (K1 * reach) ** 2, (K2 * reach) ** 2
    likeness = ((2 * mean_x * mean_y + c1) * (2 * covariance + c2)) / (
        (mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2)
    )
    inner = likeness[half:-half, half:-half][whole]
    return Measurement("mssim", float(inner.mean()), count=int(whole.sum()))


def ncc(first: Map, second: Map, name: str = "ncc") -> Measurement:
    """Signed zero-mean correlation coefficient of two maps (H, W) over the pixels that are valid in both.

    Parameters
    ----------
    first, second
        Maps (H, W), NaN where there is no value.
    name
        Name of the measurement.

    Returns
    -------
    Measurement
        In -1..1; where either is constant, or fewer than 25 pixels are valid, NaN with the reason.

    >>> ramp = np.arange(100.0, dtype=np.float32).reshape(10, 10)
    >>> round(ncc(ramp, 3 - 2 * ramp).value, 6)
    -1.0
    """
    valid = np.isfinite(first) & np.isfinite(second)
    count = int(valid.sum())
    if count < MINIMUM_PIXELS:
        return Measurement(name, math.nan, count=count, reason="too_few")
    a, b = first[valid].astype(np.float64), second[valid].astype(np.float64)
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return Measurement(name, math.nan, count=count, reason="zero_variance")
    a -= a.mean()
    b -= b.mean()
    return Measurement(name, float(a @ b) / math.sqrt(float(a @ a) * float(b @ b)), count=count)


def _smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(gaussian_filter(values, SIGMA, radius=WINDOW // 2), dtype=np.float64)


def _of_truth(source: MetricInput) -> Finding:
    found = mssim(given(source.strain), given(source.truth).axial_strain)
    return Finding(found.value, found.count, found.reason)


register(
    Metric(
        "mssim",
        "MSSIM",
        "Mean structural similarity",
        "Mean structural similarity of the strain map with the true one",
        _of_truth,
        ("strain", "truth"),
        better="higher",
        places=frozenset({"evaluation"}),
        order=700,
    ),
)
