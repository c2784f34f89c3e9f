"""Smoothing of motion along the beam, between the stages of a network and after its last."""

import math

import torch
from torch import Tensor
from torch.nn import functional

_REACH = 3.0
"""Half-width of the kernel in standard deviations."""


def smooth_along_beam(motion: Tensor, sigma_samples: float) -> Tensor:
    """Fit a line around each sample of motion (N, 2, H, W) along H, with Gaussian weights, and take its value there.

    `sigma_samples` is the standard deviation of the weights; 0 changes nothing. Away from the ends this is convolution
    with the Gaussian; at the ends a linear motion stays as it is, without the noise that extrapolation would add (local
    linear regression: Fan & Gijbels, Local Polynomial Modelling and Its Applications, 1996).
    """
    rows = motion.shape[-2]
    reach = min(math.ceil(_REACH * sigma_samples), rows - 1)
    if reach <= 0:
        return motion
    offset = torch.arange(-reach, reach + 1, dtype=motion.dtype, device=motion.device) / sigma_samples
    weight = torch.exp(-0.5 * offset.square())
    kernels = torch.stack([weight, weight * offset, weight * offset.square()])[:, None, :, None]
    moments = functional.conv2d(motion.new_ones(1, 1, rows, 1), kernels, padding=(reach, 0))[0]
    sums = functional.conv2d(motion.flatten(0, 1)[:, None], kernels[:2], padding=(reach, 0))
    value = moments[2] * sums[:, 0] - moments[1] * sums[:, 1]
    return (value / (moments[0] * moments[2] - moments[1].square())).view_as(motion)
