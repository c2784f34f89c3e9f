"""Sums and means over windows that run along an axis, at a cost that hardly depends on their length."""

from functools import lru_cache

import torch
from torch import Tensor

from engine.numerics.banded import correlated
from engine.numerics.host import on_host

_LONG = 16
"""Windows from this length on are products with a matrix of ones: faster than sums of sums, and few operations."""
_SHORT = 256
"""Lines of memory up to this length are summed by one product with a matrix of ones for all of them."""
_IN_CACHE = 2**17
"""Values of a map, and of the sums made of it, that a processor's cache holds together."""


def running_sum(values: Tensor, length: int, dim: int) -> Tensor:
    """Sum over `length` (odd) neighbours along `dim`, zeros outside.

    Sums of 1, 2, 4, ... neighbours are combined, so no difference of long sums costs precision in dark regions.

    >>> running_sum(torch.ones(5), 3, 0).tolist()
    [2.0, 3.0, 3.0, 3.0, 2.0]
    """
    half, size = length // 2, values.shape[dim]
    if dim % values.ndim == values.ndim - 1 and size <= _SHORT and length > 1 and values.is_floating_point():
        return torch.matmul(values, _ones_near(size, half, values.dtype, values.device))
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
    return _sums_of_sums(values, length, dim)


def _sums_of_sums(values: Tensor, length: int, dim: int) -> Tensor:
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
    if on_host(maps) and maps[..., :1, :1].numel() * height * width > _IN_CACHE and not maps.requires_grad:
        return _box_mean_in_parts(maps, rows, lines, count)
    return running_sum(running_sum(maps, rows, -2), lines, -1).div_(count)


def _box_mean_in_parts(maps: Tensor, rows: int, lines: int, count: Tensor) -> Tensor:
    """`box_mean` of one map after the other, some rows at a time: sums that stay in the cache cost a third."""
    height, width = maps.shape[-2:]
    found = torch.empty(maps.shape, dtype=maps.dtype)
    around = (lines // 2, lines // 2, rows // 2, rows // 2)
    together = max(_IN_CACHE // ((height + rows) * (width + lines)), 1)
    at_once = height if together > 1 else max(_IN_CACHE // (width + lines) - rows, rows, 8)
    flat = maps.reshape(-1, height, width), found.view(-1, height, width)
    for values, means in zip(*(torch.split(entry, together) for entry in flat), strict=True):
        padded = torch.nn.functional.pad(values, around)
        for first in range(0, height, at_once):
            part = slice(first, min(first + at_once, height))
            sums = _sums_of_sums(padded[:, first : part.stop + rows - 1], rows, -2)
            torch.div(_sums_of_sums(sums, lines, -1), count[part], out=means[:, part])
    return found


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
@torch.inference_mode(mode=False)  # serves training too
def _ones_near(size: int, reach: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Matrix (size, size) of ones for places within reach of one another."""
    place = torch.arange(size, device=device)
    return ((place[:, None] - place).abs() <= reach).to(dtype)


@lru_cache(maxsize=64)
def _neighbours(size: int, length: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Count the neighbours that each of `size` places has within `length`, itself included."""
    place, half = torch.arange(size, device=device), length // 2
    return ((place + half).clamp(max=size - 1) - (place - half).clamp(min=0) + 1).to(dtype)
