"""Repair and smoothing of tracked fields (B, C, h, W), in which reliable windows count for more; weights (B, h, W)."""

import math
from functools import lru_cache

import torch
from torch import Tensor

from engine.numerics.conjugate_gradients import conjugate_gradients
from engine.numerics.cosine_transform import cosine_transform, difference_symbol, inverse_cosine_transform

_WIDENINGS = (4.0, 16.0)
_WIDENING_SHARE = 1e-3
_FLOOR = 0.02
"""Variance, in the units of 1 / rho^2 - 1, that no correlation removes: keeps single windows from ruling alone."""


_NOTHING = 1e-18
"""Gaussian weights below are none: products of two of them are denormal numbers, with which a processor is slow."""


def correlation_weight(rho: Tensor, smallest: float) -> Tensor:
    """Inverse variance of a delay (Cramer-Rao bound, up to a factor), `1 / (1 / rho^2 - 1)`; 0 under `smallest`."""
    accepted = rho >= max(smallest, 1e-3)
    square = torch.where(accepted, rho, 1.0).square()
    return torch.where(accepted, 1 / (1 / square - 1 + _FLOOR), 0.0)


def without_outliers(field: Tensor, median: Tensor, weight: Tensor, tolerance: float) -> Tensor:
    """Weight, set to 0 where a map (B, h, W) is further than `tolerance` from its median."""
    return torch.where((field - median).abs() > tolerance, 0.0, weight)


def weighted_smooth(field: Tensor, weight: Tensor, sigma_rows: float, sigma_lines: float) -> Tensor:
    """Gaussian mean of the field.

    Much wider Gaussians with a tiny share fill what has no weight nearby; without any weight at all it gives 0.
    """
    weight = weight.unsqueeze(-3)
    stacked = torch.cat([field * weight, weight], dim=-3)
    total = _gaussian(stacked, sigma_rows, sigma_lines)
    share = 1.0
    for widening in _WIDENINGS:
        share *= _WIDENING_SHARE
        wider = _gaussian(stacked, widening * max(sigma_rows, 1), widening * max(sigma_lines, 1))
        total = total.add_(wider, alpha=share)
    mass = total[..., -1:, :, :]
    return torch.where(mass > 0, total[..., :-1, :, :] / mass.clamp_min(1e-20), 0.0)


def regularise(field: Tensor, weight: Tensor, stiffness: Tensor, iterations: int = 12) -> Tensor:
    """Field u that minimises `sum weight (u - field)^2 + stiffness |second differences of u|^2`.

    `stiffness` (C, 2) is axial and lateral. The field follows reliable windows closely and is smoothed the more the
    less they correlate; where the weight is 0 it interpolates. A linear field stays as it is. Solved by
    conjugate gradients from a Gaussian mean; the preconditioner solves the problem of uniform weight by cosines.
    """
    rows, lines = stiffness[:, 0, None, None], stiffness[:, 1, None, None]
    down, across = (difference_symbol(size, weight).square() for size in weight.shape[-2:])
    bending = rows * down[:, None] + lines * across[None, :]
    inverse = 1 / (weight.mean(dim=(-2, -1))[..., None, None, None] + bending + 1e-6)
    spread = weight.unsqueeze(-3)

    def apply(u: Tensor) -> Tensor:
        result = spread * u
        _add_bending(result, u, rows, -2)
        _add_bending(result, u, lines, -1)
        return result

    def precondition(u: Tensor) -> Tensor:
        return inverse_cosine_transform(cosine_transform(u).mul_(inverse))

    start = weighted_smooth(field, weight, 2.0, 2.0)
    found, _ = conjugate_gradients(apply, precondition, spread * field, iterations=iterations, start=start, axes=2)
    return found


def _add_bending(result: Tensor, u: Tensor, stiffness: Tensor, dim: int) -> None:
    """Add `stiffness D'D u` to `result`, with D the second difference along `dim` (none at the ends)."""
    size = u.shape[dim]
    if size < 3:
        return
    bend = torch.add(u.narrow(dim, 0, size - 2), u.narrow(dim, 2, size - 2)).sub_(u.narrow(dim, 1, size - 2), alpha=2)
    result.narrow(dim, 0, size - 2).addcmul_(bend, stiffness)
    result.narrow(dim, 1, size - 2).addcmul_(bend, stiffness, value=-2)
    result.narrow(dim, 2, size - 2).addcmul_(bend, stiffness)


def _gaussian(maps: Tensor, sigma_rows: float, sigma_lines: float) -> Tensor:
    """Convolve maps (..., n, m) with Gaussians, as matrix products; what lies outside counts as 0."""
    down, across = (
        _gaussian_kernel(size, sigma, maps.dtype, maps.device)
        for size, sigma in zip(maps.shape[-2:], (sigma_rows, sigma_lines), strict=True)
    )
    return down @ maps @ across


@lru_cache(maxsize=32)
def _gaussian_kernel(size: int, sigma: float, dtype: torch.dtype, device: torch.device) -> Tensor:
    if sigma < 0.1:
        return torch.eye(size, dtype=dtype, device=device)
    position = torch.arange(size, device=device, dtype=dtype)
    offset = (position[:, None] - position[None, :]) / sigma
    kernel = torch.exp(-0.5 * offset.square()) / (sigma * math.sqrt(2 * math.pi))
    return torch.where(kernel < _NOTHING, 0.0, kernel)
