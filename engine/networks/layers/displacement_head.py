"""Motion as a sum over the decoder's levels: every level predicts full-resolution pixels, coarse ones smooth motion."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


class DisplacementHead(nn.Module):
    """A convolution 3x3 to two channels for each level, resized to full resolution, summed; no activation.

    It works in float32 under any precision of the rest: eight bits would round ten samples of motion to 1/16.
    """

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        self.levels = nn.ModuleList(nn.Conv2d(width, 2, 3, padding=1) for width in channels)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Sum the levels' maps (B, C_l, h_l, w_l), the last at full resolution: (B, 2, H, W)."""
        with torch.autocast(maps[0].device.type, enabled=False):
            *coarse, fine = [head(x.float()) for head, x in zip(self.levels, maps, strict=True)]
            total: Tensor = fine
            for motion in coarse:
                total = total + functional.interpolate(
                    motion.contiguous(), size=fine.shape[-2:], mode="bilinear", align_corners=True
                )  # channels-last, two channels take a CPU four times as long
        return total

    def zero(self) -> None:
        """Make the head predict no motion, the start of a stage that refines another."""
        with torch.no_grad():
            for values in self.parameters():
                values.zero_()
