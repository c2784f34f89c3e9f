"""Repair and smoothing of tracked fields (C, h, W): median, and smoothing that lets reliable windows count for more."""

import math

import torch
from torch import Tensor
from torch.nn import functional

from engine.numerics.conjugate_gradients import conjugate_gradients
from engine.numerics.cosine_transform import cosine_transform, difference_symbol, inverse_cosine_transform

_WIDENINGS = (4.0, 16.0)
_WIDENING_SHARE = 1e-3
_FLOOR = 0.02
"""Variance, in the units of 1 / rho^2 - 1, that no correlation removes: keeps single windows from ruling alone."""


def correlation_weight(rho: Tensor, smallest: float) -> Tensor:
    """Inverse variance of a delay (Cramer-Rao bound, up to a factor), `1 / (1 / rho^2 - 1)`; 0 under `smallest`."""
    accepted = rho >= max(smallest, 1e-3)
    square = torch.where(accepted, rho, torch.ones_like(rho)).square()
    return torch.where(accepted, 1 / (1 / square - 1 + _FLOOR), torch.zeros_like(rho))


def median_filter(field: Tensor, size: int) -> Tensor:
    """Median over `size` by `size` windows (odd) of each map of (C, h, W); edges are replicated."""
    reach = size // 2
    padded = functional.pad(field[None], (reach, reach, reach, reach), mode="replicate")[0]
    neighbours = padded.unfold(1, size, 1).unfold(2, size, 1).flatten(-2)
    return neighbours.median(dim=-1).values


def without_outliers(field: Tensor, weight: Tensor, tolerance: float, size: int = 5) -> Tensor:
    """Weight (h, W), set to 0 where a map of the field (C, h, W) is further than `tolerance` from its median."""
    far = (field - median_filter(field, size)).abs() > tolerance
    return torch.where(far.any(dim=0), torch.zeros_like(weight), weight)


def weighted_smooth(field: Tensor, weight: Tensor, sigma_rows: float, sigma_lines: float) -> Tensor:
    """Gaussian mean of the field (C, h, W) with weights (h, W).

    Much wider Gaussians with a tiny share fill what has no weight nearby; without any weight at all it gives 0.
    """
    stacked = torch.cat([field * weight, weight[None]])
    total = _gaussian(stacked, sigma_rows, sigma_lines)
    share = 1.0
    for widening in _WIDENINGS:
        share *= _WIDENING_SHARE
        total = total + share * _gaussian(stacked, widening * max(sigma_rows, 1), widening * max(sigma_lines, 1))
    mass = total[-1]
    return torch.where(mass > 0, total[:-1] / mass.clamp_min(1e-20), torch.zeros_like(total[:-1]))


def regularise(field: Tensor, weight: Tensor, stiffness: Tensor, iterations: int = 12) -> Tensor:
    """Field u (C, h, W) that minimises `sum weight (u - field)^2 + stiffness |second differences of u|^2`.

    `stiffness` (C, 2) is axial and lateral. The field follows reliable windows closely and is smoothed the more the
    less they correlate; where the weight (h, W) is 0 it interpolates. A linear field stays as it is. Solved by
    conjugate gradients from a Gaussian mean; the preconditioner solves the problem of uniform weight by cosines.
    """
    rows, lines = stiffness[:, 0, None, None], stiffness[:, 1, None, None]
    down, across = (difference_symbol(size, weight).square() for size in weight.shape)
    uniform = weight.mean() + rows * down[:, None] + lines * across[None, :] + 1e-6

    def apply(u: Tensor) -> Tensor:
        result = weight * u
        _add_bending(result, u, rows, 1)
        _add_bending(result, u, lines, 2)
        return result

    def precondition(u: Tensor) -> Tensor:
        return inverse_cosine_transform(cosine_transform(u) / uniform)

    start = weighted_smooth(field, weight, 2.0, 2.0)
    found, _ = conjugate_gradients(
        apply, precondition, weight * field, iterations=iterations, start=start, separate=True
    )
    return found


def _add_bending(result: Tensor, u: Tensor, stiffness: Tensor, dim: int) -> None:
    """Add `stiffness D'D u` to `result`, with D the second difference along `dim` (none at the ends)."""
    size = u.shape[dim]
    if size < 3:
        return
    bend = stiffness * torch.diff(u, n=2, dim=dim)
    result.narrow(dim, 0, size - 2).add_(bend)
    result.narrow(dim, 1, size - 2).sub_(bend, alpha=2)
    result.narrow(dim, 2, size - 2).add_(bend)


def _gaussian(maps: Tensor, sigma_rows: float, sigma_lines: float) -> Tensor:
    rows = _gaussian_along(maps, sigma_rows)
    return _gaussian_along(rows.transpose(1, 2), sigma_lines).transpose(1, 2)


def _gaussian_along(maps: Tensor, sigma: float) -> Tensor:
    """Convolve (C, n, m) with a Gaussian along n, as one matrix product; what lies outside counts as 0."""
    if sigma < 0.1:
        return maps
    position = torch.arange(maps.shape[1], device=maps.device, dtype=maps.dtype)
    offset = (position[:, None] - position[None, :]) / sigma
    kernel = torch.exp(-0.5 * offset.square()) / (sigma * math.sqrt(2 * math.pi))
    return kernel @ maps
