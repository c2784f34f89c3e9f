"""Windowed normalised cross-correlation of two frames at many lags, and the sub-sample fits of its peak.

`rho(lag) = sum((a - mean a)(b_lag - mean b_lag)) / sqrt(sum((a - mean a)^2) sum((b_lag - mean b_lag)^2))` with
`b_lag(i, j) = b(i + axial lag, j + lateral lag)`. Sums over overlapping windows are shared (Luo & Konofagou, IEEE
TUFFC 57:1347, 2010): products are summed once over blocks of `step` samples, then over the blocks of each window, so
that the cost of a lag does not depend on the length of the window.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

from engine.numerics.running_sum import box_mean, consecutive_sum, running_sum

_FLAT = 1e-5
"""A window whose variance is below this part of its mean square is constant, up to rounding in float32."""

_CENTRES = 16
"""Window centres between which one product interpolates."""


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
        margins = (0, 0, 1, 1 + -values.shape[-2] % _CENTRES)
        blocks = functional.pad(values, margins, mode="replicate").unfold(-2, _CENTRES + 2, _CENTRES).transpose(-1, -2)
        dense: Tensor = torch.matmul(_between(self.step, values.dtype, values.device), blocks)
        return dense.flatten(-3, -2)[..., :height, :]

    def at_windows(self, dense: Tensor) -> Tensor:
        """Mean over each block, that is the value at the window centres, (B, C, H, W) to (B, C, h, W)."""
        padded = functional.pad(dense, (0, 0, 0, -dense.shape[-2] % self.step), mode="replicate")
        return _blocks(padded, self.step).mean(dim=-2)


@lru_cache(maxsize=8)
@torch.inference_mode(mode=False)
def _between(step: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Weights of linear interpolation at `step` samples around each centre, from it and its neighbours."""
    place = (torch.arange(_CENTRES * step, dtype=torch.float64) + 0.5) / step + 0.5
    return (1 - (place[:, None] - torch.arange(_CENTRES + 2)).abs()).clamp(min=0).to(dtype=dtype, device=device)


def odd(count: float) -> int:
    """Odd number nearest to `count`, at least 1."""
    return max(2 * round((count - 1) / 2) + 1, 1)


def correlate(reference: Tensor, deformed: Tensor, axial_lags: range, lateral_lags: range, grid: WindowGrid) -> Tensor:
    """Correlation of each window at each lag, (axial lags, lateral lags, ..., h, W), from frames (..., H, W).

    Lags are consecutive. A window without variation, or without anything at that lag inside the deformed frame, has
    correlation 0. All axial lags of a lateral one are taken together: few operations, on arrays that fit the cache.
    What depends on the deformed frame alone is found once for all lateral lags, but for the outermost lines: what their
    windows lose beyond the reference's side lies elsewhere in the deformed frame at each lag.
    """
    height, width = reference.shape[-2:]
    top, bottom = axial_lags[0], axial_lags[-1]
    left, right = lateral_lags[0], lateral_lags[-1]
    missing = -height % grid.step
    padded = functional.pad(deformed, (max(-left, 0), max(right, 0), max(-top, 0), max(bottom, 0) + missing))
    whole = _blocks(functional.pad(reference, (0, 0, 0, missing)), grid.step)

    def at_lags(frame: Tensor, rows: int) -> Tensor:
        """View of a padded frame at all axial lags, (lags, ..., rows, padded W)."""
        return frame[..., max(top, 0) :, :].unfold(-2, rows, 1).movedim(-3, 0)[: len(axial_lags)].transpose(-1, -2)

    def block_sums(frame: Tensor) -> Tensor:
        """Sum each block of rows at all axial lags: some of the sums that begin at any row, and a shorter last one."""
        found, full = [], height - height % grid.step
        if full:
            sums = at_lags(consecutive_sum(frame, grid.step, -2), full - grid.step + 1)
            found.append(sums[..., :: grid.step, :])
        if missing:
            found.append(at_lags(frame, height)[..., full:, :].sum(dim=-2, keepdim=True))
        return torch.cat(found, dim=-2)

    rows = _blocks(at_lags(padded, height + missing), grid.step)
    along = running_sum(torch.stack([block_sums(padded), block_sums(padded * padded)]), grid.blocks, -2)
    share = _share(grid, height, width, reference.dtype, reference.device)
    blocks = [_block_sum(frame, grid.step) for frame in (reference, reference * reference)]
    mean, inverse = _moments(_window_sum(torch.stack(blocks), grid) * share)
    own = mean / share, inverse * share  # of sums, not of means
    mean, inverse = _moments(running_sum(along, grid.lines, -1) * share[:, width // 2, None])
    side, sides, found = grid.lines // 2, [], []
    for index in range(len(lateral_lags)):
        part = slice(max(left, 0) + index, max(left, 0) + index + width)
        product = whole[..., 0, :] * rows[..., 0, part]
        for row in range(1, grid.step):
            product.addcmul_(whole[..., row, :], rows[..., row, part])
        product = _window_sum(product, grid)
        found.append(_coefficient(product, own, (mean[..., part], inverse[..., part])))
        sides.append(_sides(product, side))
    rho = torch.stack(found, dim=1)
    if side:
        at_sides = along.unfold(-1, width, 1).movedim(-2, 2)[:, :, max(left, 0) :][:, :, : len(lateral_lags)]
        sums = [running_sum(at_sides[..., part], grid.lines, -1) for part in (slice(2 * side), slice(-2 * side, None))]
        moments = _moments(torch.cat([sums[0][..., :side], sums[1][..., -side:]], -1) * _sides(share, side))
        outer = _coefficient(torch.stack(sides, dim=1), (_sides(own[0], side), _sides(own[1], side)), moments)
        rho[..., :side], rho[..., -side:] = outer.chunk(2, dim=-1)
    return rho


def _sides(maps: Tensor, lines: int) -> Tensor:
    """Outermost lines of maps (..., W) on either side, one beside the other."""
    return torch.cat([maps[..., :lines], maps[..., -lines:]], dim=-1)


def coefficient(product: Tensor, mean_a: Tensor, square_a: Tensor, mean_b: Tensor, square_b: Tensor) -> Tensor:
    """Correlation coefficient from window means of a b, a, a^2, b and b^2; 0 where a or b is constant."""
    return _coefficient(product, _moments((mean_a, square_a)), _moments((mean_b, square_b)))


def _coefficient(product: Tensor, first: tuple[Tensor, Tensor], second: tuple[Tensor, Tensor]) -> Tensor:
    """Correlation from the mean product of two, and mean and inverse deviation of each."""
    rho = torch.addcmul(product, first[0], second[0], value=-1)
    return rho.mul_(first[1]).mul_(second[1]).clamp_(-1, 1)


def _moments(means: Iterable[Tensor]) -> tuple[Tensor, Tensor]:
    """Mean and inverse deviation from the means of values and of their squares; 0 where values are constant."""
    mean, square = means
    variance = torch.addcmul(square, mean, mean, value=-1)
    varied = torch.sub(variance, square, alpha=_FLAT).gt_(0)  # a mask of numbers: a CPU is slow with bool
    return mean, variance.clamp_min_(torch.finfo(variance.dtype).tiny).rsqrt_().mul_(varied)


@dataclass(frozen=True)
class Peaks:
    """Best lag of each window: residual (..., 2, h, W), lateral lines then axial samples, and its correlation."""

    residual: Tensor
    rho: Tensor


def find_peaks(
    reference: Tensor,
    compensated: Tensor,
    grid: WindowGrid,
    axial_reach: int,
    lateral_reach: int | None,
    *,
    carrier: bool = True,
    symmetric: bool = False,
) -> Peaks:
    """Search lags up to the reaches for the best correlation and refine it to a fraction of a lag; frames (..., H, W).

    The integer peak is taken from correlations averaged over neighbouring windows, which rarely jump a cycle. The
    axial fit is a cosine for RF (`carrier`) and a parabola for an envelope; laterally it is always a parabola. A
    lateral reach of None leaves the lateral motion alone. `symmetric` averages the lags of either frame over the
    other: as much content leaves a window on one side as on the other, which takes away the jitter that a short
    window has even without noise, at twice the cost.
    """
    lateral_lags = range(1) if lateral_reach is None else range(-lateral_reach - 1, lateral_reach + 2)
    axial_lags = range(-axial_reach - 1, axial_reach + 2)
    rho = correlate(reference, compensated, axial_lags, lateral_lags, grid)
    if symmetric:
        rho = rho.add_(correlate(compensated, reference, axial_lags, lateral_lags, grid).flip(0, 1)).mul_(0.5)
    lags, sides = rho.shape[:2]
    inner = rho[1:-1] if lateral_reach is None else rho[1:-1, 1:-1]
    best = _first_highest(box_mean(inner.flatten(0, 1), 3, 3))
    row = best // inner.shape[1] + 1
    column = best % inner.shape[1] + (lateral_reach is not None)
    flat = rho.flatten(0, 1)

    def at(rows: Tensor, columns: Tensor) -> Tensor:
        return flat.gather(0, (rows * sides + columns)[None])[0]

    peak = at(row, column)
    fit = cosine_peak if carrier else parabolic_peak
    axial = row - lags // 2 + fit(at(row - 1, column), peak, at(row + 1, column))
    if lateral_reach is None:
        return Peaks(torch.stack([torch.zeros_like(axial), axial], dim=-3), peak)
    lateral = column - sides // 2 + parabolic_peak(at(row, column - 1), peak, at(row, column + 1))
    return Peaks(torch.stack([lateral, axial], dim=-3), peak)


def _first_highest(values: Tensor) -> Tensor:
    """Place of the highest value along the first axis, the first of equals, in passes that a CPU does fast.

    The values are overwritten.
    """
    count = values.shape[0]
    order = torch.arange(count, 0, -1, device=values.device, dtype=values.dtype).reshape(-1, *[1] * (values.ndim - 1))
    return count - values.eq_(values.amax(dim=0)).mul_(order).amax(dim=0).long()


def cosine_peak(before: Tensor, peak: Tensor, after: Tensor) -> Tensor:
    """Offset of the maximum of a cosine through three correlations one sample apart, in samples; 0 where none fits.

    `omega = arccos((before + after) / (2 peak))`, `delta = -arctan((before - after) / (2 peak sin omega)) / omega`
    (de Jong et al., Ultrasonics 28:273, 1990). Its bias at 5 MHz sampled with 40 MHz is a tenth of the parabola's.
    """
    positive = peak > 0
    twice = 2 * torch.where(positive, peak, 1.0)
    ratio = (before + after) / twice
    usable = positive & (ratio.abs() < 1 - 1e-6)
    omega = torch.arccos(torch.where(usable, ratio, 0.0))
    offset = torch.atan((after - before) / (twice * torch.sin(omega))) / omega
    return torch.where(usable & (offset.abs() <= 1), offset, 0.0)


def parabolic_peak(before: Tensor, peak: Tensor, after: Tensor) -> Tensor:
    """Offset of the vertex of a parabola through three correlations, in lags; 0 where it has no maximum nearby."""
    curvature = torch.add(before, peak, alpha=-2) + after
    usable = curvature < -1e-9
    offset = (before - after) / (2 * torch.where(usable, curvature, -1.0))
    return torch.where(usable & (offset.abs() <= 1), offset, 0.0)


@lru_cache(maxsize=16)
def _share(grid: WindowGrid, height: int, width: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """One over the samples of each window of frames (H, W)."""
    return 1 / window_sum(torch.ones(height, width, dtype=dtype, device=device), grid)


def window_sum(image: Tensor, grid: WindowGrid) -> Tensor:
    """Sum of maps (..., H, W), real or complex, over each window, (..., h, W); what lies outside counts as 0."""
    return _window_sum(_block_sum(image, grid.step), grid)


def _blocks(image: Tensor, step: int) -> Tensor:
    """View of whole blocks of rows, (..., H, W) to (..., H / step, step, W)."""
    *others, height, width = image.shape
    return image.reshape(*others, height // step, step, width)


def _block_sum(image: Tensor, step: int) -> Tensor:
    height = image.shape[-2]
    whole = height // step * step
    blocks: Tensor = _blocks(image[..., :whole, :], step).sum(dim=-2)
    if whole == height:
        return blocks
    return torch.cat([blocks, image[..., whole:, :].sum(dim=-2, keepdim=True)], dim=-2)


def _window_sum(blocks: Tensor, grid: WindowGrid) -> Tensor:
    return running_sum(running_sum(blocks, grid.blocks, -2), grid.lines, -1)
