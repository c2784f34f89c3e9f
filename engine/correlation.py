"""Windowed normalised cross-correlation of two frames at many lags, and the sub-sample fits of its peak.

`rho(lag) = sum((a - mean a)(b_lag - mean b_lag)) / sqrt(sum((a - mean a)^2) sum((b_lag - mean b_lag)^2))` with
`b_lag(i, j) = b(i + axial lag, j + lateral lag)`. Sums over overlapping windows are shared (Luo & Konofagou, IEEE
TUFFC 57:1347, 2010): products are summed once over blocks of `step` samples, then over the blocks of each window, so
that the cost of a lag does not depend on the length of the window.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

_FLAT = 1e-5
"""A window whose variance is below this part of its mean square is constant, up to rounding in float32."""


@dataclass(frozen=True)
class WindowGrid:
    """Overlapping windows: one centre every `step` samples and on every line.

    A window spans `blocks * step` samples by `lines` lines; both counts are odd. Windows shrink at the frame's edges.
    """

    step: int
    blocks: int
    lines: int

    @classmethod
    def fit(cls, window_samples: float, lines: int, overlap: int = 13) -> "WindowGrid":
        """Choose the step so that about `overlap` blocks make a window of `window_samples`."""
        step = max(1, round(window_samples / overlap))
        return cls(step, odd(window_samples / step), odd(lines))

    def densify(self, values: Tensor, height: int) -> Tensor:
        """Linear interpolation from the window centres (B, C, h, W) to every sample, (B, C, height, W)."""
        dense = functional.interpolate(values, scale_factor=(self.step, 1), mode="bilinear", align_corners=False)
        return dense[..., :height, :]


def odd(count: float) -> int:
    """Odd number nearest to `count`, at least 1."""
    return max(2 * round((count - 1) / 2) + 1, 1)


def correlate(
    reference: Tensor, deformed: Tensor, axial_lags: Sequence[int], lateral_lags: Sequence[int], grid: WindowGrid
) -> Tensor:
    """Correlation coefficient of each window at each lag, (axial lags, lateral lags, h, W), from frames (H, W).

    A window without variation, or without anything at that lag inside the deformed frame, has correlation 0.
    """
    height, width = reference.shape
    reach_axial = max(abs(lag) for lag in axial_lags)
    reach_lateral = max(abs(lag) for lag in lateral_lags)
    padded = functional.pad(deformed, (reach_lateral, reach_lateral, reach_axial, reach_axial))
    products, sums, squares = [], [], []
    for axial in axial_lags:
        rows = padded[reach_axial + axial : reach_axial + axial + height]
        sums.append(_block_sum(rows, grid.step))
        squares.append(_block_sum(rows * rows, grid.step))
        for lateral in lateral_lags:
            shifted = rows[:, reach_lateral + lateral : reach_lateral + lateral + width]
            products.append(_block_sum(reference * shifted, grid.step))
    ones = _window_mean(_block_sum(torch.ones_like(reference), grid.step)[None], grid)
    columns = [slice(reach_lateral + lateral, reach_lateral + lateral + width) for lateral in lateral_lags]

    def per_lag(blocks: list[Tensor]) -> Tensor:
        stacked = torch.stack(blocks)
        means = torch.stack([_window_mean(stacked[..., part], grid) for part in columns], dim=1)
        return means / ones

    product = _window_mean(torch.stack(products), grid) / ones
    product = product.reshape(len(axial_lags), len(lateral_lags), *product.shape[1:])
    own = torch.stack([_block_sum(reference, grid.step), _block_sum(reference * reference, grid.step)])
    own_mean, own_square = _window_mean(own, grid) / ones
    return coefficient(product, own_mean, own_square, per_lag(sums), per_lag(squares))


def coefficient(product: Tensor, mean_a: Tensor, square_a: Tensor, mean_b: Tensor, square_b: Tensor) -> Tensor:
    """Correlation coefficient from window means of a b, a, a^2, b and b^2; 0 where a or b is constant."""
    variance_a = square_a - mean_a * mean_a
    variance_b = square_b - mean_b * mean_b
    flat = (variance_a <= _FLAT * square_a) | (variance_b <= _FLAT * square_b)
    scale = torch.sqrt((variance_a * variance_b).clamp_min(torch.finfo(product.dtype).tiny))
    rho = (product - mean_a * mean_b) / scale
    return torch.where(flat, torch.zeros_like(rho), rho.clamp(-1, 1))


def box_mean(image: Tensor, rows: int, lines: int) -> Tensor:
    """Average over `rows` by `lines` (odd) of maps (N, H, W); windows shrink at the edges.

    Prefix sums are kept in float64: in float32 the differences would lose dark regions beside bright ones.
    """
    summed = _running_mean(image.double(), rows, 1)
    return _running_mean(summed, lines, 2).to(image.dtype)


def cosine_peak(before: Tensor, peak: Tensor, after: Tensor) -> Tensor:
    """Offset of the maximum of a cosine through three correlations one sample apart, in samples; 0 where none fits.

    `omega = arccos((before + after) / (2 peak))`, `delta = -arctan((before - after) / (2 peak sin omega)) / omega`
    (de Jong et al., Ultrasonics 28:273, 1990). Its bias at 5 MHz sampled with 40 MHz is a tenth of the parabola's.
    """
    safe = torch.where(peak > 0, peak, torch.ones_like(peak))
    ratio = (before + after) / (2 * safe)
    usable = (peak > 0) & (ratio.abs() < 1 - 1e-6)
    omega = torch.arccos(torch.where(usable, ratio, torch.zeros_like(ratio)))
    offset = -torch.atan((before - after) / (2 * safe * torch.sin(omega))) / omega
    return torch.where(usable & (offset.abs() <= 1), offset, torch.zeros_like(offset))


def parabolic_peak(before: Tensor, peak: Tensor, after: Tensor) -> Tensor:
    """Offset of the vertex of a parabola through three correlations, in lags; 0 where it has no maximum nearby."""
    curvature = before - 2 * peak + after
    usable = curvature < -1e-9
    offset = (before - after) / (2 * torch.where(usable, curvature, -torch.ones_like(curvature)))
    return torch.where(usable & (offset.abs() <= 1), offset, torch.zeros_like(offset))


def _block_sum(image: Tensor, step: int) -> Tensor:
    height, width = image.shape
    padded = functional.pad(image, (0, 0, 0, -height % step))
    return padded.reshape(-1, step, width).sum(dim=1)


def _window_mean(blocks: Tensor, grid: WindowGrid) -> Tensor:
    """Mean over the windows' blocks and lines of (N, h, W), without counting what lies outside."""
    rows = functional.avg_pool2d(
        blocks[:, None], (grid.blocks, 1), stride=1, padding=(grid.blocks // 2, 0), count_include_pad=False
    )
    lines = functional.avg_pool2d(
        rows, (1, grid.lines), stride=1, padding=(0, grid.lines // 2), count_include_pad=False
    )
    return lines[:, 0]


def _running_mean(values: Tensor, length: int, dim: int) -> Tensor:
    size, half = values.shape[dim], length // 2
    total = torch.cumsum(values, dim)
    total = torch.cat([torch.zeros_like(total.narrow(dim, 0, 1)), total], dim)
    index = torch.arange(size, device=values.device)
    upper, lower = (index + half + 1).clamp(max=size), (index - half).clamp(min=0)
    counts = (upper - lower).to(values.dtype).reshape([-1 if axis == dim else 1 for axis in range(values.ndim)])
    return (total.index_select(dim, upper) - total.index_select(dim, lower)) / counts
