"""Quality of an estimate: the local correlation of the reference and the motion-compensated deformed frame."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.types import Displacement, FramePair, Geometry, Map

if TYPE_CHECKING:
    import torch
    from torch import Tensor

WINDOW_M = 2.0e-3
"""Axial length of the correlation window: about ten wavelengths at 5 MHz, as for tracking."""

WINDOW_LINES = 5


@dataclass(frozen=True)
class Compensated:
    """A reference and its deformed frame warped onto it, (H, W) tensors.

    `known` is 1 where there is an estimate whose motion leaves the frame by no more than a sample or a line, else 0.
    """

    reference: "Tensor"
    deformed: "Tensor"
    known: "Tensor"
    geometry: Geometry


def compensate(pair: FramePair, displacement: Displacement, device: "torch.device") -> Compensated:
    """Warp the deformed frame by the displacement, with band-limited interpolation."""
    import torch

    from engine.numerics.warp import inside, motion_from_numpy, warp

    motion = motion_from_numpy(displacement.axial_samples, displacement.lateral_lines, device)
    reference = torch.from_numpy(pair.reference).to(device)
    deformed = warp(torch.from_numpy(pair.deformed).to(device)[None, None], motion)[0, 0]
    estimated = torch.from_numpy(np.isfinite(displacement.axial_m) & np.isfinite(displacement.lateral_m)).to(device)
    known = (estimated & inside(motion, margin=1.0)[0, 0]).to(reference.dtype)
    return Compensated(reference, deformed, known, pair.geometry)


def local_correlation(pair: FramePair, displacement: Displacement, device: "torch.device") -> Map:
    """Correlation coefficient in 0..1 around each pixel of the reference, (H, W) float32.

    The deformed frame is warped by the displacement with band-limited interpolation. Negative correlation counts as 0;
    so does a pixel without an estimate, or one whose motion leaves the frame by more than a sample or a line.

    Parameters
    ----------
    pair
        Both frames (H, W).
    displacement
        Estimate (H, W), in metres.
    device
        Where torch computes.

    Returns
    -------
    array
        Quality (H, W), 1 where the frames agree after the motion is taken out.

    >>> import torch
    >>> from engine.types import Geometry
    >>> rf = np.random.default_rng(0).standard_normal((300, 16)).astype(np.float32)
    >>> geometry, still = Geometry(40e6, 5e6, 1540.0, 0.3e-3), np.zeros((300, 16), np.float32)
    >>> pair = FramePair(rf, rf, geometry)
    >>> float(local_correlation(pair, Displacement(still, still, geometry), torch.device("cpu")).min().round(3))
    1.0
    """
    return correlation_map(compensate(pair, displacement, device))


def correlation_map(frames: Compensated) -> Map:
    """Correlation coefficient in 0..1 around each pixel of the reference, (H, W) float32.

    Negative correlation counts as 0; so does a pixel that is not known.
    """
    rho, _ = windowed_correlation(
        frames.reference, frames.deformed, frames.known, frames.geometry.window_samples(WINDOW_M), WINDOW_LINES
    )
    quality: Map = (rho.clamp_min(0) * frames.known).cpu().numpy()
    return quality


def windowed_correlation(a: "Tensor", b: "Tensor", usable: "Tensor", rows: int, lines: int) -> "tuple[Tensor, Tensor]":
    """Correlation coefficient of frames (H, W) over windows of the `usable` (1 or 0) pixels, and how many those are."""
    import torch

    from engine.numerics.correlation import coefficient
    from engine.numerics.running_sum import box_mean

    a, b = a * usable, b * usable
    means = box_mean(torch.stack([a * b, a, a * a, b, b * b, usable]), rows, lines)
    share = means[5].clamp_min(1e-6)
    rho = coefficient(means[0] / share, means[1] / share, means[2] / share, means[3] / share, means[4] / share)
    return rho, means[5] * (rows * lines)
