"""The problem a network is trained on: what is left of the motion after an imperfect bulk alignment.

At inference the bulk motion of a frame, an affine field, is removed first. In training it is fitted to the true
motion and then made wrong on purpose, so that the network learns to find the rest.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.warp import warp


@dataclass(frozen=True)
class Affine:
    """Affine motion of N frames: motion(x) = offset + slope (x - centre), x = (line, row).

    `offset` is (N, 2) and `slope` is (N, 2, 2), first the lateral, then the axial component, in lines and samples.
    """

    offset: Tensor
    slope: Tensor

    def field(self, height: int, width: int) -> Tensor:
        """Return the motion of every pixel, (N, 2, H, W)."""
        return self.offset[:, :, None, None] + torch.einsum("nij,jhw->nihw", self.slope, self._places(height, width))

    def residual(self, total: Tensor) -> Tensor:
        """Solve total(x) = residual(x) + affine(x + residual(x)) exactly for the residual, all (N, 2, H, W)."""
        rest = total - self.field(total.shape[-2], total.shape[-1])
        stretch = torch.eye(2, dtype=total.dtype, device=total.device) + self.slope
        return torch.einsum("nij,njhw->nihw", torch.linalg.inv(stretch), rest)

    def compose(self, residual: Tensor) -> Tensor:
        """Return the total motion of a residual found after this alignment, (N, 2, H, W)."""
        return (
            residual
            + self.field(residual.shape[-2], residual.shape[-1])
            + torch.einsum("nij,njhw->nihw", self.slope, residual)
        )

    def align(self, deformed: Tensor) -> tuple[Tensor, Tensor]:
        """Warp frames (N, 1, H, W) by the motion; also return it, (N, 2, H, W)."""
        motion = self.field(deformed.shape[-2], deformed.shape[-1])
        return warp(deformed, motion), motion

    def _places(self, height: int, width: int) -> Tensor:
        rows = torch.arange(height, dtype=self.offset.dtype, device=self.offset.device) - (height - 1) / 2
        lines = torch.arange(width, dtype=self.offset.dtype, device=self.offset.device) - (width - 1) / 2
        return torch.stack([lines[None, :].expand(height, -1), rows[:, None].expand(-1, width)])


def fit(motion: Tensor, rounds: int = 3) -> Affine:
    """Fit shift and depth-wise stretch of the axial, and shift of the lateral motion, robustly, to (N, 2, H, W).

    Iteratively reweighted least squares that approaches least absolute deviations: an inclusion does not bend it.
    """
    frames, _, height, width = motion.shape
    rows = torch.arange(0, height, 8, dtype=motion.dtype, device=motion.device)
    depth = (rows - (height - 1) / 2)[None, :, None].expand(frames, -1, len(range(0, width, 4))).flatten(1)
    axial = motion[:, 1, ::8, ::4].flatten(1)
    weight = torch.ones_like(axial)
    for _ in range(rounds):
        total = weight.sum(1, keepdim=True)
        mean_depth, mean = (weight * depth).sum(1, keepdim=True) / total, (weight * axial).sum(1, keepdim=True) / total
        spread = (weight * (depth - mean_depth) ** 2).sum(1, keepdim=True)
        slope = (weight * (depth - mean_depth) * (axial - mean)).sum(1, keepdim=True) / spread
        offset = mean - slope * mean_depth
        error = (axial - offset - slope * depth).abs()
        weight = 1 / (error + 0.1 * error.mean(1, keepdim=True) + 1e-6)
    zero = torch.zeros_like(slope[:, 0])
    lateral = motion[:, 0, ::8, ::4].flatten(1).median(1).values
    stretch = torch.stack([torch.stack([zero, zero], -1), torch.stack([zero, slope[:, 0]], -1)], -2)
    return Affine(torch.stack([lateral, offset[:, 0]], -1), stretch)


def spoil(affine: Affine, shift: float, strain: float, lateral: float, generator: torch.Generator) -> Affine:
    """Add uniform errors up to `shift` samples, `strain` and `lateral` lines, different for each frame."""
    frames = affine.offset.shape[0]
    errors = (2 * torch.rand(frames, 3, generator=generator) - 1).to(affine.offset)
    offset = affine.offset + torch.stack([lateral * errors[:, 0], shift * errors[:, 1]], -1)
    slope = affine.slope.clone()
    slope[:, 1, 1] += strain * errors[:, 2]
    return Affine(offset, slope)
