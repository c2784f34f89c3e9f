"""Smoothing of motion along the beam, between the stages of a network and after its last."""

import math

import torch
from torch import Tensor
from torch.nn import functional

_REACH = 3.0
"""Half-width of the kernel in standard deviations."""


def smooth_along_beam(motion: Tensor, sigma_samples: float) -> Tensor:
    """Convolve motion (N, 2, H, W) along H with a Gaussian of standard deviation `sigma_samples`.

    The motion goes on beyond its ends by point reflection, so that a linear one stays as it is. 0 changes nothing.
    """
    rows = motion.shape[-2]
    reach = min(math.ceil(_REACH * sigma_samples), rows - 1)
    if reach <= 0:
        return motion
    offset = torch.arange(-reach, reach + 1, dtype=motion.dtype, device=motion.device)
    kernel = torch.exp(-0.5 * (offset / sigma_samples).square())
    above = 2 * motion[..., :1, :] - motion[..., 1 : reach + 1, :].flip(-2)
    below = 2 * motion[..., -1:, :] - motion[..., -reach - 1 : -1, :].flip(-2)
    padded = torch.cat([above, motion, below], dim=-2).flatten(0, 1)[:, None]
    return functional.conv2d(padded, (kernel / kernel.sum())[None, None, :, None])[:, 0].view_as(motion)
