"""Smoothness of a motion field: mean absolute second differences, along both axes and across."""

from torch import Tensor


def smoothness_loss(motion: Tensor) -> Tensor:
    """Mean over pixels and both channels of |dxx| + |dxy| + |dyx| + |dyy|, a scalar, in samples and lines.

    `motion` is (N, 2, H, W). Equation 9 of Joarder et al. 2025 prints a sum over pixels, which would drown the other
    terms; the mean keeps its weight independent of the size of the image. Any affine field costs nothing.

    >>> import torch
    >>> ramp = torch.arange(8.0)[None, None, :, None].expand(1, 2, 8, 8)
    >>> float(smoothness_loss(-0.02 * ramp).round(decimals=6))
    0.0
    """
    axial = motion[..., 1:, :] - motion[..., :-1, :]
    lateral = motion[..., 1:] - motion[..., :-1]
    twice_axial = (axial[..., 1:, :] - axial[..., :-1, :]).abs().mean()
    twice_lateral = (lateral[..., 1:] - lateral[..., :-1]).abs().mean()
    mixed = (axial[..., 1:] - axial[..., :-1]).abs().mean()
    return twice_axial + twice_lateral + 2 * mixed
