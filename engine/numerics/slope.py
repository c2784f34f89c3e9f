"""Slopes of straight lines fitted in moving windows: how derivatives are taken from measured displacement.

The slope at a sample is that of the straight line fitted over N = 2 M + 1 samples,
`sum_k k d_{i+k} * 3 / (M (M + 1) (2 M + 1))` for even weights: the same as a Savitzky-Golay derivative of order 1.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.numerics.host import in_bands

if TYPE_CHECKING:
    from torch import Tensor

SMALLEST_WINDOW = 5
_LEAST_WEIGHT = 0.05
"""Squared quality below this still counts this much: a poor sample is better than a hole."""


def fit_weights(values: NDArray[Any], quality: NDArray[Any] | None) -> NDArray[np.float64]:
    """Weights of a fit (H, W): the squared quality where there is any, 0 where a value is NaN."""
    weights: NDArray[np.float64] = np.isfinite(values).astype(np.float64)
    if quality is not None:
        weights *= np.maximum(np.square(np.nan_to_num(quality, nan=0.0)), _LEAST_WEIGHT)
    return weights


def weights_of_fits(values: "Tensor", quality: "Tensor | None") -> "Tensor":
    """Return `fit_weights` of maps (B, H, W) on their device."""
    none = values - values  # 0, or NaN where there is no value
    weights = 1 if quality is None else quality.nan_to_num(nan=0.0).square().clamp_min(_LEAST_WEIGHT)
    return (none + weights).nan_to_num_(nan=0.0)


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
    import torch

    moved, counts = (torch.from_numpy(np.asarray(entry, np.float64))[None] for entry in (displacement, weights))
    found: NDArray[np.float64] = slopes(moved, counts, window, neighbours)[0].numpy()
    return found


def slopes(displacement: "Tensor", weights: "Tensor", window: int, neighbours: int = 0) -> "Tensor":
    """`weighted_slope` of several frames (B, H, W) on their device, float64."""
    import torch

    half = (min(window, displacement.shape[-2]) - 1) // 2
    if half < SMALLEST_WINDOW // 2:
        return torch.full_like(displacement, torch.nan, dtype=torch.float64)
    both = torch.stack([displacement.nan_to_num(nan=0.0), weights]).mT

    def fitted(lines: "Tensor") -> "Tensor":
        values, weights = lines.contiguous().double()
        return _slopes_of_lines(values, weights, half, neighbours)

    return in_bands(fitted, both, reach=neighbours).mT.contiguous()


def _slopes_of_lines(values: "Tensor", weights: "Tensor", half: int, neighbours: int) -> "Tensor":
    """Slopes along lines (B, W, H), without the outermost neighbours, in windows of `half` rows on either side."""
    import torch

    rows, length = values.shape[-1], 2 * half + 1
    present = weights.clone().gt_(0)
    mean = (values * present).sum(dim=-1, keepdim=True) / present.sum(dim=-1, keepdim=True).clamp_min(1)
    values = values - mean  # keeps the sums small
    total = _terms(values, weights, present).cumsum(dim=-1)
    inside = total[..., length:] - total[..., : rows - length]
    # Towards the ends windows begin with the frame's first row, or end with its last: sums from there, k counted too.
    first = [entry[..., :length] for entry in (values, weights, present)]
    last = [entry[..., rows - length :].flip(-1) for entry in (values, weights, present)]
    top, bottom = (_terms(*entries).cumsum(dim=-1)[..., ::2] for entries in (first, last))
    bottom = bottom[..., :half].flip(-1)
    bottom[1::3] *= -1  # w k and w k v change their sign with the direction in which k is counted
    return _slope(torch.cat([top, inside, bottom], dim=-1), present, half, neighbours)


def _terms(values: "Tensor", weights: "Tensor", present: "Tensor") -> "Tensor":
    """Summands w, w k, w k^2, w v, w k v and presence of each sample, (6, B, W, N), k counted from the middle row."""
    import torch

    rows = values.shape[-1]
    k = torch.arange(rows, device=values.device, dtype=values.dtype) - (rows - 1) / 2
    first, weighted = weights * k, weights * values
    return torch.stack([weights, first, first * k, weighted, weighted * k, present])


def _slope(moments: "Tensor", present: "Tensor", half: int, neighbours: int) -> "Tensor":
    """Slope of the fit with these sums; it does not depend on where k is counted from."""
    import torch

    from engine.numerics.running_sum import consecutive_sum

    weight, first, second, value, product, count = moments
    row = torch.arange(present.shape[-1], device=present.device)
    reach = torch.minimum(row, row.flip(0)).clamp(max=half)
    needed = torch.where(reach < SMALLEST_WINDOW // 2, torch.inf, reach + 0.5)
    spread = (second * weight).sub_(first.square())
    covariance = (product * weight).sub_(first * value)
    usable = count.ge_(needed).mul_(present).mul_(spread.clone().gt_(0))  # 1 or 0
    if neighbours:
        per_weight = usable / torch.where(weight > 0, weight, 1.0)
        lines = 2 * neighbours + 1
        covariance, spread = (consecutive_sum(term * per_weight, lines, -2) for term in (covariance, spread))
        usable = usable[..., neighbours : usable.shape[-2] - neighbours, :]
    slope: Tensor = covariance.mul_(usable).div_(spread.mul_(usable))  # 0 / 0 is NaN
    return slope
