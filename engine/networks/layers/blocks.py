"""Building blocks of the encoder-decoder networks (Delaunay, Hu, Vercauteren 2021; Joarder et al. 2025, section 3.1).

Normalisation uses each frame's own statistics, in training and at inference alike; convolutions before it carry no
bias, which it would remove. On the CPU maps are kept channels-last, in which the convolutions of few channels at full
resolution run three to five times faster; nothing here or in the layers that use it may fall back to another order.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.numerics.host import on_host

_EPSILON = 1e-5
"""Added to the variance; torch's own."""
_LANES = 128
"""Values of a row that a processor takes together without remainders."""
_IN_CACHE = 2**18
"""Values that stay in a processor's cache."""


class FrameNorm(nn.Module):
    """Normalise each channel of each frame to its mean and standard deviation, then apply a learned scale and shift.

    This is batch normalisation without running statistics on one frame at a time, that is, instance normalisation.
    On the CPU the instance form leaves the channels-last order and takes four times as long: training calls the batch
    form, and without gradients the maps are overwritten, in rows of many pixels (few channels do not fill a register),
    since memory that the system must give anew costs more than the arithmetic.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalised maps (B, C, H, W); without gradients, those of a CPU are `x` itself."""
        if not on_host(x):
            return functional.instance_norm(x, weight=self.weight, bias=self.bias)
        if not torch.is_grad_enabled():
            x = x.contiguous(memory_format=torch.channels_last)
            for frame in x:
                self._overwrite(frame.permute(1, 2, 0))
            return x
        frames = [
            functional.batch_norm(frame, None, None, self.weight, self.bias, training=True)
            for frame in torch.split(x, 1)
        ]
        return torch.cat(frames) if len(frames) > 1 else frames[0]

    def _overwrite(self, frame: Tensor) -> None:
        """Normalise a frame (H, W, C) in place."""
        height, width, channels = frame.shape
        pixels = math.gcd(height * width, max(_LANES // channels, 1))
        rows = frame.view(-1, pixels * channels)
        mean, variance = (
            entry.view(pixels, channels) for entry in torch.batch_norm_update_stats(rows, None, None, 0.0)
        )
        spread = variance.mean(dim=0) + mean.var(dim=0, correction=0)
        scale = self.weight * torch.rsqrt(spread + _EPSILON)
        shift = self.bias - scale * mean.mean(dim=0)
        scale, shift = scale.repeat(pixels), shift.repeat(pixels)
        for part in torch.split(rows, max(_IN_CACHE // rows.shape[1], 1)):
            torch.addcmul(shift, part, scale, out=part)


class ConvNorm(nn.Sequential):
    """Convolution 3x3 without bias, then normalisation over the frame."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), FrameNorm(outputs))


class ThreeConvolutionDown(nn.Module):
    """Residual block of USENet and ReUSENet; the skip that leaves it is the first convolution's output."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = ConvNorm(inputs, outputs)
        self.second = ConvNorm(outputs, outputs)
        self.third = ConvNorm(outputs, outputs)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the map at half resolution and the skip at full resolution."""
        skip = functional.relu(self.first(x), inplace=True)
        y = functional.relu(self.second(skip), inplace=True)
        y = functional.relu(self.third(y).add_(skip), inplace=True)
        return functional.max_pool2d(y, 2), skip


class TwoConvolutionResidual(nn.Module):
    """Residual block of USSE-Net, at one resolution."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = ConvNorm(inputs, outputs)
        self.second = ConvNorm(outputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, outputs, H, W), not negative."""
        x = functional.relu(self.first(x), inplace=True)
        return functional.relu(self.second(x).add_(x), inplace=True)


class LearnedUpsampling(nn.Sequential):
    """Transposed convolution that doubles the resolution, normalisation, ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(
            nn.ConvTranspose2d(inputs, outputs, 3, stride=2, padding=1, output_padding=1, bias=False),
            FrameNorm(outputs),
            nn.ReLU(inplace=True),
        )


def double(x: Tensor) -> Tensor:
    """Bilinear interpolation to twice the resolution, corners on corners."""
    return functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)


def additive_upsampling(x: Tensor) -> Tensor:
    """Double the resolution and add the two halves of the channels: (B, 2 C, H, W) to (B, C, 2 H, 2 W).

    The halves are added first, which is the same and costs half.
    """
    first, second = x.chunk(2, dim=1)
    return double(first + second)


def level_channels(base_channels: int) -> tuple[int, int, int, int, int]:
    """Channels from full resolution to the bottleneck."""
    return base_channels, 2 * base_channels, 4 * base_channels, 8 * base_channels, 16 * base_channels
