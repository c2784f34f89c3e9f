"""Slopes of straight lines fitted in moving windows: how derivatives are taken from measured displacement.

The slope at a sample is that of the straight line fitted over N = 2 M + 1 samples,
`sum_k k d_{i+k} * 3 / (M (M + 1) (2 M + 1))` for even weights: the same as a Savitzky-Golay derivative of order 1.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

SMALLEST_WINDOW = 5
_LEAST_WEIGHT = 0.05
"""Squared quality below this still counts this much: a poor sample is better than a hole."""


def fit_weights(values: NDArray[Any], quality: NDArray[Any] | None) -> NDArray[np.float64]:
    """Weights of a fit (H, W): the squared quality where there is any, 0 where a value is NaN."""
    weights: NDArray[np.float64] = np.isfinite(values).astype(np.float64)
    if quality is not None:
        weights *= np.maximum(np.square(np.nan_to_num(quality, nan=0.0)), _LEAST_WEIGHT)
    return weights


def strain_kernel(samples: int) -> NDArray[np.float64]:
    """Weights of d_{i-M} .. d_{i+M} whose sum is the slope at i, (samples,); `samples` is odd and at least 3.

    Parameters
    ----------
    samples
        Length of the window.

    Returns
    -------
    array
        Weights (samples,), whose sum over a ramp of slope 1 is 1.

    Raises
    ------
    ValueError
        An even window, or one below 3.

    >>> float(strain_kernel(5) @ np.arange(5.0))
    1.0
    """
    if samples < 3 or samples % 2 == 0:
        raise ValueError(f"the strain window must be odd and at least 3, found {samples}")
    half = samples // 2
    steps = np.arange(-half, half + 1, dtype=np.float64)
    return steps * (3 / (half * (half + 1) * (2 * half + 1)))


def weighted_slope(
    displacement: NDArray[Any], weights: NDArray[Any], window: int, neighbours: int = 0
) -> NDArray[np.float64]:
    """Slope per row of the weighted straight-line fit in each window, (H, W) float64.

    A weight of 0 marks a sample as absent, and its value may be NaN. NaN where fewer than half of the window's
    samples are present, where the pixel itself is absent, or nearer than two rows to an end. Prefix sums make the
    cost independent of the window. With `neighbours`, that many lines on each side share the slope while each keeps
    an offset of its own: for even weights the fit of a plane, with noise lower by the root of the number of lines.

    Parameters
    ----------
    displacement, weights
        Maps (H, W) in samples, and how much each counts.
    window
        Rows of a window, odd.
    neighbours
        Lines on each side.

    Returns
    -------
    array
        Slope (H, W) in samples per sample, that is strain.

    >>> ramp = -0.01 * np.arange(100.0)[:, None]
    >>> weighted_slope(ramp, np.ones((100, 1)), 21)[50].round(6).tolist()
    [-0.01]
    """
    rows = displacement.shape[0]
    weighting: NDArray[np.float64] = np.asarray(weights, np.float64)
    present = weighting > 0
    values: NDArray[np.float64] = np.where(present, displacement, 0.0).astype(np.float64)
    mean = values.sum(axis=0) / np.maximum(present.sum(axis=0), 1)
    values = np.where(present, values - mean, 0.0)  # keeps the sums small
    half = (min(window, rows) - 1) // 2
    moments = np.zeros((6, *values.shape))
    if half >= SMALLEST_WINDOW // 2:
        moments[:, half : rows - half] = _moments_by_prefix(values, weighting, half)
    for reach in range(SMALLEST_WINDOW // 2, half):
        length = 2 * reach + 1
        moments[:, reach] = _moments(values[:length], weighting[:length])
        moments[:, rows - 1 - reach] = _moments(values[-length:], weighting[-length:])
    return _slope(moments, present, half, neighbours)


def _terms(values: NDArray[np.float64], weights: NDArray[np.float64]) -> tuple[NDArray[Any], ...]:
    """Summands w, w k, w k^2, w v, w k v and presence of each sample, with k counted from the middle row."""
    k = np.arange(len(values))[:, None] - (len(values) - 1) / 2
    return weights, weights * k, weights * k**2, weights * values, weights * k * values, weights > 0


def _moments(values: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum the terms over one window (N, W), giving (6, W)."""
    return np.stack([term.sum(axis=0) for term in _terms(values, weights)])


def _moments_by_prefix(values: NDArray[np.float64], weights: NDArray[np.float64], half: int) -> NDArray[np.float64]:
    """Sum the terms over every whole window of the frame, giving (6, H - 2 half, W)."""

    def windowed(term: NDArray[Any]) -> NDArray[np.float64]:
        total = np.zeros((len(term) + 1, term.shape[1]))
        np.cumsum(term, axis=0, out=total[1:])
        difference: NDArray[np.float64] = total[2 * half + 1 :] - total[: -2 * half - 1]
        return difference

    return np.stack([windowed(term) for term in _terms(values, weights)])


def _slope(moments: NDArray[np.float64], present: NDArray[np.bool_], half: int, neighbours: int) -> NDArray[np.float64]:
    """Slope of the fit with these sums; it does not depend on where k is counted from."""
    rows = len(present)
    weight, first, second, value, product, count = moments
    spread = second * weight - first**2
    reach = np.minimum(half, np.minimum(np.arange(rows), np.arange(rows)[::-1]))[:, None]
    usable = (2 * count >= 2 * reach + 1) & present & (spread > 0) & (reach >= SMALLEST_WINDOW // 2)
    covariance = product * weight - first * value
    if neighbours:
        per_weight = np.divide(1.0, weight, out=np.zeros_like(weight), where=usable)
        covariance, spread = (_over_lines(term * per_weight, neighbours) for term in (covariance, spread))
    slope: NDArray[np.float64] = np.where(usable, covariance / np.where(usable, spread, 1.0), np.nan)
    return slope


def _over_lines(term: NDArray[np.float64], neighbours: int) -> NDArray[np.float64]:
    """Sum over each line and its neighbours (H, W); at the sides over those that exist."""
    lines = 2 * neighbours + 1
    total: NDArray[np.float64] = lines * uniform_filter1d(term, lines, axis=1, mode="constant")
    return total
