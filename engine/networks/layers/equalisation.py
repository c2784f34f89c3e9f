"""Equalisation of RF before it meets a network: echoes of one strength over the whole frame.

The networks normalise their maps with one mean and variance a frame, so where tissue echoes weakly, behind bone or
deep in a real recording, their features shrink and displacement is underestimated. Dividing by the local mean magnitude
undoes this, as automatic gain control does in seismic processing; the phase, which carries the motion, stays.
"""

import torch
from torch import Tensor

from engine.numerics.running_sum import box_mean

ROWS, LINES = 201, 21
"""Window of the local magnitude on the network's grid: 25 periods of the centre frequency, and a few beam widths."""

MEAN_MAGNITUDE = 0.25
"""Mean |RF| afterwards; the brightest echoes then are about 1."""

_DARKEST = 1e-3
"""Local magnitudes below this share of the highest are taken for it, so that emptiness is not amplified."""


def equalise(rf: Tensor) -> Tensor:
    """Divide frames (..., H, W) by their local mean magnitude; frames without any echo stay zero."""
    local = box_mean(rf.abs(), ROWS, LINES)
    floor = _DARKEST * local.amax(dim=(-2, -1), keepdim=True)
    return MEAN_MAGNITUDE * rf / torch.maximum(local, floor).clamp_min(torch.finfo(rf.dtype).tiny)
