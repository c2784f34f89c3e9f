"""The learned prior of RED: a small U-Net that removes the noise of maximum-likelihood modulus maps.

One channel in, 32-64-128 channels, 3 x 3 kernels, ReLU, no normalisation and no bias, and the residual is predicted
(C(E) = E - net(E)). Without bias the denoiser is positively homogeneous, C(a E) = a C(E): the modulus' unit drops out.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

SMALLEST_MULTIPLE = 4


@dataclass(frozen=True)
class DenoiserConfig:
    """Channels of the three levels."""

    channels: tuple[int, int, int] = (32, 64, 128)


class ModulusDenoiser(nn.Module):
    """Denoised modulus (B, 1, rows, lines) from a noisy one; any size."""

    Config: ClassVar[type[DenoiserConfig]] = DenoiserConfig

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        self.config = config
        first, second, third = config.channels
        self.down_1 = _two_convolutions(1, first)
        self.down_2 = _two_convolutions(first, second)
        self.bottom = _two_convolutions(second, third)
        self.up_2 = nn.ConvTranspose2d(third, second, 2, 2, bias=False)
        self.join_2 = _two_convolutions(2 * second, second)
        self.up_1 = nn.ConvTranspose2d(second, first, 2, 2, bias=False)
        self.join_1 = _two_convolutions(2 * first, first)
        self.noise = nn.Conv2d(first, 1, 3, padding=1, bias=False)

    def forward(self, modulus: Tensor) -> Tensor:
        """See the class."""
        rows, lines = modulus.shape[-2:]
        padding = (0, -lines % SMALLEST_MULTIPLE, 0, -rows % SMALLEST_MULTIPLE)
        full = self.down_1(functional.pad(modulus, padding, mode="replicate"))
        half = self.down_2(functional.max_pool2d(full, 2))
        x = self.bottom(functional.max_pool2d(half, 2))
        x = self.join_2(torch.cat([self.up_2(x), half], 1))
        x = self.join_1(torch.cat([self.up_1(x), full], 1))
        noise: Tensor = self.noise(x)[..., :rows, :lines]
        return modulus - noise


def _two_convolutions(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.ReLU(),
        nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
        nn.ReLU(),
    )
