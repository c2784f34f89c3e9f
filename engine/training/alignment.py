"""The problem a network is trained on: what is left of the motion after an imperfect bulk alignment.

At inference the bulk motion of a frame, an affine field, is removed first. In training it is fitted to the true
motion and then made wrong on purpose, so that the network learns to find the rest.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.numerics.warp import warp
from engine.training.config import Difficulty

LEAST_ERROR = 0.15
"""Share of the errors of bulk motion that frames with little strain have as well."""


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


def still(motion: Tensor) -> Affine:
    """Return no motion for the frames of (N, 2, H, W)."""
    return Affine(motion.new_zeros(len(motion), 2), motion.new_zeros(len(motion), 2, 2))


def fit(motion: Tensor) -> Affine:
    """Fit motion (N, 2, H, W) robustly as the bulk motion is: axial linear in depth, lateral linear across lines.

    An inclusion does not bend the fit, since it approaches least absolute deviations.
    """
    frames, _, height, width = motion.shape
    rows = torch.arange(0, height, 8, dtype=motion.dtype, device=motion.device)
    lines = torch.arange(0, width, 2, dtype=motion.dtype, device=motion.device)
    some = motion[:, :, ::8, ::2]
    depth = (rows - (height - 1) / 2)[None, :, None].expand_as(some[:, 1]).flatten(1)
    across = (lines - (width - 1) / 2)[None, None, :].expand_as(some[:, 0]).flatten(1)
    lateral_offset, lateral_slope = _robust_line(across, some[:, 0].flatten(1))
    axial_offset, axial_slope = _robust_line(depth, some[:, 1].flatten(1))
    slope = torch.zeros(frames, 2, 2, dtype=motion.dtype, device=motion.device)
    slope[:, 0, 0], slope[:, 1, 1] = lateral_slope, axial_slope
    return Affine(torch.stack([lateral_offset, axial_offset], -1), slope)


def _robust_line(place: Tensor, value: Tensor, rounds: int = 3) -> tuple[Tensor, Tensor]:
    """Offset and slope of N lines through (N, P) points, by iteratively reweighted least squares."""
    weight = torch.ones_like(value)
    offset = slope = value[:, 0] * 0
    for _ in range(rounds):
        total = weight.sum(1)
        middle, mean = (weight * place).sum(1) / total, (weight * value).sum(1) / total
        away = place - middle[:, None]
        slope = (weight * away * (value - mean[:, None])).sum(1) / (weight * away * away).sum(1)
        offset = mean - slope * middle
        error = (value - offset[:, None] - slope[:, None] * place).abs()
        weight = 1 / (error + 0.1 * error.mean(1, keepdim=True) + 1e-6)
    return offset, slope


def spoil(affine: Affine, difficulty: Difficulty, generator: torch.Generator) -> Affine:
    """Add uniform errors up to the difficulty's, different for each frame, in proportion to the frame's own strain.

    What an affine fit leaves of tissue motion grows with the motion; a frame without strain still gets `LEAST_ERROR`
    of the errors, since a fit is never exact.
    """
    frames = affine.offset.shape[0]
    errors = (2 * torch.rand(frames, 3, generator=generator) - 1).to(affine.offset)
    share = (affine.slope[:, 1, 1].abs() / max(difficulty.max_strain, 1e-6)).clamp(LEAST_ERROR, 1.0)
    lateral, axial = difficulty.lateral_error * errors[:, 0], difficulty.shift_error * errors[:, 1]
    offset = affine.offset + share[:, None] * torch.stack([lateral, axial], -1)
    slope = affine.slope.clone()
    slope[:, 1, 1] += share * difficulty.strain_error * difficulty.max_strain * errors[:, 2]
    return Affine(offset, slope)
