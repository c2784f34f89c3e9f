"""Sums and means over windows that run along an axis, at a cost that hardly depends on their length."""

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

from engine.numerics.banded import correlated
from engine.numerics.host import IN_CACHE, in_bands, on_host

_LONG = 16
"""Windows from this length on are products with a matrix of ones: faster than sums of sums, and few operations."""
_SHORT = 256
"""Lines up to this length are summed by one product with a matrix of ones for all of them; rows on a CPU up to half."""

_FEW = 2**17
"""Maps of up to this many values are summed by products on a CPU too."""


def running_sum(values: Tensor, length: int, dim: int) -> Tensor:
    """Sum over `length` (odd) neighbours along `dim`, zeros outside.

    Sums of 1, 2, 4, ... neighbours are combined, so no difference of long sums costs precision in dark regions.

    >>> running_sum(torch.ones(5), 3, 0).tolist()
    [2.0, 3.0, 3.0, 3.0, 2.0]
    """
    half, size, axis = length // 2, values.shape[dim], dim % values.ndim - values.ndim
    if length > 1 and values.is_floating_point():
        if axis == -1 and size <= _SHORT:
            return torch.matmul(values, _ones_near(size, half, values.dtype, values.device))
        if axis == -2 and size <= (_SHORT // 2 if on_host(values) else _SHORT):
            return torch.matmul(_ones_near(size, half, values.dtype, values.device), values)
    shape = list(values.shape)
    shape[axis] = half
    border = _zero(values.dtype, values.device).expand(shape)
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
    if on_host(maps) and maps.numel() > _FEW:
        parts = torch.split(maps.reshape(-1, height, width), max(IN_CACHE // (height * width), 1))
        sums_of = [in_bands(lambda part: box_sums([part], rows, lines)[0], part, reach=rows // 2) for part in parts]
        sums = torch.cat(sums_of).view(maps.shape)
    else:
        sums = running_sum(running_sum(maps, rows, -2), lines, -1)
    return sums.div_(inside_window(height, width, rows, lines, maps.dtype, maps.device))


def box_sums(maps: Sequence[Tensor], rows: int, lines: int) -> Sequence[Tensor]:
    """Sum every `rows` consecutive rows and the `lines` (odd) nearest lines of maps (..., H, W), zeros beside them.

    There are `rows` - 1 fewer rows. A CPU takes one map after the other, so that its sums stay in the cache.

    >>> [sums.tolist() for sums in box_sums([torch.ones(3, 3)], 2, 3)]
    [[[4.0, 6.0, 4.0], [4.0, 6.0, 4.0]]]
    """
    if not on_host(maps[0]):
        return running_sum(consecutive_sum(torch.stack([*maps]), rows, -2), lines, -1).unbind()
    beside = (lines // 2, lines // 2)
    return [_sums_of_sums(functional.pad(_sums_of_sums(entry, rows, -2), beside), lines, -1) for entry in maps]


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


@lru_cache(maxsize=16)
@torch.inference_mode(mode=False)
def inside_window(height: int, width: int, rows: int, lines: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Count the pixels of each window of `rows` by `lines` that lie inside a map, (height, width)."""
    return _neighbours(height, rows, device)[:, None].mul(_neighbours(width, lines, device)).to(dtype)


def _neighbours(size: int, length: int, device: torch.device) -> Tensor:
    """Count the neighbours that each of `size` places has within `length`, itself included."""
    place, half = torch.arange(size, device=device), length // 2
    return (place + half).clamp(max=size - 1) - (place - half).clamp(min=0) + 1
