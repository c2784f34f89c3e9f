"""Smoothing of motion along the beam, between the stages of a network and after its last."""

import math
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

from engine.numerics.banded import correlated

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
    kernels, shares = _fit(rows, reach, sigma_samples, motion.dtype, motion.device)
    padded = functional.pad(motion, (0, 0, reach, reach))
    sums = [correlated(padded, kernel, -2) for kernel in kernels]
    return torch.addcmul(shares[0] * sums[0], shares[1], sums[1])


@lru_cache(maxsize=16)
def _fit(
    rows: int, reach: int, sigma: float, dtype: torch.dtype, device: torch.device
) -> tuple[tuple[tuple[float, ...], ...], Tensor]:
    """Kernels of two sums, and the share (2, rows, 1) of each in the value of the line."""
    with torch.inference_mode(mode=False), torch.no_grad():  # serves training too
        offset = torch.arange(-reach, reach + 1, dtype=torch.float64) / sigma
        weight = torch.exp(-0.5 * offset.square())
        kernels = tuple(tuple((weight * offset**power).tolist()) for power in range(3))
        inside = functional.pad(torch.ones(rows, 1, dtype=torch.float64), (0, 0, reach, reach))
        zeroth, first, second = (correlated(inside, kernel, -2) for kernel in kernels)
        determinant = zeroth * second - first.square()
        return kernels[:2], torch.stack([second / determinant, -first / determinant]).to(dtype=dtype, device=device)
