"""Correlation of maps with a kernel along one axis, as products of blocks of places with one small matrix."""

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

_BLOCK = 64


def correlated(values: Tensor, kernel: tuple[float, ...], dim: int) -> Tensor:
    """Weighted sums of every len(kernel) consecutive values of (..., h, W) along `dim`; each is of its own values.

    >>> correlated(torch.arange(4.0).reshape(4, 1), (1.0, -1.0), 0).flatten().tolist()
    [-1.0, -1.0, -1.0]
    """
    size = values.shape[dim] - len(kernel) + 1
    rows = functional.pad(values.movedim(dim, -2), (0, 0, 0, -size % _BLOCK))
    blocks = rows.unfold(-2, _BLOCK + len(kernel) - 1, _BLOCK).transpose(-1, -2)
    sums = torch.matmul(_band(kernel, values.dtype, values.device), blocks)
    return sums.flatten(-3, -2)[..., :size, :].movedim(-2, dim)


@lru_cache(maxsize=64)
def _band(kernel: tuple[float, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Matrix (block, block + kernel - 1) whose row i holds the kernel from place i on."""
    band = torch.zeros(_BLOCK, _BLOCK + len(kernel) - 1, dtype=torch.float64)
    for row in range(_BLOCK):
        band[row, row : row + len(kernel)] = torch.tensor(kernel, dtype=torch.float64)
    return band.to(dtype=dtype, device=device)
