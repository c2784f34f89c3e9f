"""Consistency of strain over time: successive strain maps of one sequence should show the same pattern."""

import torch
from torch import Tensor

from engine.losses.similarity import EPSILON, Window, similarity_loss
from engine.numerics.warp import warp

PERCENT = 100.0


def consistency_loss(
    strain: Tensor,
    window: Window,
    valid: Tensor | None = None,
    motion: Tensor | None = None,
    epsilon: float = EPSILON,
) -> Tensor:
    """One minus the mean patch correlation of each strain map with the one before it, a scalar in 0..2.

    `strain` is (B, T, 1, H, W), dimensionless; a sequence of one map costs nothing. The paper prints the correlation
    itself (equation 7, added to the loss), which would reward opposite patterns; here less loss is more agreement.
    Strain maps of one reference already share its grid. Given `motion` (B, T, 2, H, W), each map is first sampled at
    its own motion, as in the public ReUSENet. `valid` (B, T, 1, H, W) restricts the comparison.
    """
    if strain.shape[1] < 2:
        return strain.sum() * 0
    maps = strain * PERCENT
    if motion is not None:
        maps = warp(maps.flatten(0, 1), motion.flatten(0, 1), "bilinear").reshape(maps.shape)
    both = None if valid is None else torch.logical_and(valid[:, 1:], valid[:, :-1]).flatten(0, 1)
    return similarity_loss(maps[:, 1:].flatten(0, 1), maps[:, :-1].flatten(0, 1), window, both, epsilon)
