"""Supervised loss on simulated truth: distance of the end points of motion, and of the strain that follows from it."""

import torch
from torch import Tensor

from engine.losses.consistency import PERCENT

AXIAL_SCALE = 0.05
"""Axial error in samples below which the end-point loss turns from linear to quadratic."""

STRAIN_SCALE = 0.05
"""The same for the strain error, in percent."""

TALL_STRAIN_SCALE = 0.01
"""The same over a tall window, where strain is that much less uncertain."""


def endpoint_loss(motion: Tensor, truth: Tensor, weight: Tensor | None = None, lateral: float = 1.0) -> Tensor:
    """Mean Charbonnier distance of both channels, a scalar in samples (axial) plus `lateral` times lines (lateral).

    `motion` and `truth` are (N, 2, H, W), `weight` (N, 1, H, W) is 0 or False where
    nothing is known. sqrt(e^2 + s^2) - s is robust to the few pixels that no network can follow, and smooth at 0.
    """
    distance = _charbonnier(motion - truth, AXIAL_SCALE)
    return _weighted_mean(distance[:, 1:2], weight) + lateral * _weighted_mean(distance[:, 0:1], weight)


def strain_loss(strain: Tensor, truth: Tensor, weight: Tensor | None = None, scale: float = STRAIN_SCALE) -> Tensor:
    """Mean Charbonnier distance of two strain maps (N, 1, H, W), a scalar in percent; `scale` in percent."""
    return _weighted_mean(_charbonnier((strain - truth) * PERCENT, scale), weight)


def _weighted_mean(values: Tensor, weight: Tensor | None) -> Tensor:
    """Mean of one channel (N, 1, H, W); where nothing weighs, 0."""
    if weight is None:
        return values.mean()
    return (values * weight).sum() / weight.sum().clamp_min(torch.finfo(values.dtype).tiny)


def _charbonnier(error: Tensor, scale: float) -> Tensor:
    return torch.sqrt(error * error + scale**2) - scale
