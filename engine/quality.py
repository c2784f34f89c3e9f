"""Quality of an estimate: the local correlation of the reference and the motion-compensated deformed frame."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.types import Displacement, FramePair, Geometry, Map

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from engine.on_device import PairBatch

WINDOW_M = 2.0e-3
"""Axial length of the correlation window: about ten wavelengths at 5 MHz, as for tracking."""

WINDOW_LINES = 5


@dataclass(frozen=True)
class Compensated:
    """References (1 or B, H, W) and deformed frames (B, H, W) warped onto them.

    `known` is 1 where there is an estimate whose motion leaves the frame by no more than a sample or a line, else 0.
    """

    reference: "Tensor"
    deformed: "Tensor"
    known: "Tensor"
    geometry: Geometry


def compensated(batch: "PairBatch", motion: "Tensor") -> Compensated:
    """Warp the deformed frames by a motion (B, 2, H, W) with NaN, with band-limited interpolation."""
    import torch

    from engine.numerics.warp import inside, warp

    deformed = warp(batch.deformed[:, None], torch.nan_to_num(motion, nan=0.0))[:, 0]
    known = inside(motion, margin=1.0)[:, 0].to(deformed.dtype)
    return Compensated(batch.reference, deformed, known, batch.geometry)


def compensate(pair: FramePair, displacement: Displacement, device: "torch.device") -> Compensated:
    """Warp one pair's deformed frame by the displacement, a batch of one."""
    from engine.on_device import MotionBatch, PairBatch

    return compensated(PairBatch.of([pair], device), MotionBatch.of(displacement, device).motion)


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

    >>> import numpy as np
    >>> import torch
    >>> from engine.types import Geometry
    >>> rf = np.random.default_rng(0).standard_normal((300, 16)).astype(np.float32)
    >>> geometry, still = Geometry(40e6, 5e6, 1540.0, 0.3e-3), np.zeros((300, 16), np.float32)
    >>> pair = FramePair(rf, rf, geometry)
    >>> float(local_correlation(pair, Displacement(still, still, geometry), torch.device("cpu")).min().round(3))
    1.0
    """
    quality: Map = correlation_map(compensate(pair, displacement, device))[0].cpu().numpy()
    return quality


def correlation_map(frames: Compensated) -> "Tensor":
    """Correlation coefficient in 0..1 around each pixel of the reference, (B, H, W) float32.

    Negative correlation counts as 0; so does a pixel that is not known.
    """
    rho, _ = windowed_correlation(
        frames.reference, frames.deformed, frames.known, frames.geometry.window_samples(WINDOW_M), WINDOW_LINES
    )
    return rho.clamp_min(0) * frames.known


def windowed_correlation(a: "Tensor", b: "Tensor", usable: "Tensor", rows: int, lines: int) -> "tuple[Tensor, Tensor]":
    """Correlation of frames (B, H, W) over windows of the `usable` (1 or 0) pixels, and how many those are."""
    import torch

    from engine.numerics.correlation import coefficient
    from engine.numerics.host import in_bands
    from engine.numerics.running_sum import box_sums

    def band(a: "Tensor", b: "Tensor", usable: "Tensor") -> "Tensor":
        a, b = a * usable, b * usable
        *sums, known = box_sums((a * b, a, a * a, b, b * b, usable), rows, lines)
        share = 1 / known.clamp_min(0.5)
        return torch.stack([coefficient(*(entry * share for entry in sums)), known])

    rho, known = in_bands(band, a.expand_as(b), b, usable, reach=rows // 2)
    return rho, known
