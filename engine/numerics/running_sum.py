"""Sums and means over windows that run along an axis, at a cost that hardly depends on their length."""

from functools import lru_cache

import torch
from torch import Tensor

from engine.numerics.banded import correlated

_LONG = 16
"""Windows from this length on are products with a matrix of ones: faster than sums of sums, and few operations."""


def running_sum(values: Tensor, length: int, dim: int) -> Tensor:
    """Sum over `length` (odd) neighbours along `dim`, zeros outside.

    Sums of 1, 2, 4, ... neighbours are combined, so no difference of long sums costs precision in dark regions.

    >>> running_sum(torch.ones(5), 3, 0).tolist()
    [2.0, 3.0, 3.0, 3.0, 2.0]
    """
    half = length // 2
    shape = (half if axis == dim % values.ndim else n for axis, n in enumerate(values.shape))
    border = _zero(values.dtype, values.device).expand(tuple(shape))
    return consecutive_sum(torch.cat([border, values, border], dim), length, dim)


def consecutive_sum(values: Tensor, length: int, dim: int) -> Tensor:
    """Sum over every `length` consecutive values along `dim`, of which there are `length` - 1 fewer.

    >>> consecutive_sum(torch.ones(5), 2, 0).tolist()
    [2.0, 2.0, 2.0, 2.0]
    """
    if length >= _LONG and values.ndim > 1 and values.is_floating_point():
        return correlated(values, (1.0,) * length, dim)
    size = values.shape[dim] - length + 1
    power, total, start, span = values, None, 0, 1
    while True:
        if length & span:
            part = power.narrow(dim, start, size)
            total = part if total is None else total + part
            start += span
        if 2 * span > length:
            assert total is not None
            return total
        count = power.shape[dim] - span
        power = power.narrow(dim, 0, count) + power.narrow(dim, span, count)
        span *= 2


def box_mean(maps: Tensor, rows: int, lines: int) -> Tensor:
    """Mean over `rows` by `lines` (odd) of maps (..., H, W); at the edges over the part of a window that lies inside.

    >>> box_mean(torch.tensor([[0.0, 3.0, 6.0]]), 1, 3).tolist()
    [[1.5, 3.0, 4.5]]
    """
    height, width = maps.shape[-2:]
    count = _neighbours(height, rows, maps.dtype, maps.device)[:, None] * _neighbours(
        width, lines, maps.dtype, maps.device
    )
    return running_sum(running_sum(maps, rows, -2), lines, -1).div_(count)


def near(mask: Tensor, rows: int, lines: int) -> Tensor:
    """Say of each pixel of (..., H, W) bool whether `rows` by `lines` (odd) around it hold one that is True.

    >>> near(torch.tensor([[True, False, False]]), 1, 3).tolist()
    [[True, True, False]]
    """
    return running_sum(running_sum(mask.float(), rows, -2), lines, -1) > 0


@lru_cache(maxsize=64)
def _zero(dtype: torch.dtype, device: torch.device) -> Tensor:
    return torch.zeros((), dtype=dtype, device=device)


@lru_cache(maxsize=64)
def _neighbours(size: int, length: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Count the neighbours that each of `size` places has within `length`, itself included."""
    place, half = torch.arange(size, device=device), length // 2
    return ((place + half).clamp(max=size - 1) - (place - half).clamp(min=0) + 1).to(dtype)
