"""Building blocks of the encoder-decoder networks (Delaunay, Hu, Vercauteren 2021; Joarder et al. 2025, section 3.1).

Normalisation is `InstanceNorm2d` with affine weights: each frame's own statistics, in training and at inference alike.
Convolutions before it carry no bias, which it would remove.
"""

from torch import Tensor, nn
from torch.nn import functional


class ConvNorm(nn.Sequential):
    """Convolution 3x3 without bias, then normalisation over the frame."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.InstanceNorm2d(outputs, affine=True))


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
        y = functional.relu(self.third(y) + skip, inplace=True)
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
        return functional.relu(self.second(x) + x, inplace=True)


class LearnedUpsampling(nn.Sequential):
    """Transposed convolution that doubles the resolution, normalisation, ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(
            nn.ConvTranspose2d(inputs, outputs, 3, stride=2, padding=1, output_padding=1, bias=False),
            nn.InstanceNorm2d(outputs, affine=True),
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
