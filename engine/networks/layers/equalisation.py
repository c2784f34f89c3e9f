"""Equalisation of RF before it meets a network: echoes of one strength over the whole frame.

The networks normalise their maps with one mean and variance a frame, so where tissue echoes weakly, behind bone or
deep in a real recording, their features shrink and displacement is underestimated. Dividing by the local mean magnitude
undoes this, as automatic gain control does in seismic processing; the phase, which carries the motion, stays.
"""

import torch
from torch import Tensor

ROWS, LINES = 201, 21
"""Window of the local magnitude on the network's grid: 25 periods of the centre frequency, and a few beam widths."""

MEAN_MAGNITUDE = 0.25
"""Mean |RF| afterwards; the brightest echoes then are about 1."""

_DARKEST = 1e-3
"""Local magnitudes below this share of the highest are taken for it, so that emptiness is not amplified."""


def equalise(rf: Tensor) -> Tensor:
    """Divide frames (..., H, W) by their local mean magnitude; frames without any echo stay zero."""
    local = _running_mean(_running_mean(rf.abs(), ROWS, -2), LINES, -1)
    floor = _DARKEST * local.amax(dim=(-2, -1), keepdim=True)
    return MEAN_MAGNITUDE * rf / torch.maximum(local, floor).clamp_min(torch.finfo(rf.dtype).tiny)


def _running_mean(values: Tensor, window: int, dim: int) -> Tensor:
    """Mean over an odd window around each place along `dim`, at the borders over the part of it that lies inside."""
    size = values.shape[dim]
    place = torch.arange(size, device=values.device)
    first, past = (place - window // 2).clamp_min(0), (place + window // 2 + 1).clamp_max(size)
    sums = values.cumsum(dim, dtype=torch.float64)
    sums = torch.cat([torch.zeros_like(sums.narrow(dim, 0, 1)), sums], dim)
    counts = (past - first).reshape(-1, *[1] * (-dim - 1))
    return ((sums.index_select(dim, past) - sums.index_select(dim, first)) / counts).to(values.dtype)
