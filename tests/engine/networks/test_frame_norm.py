"""Normalisation of each frame: with and without gradients, whatever the number of pixels."""

import pytest
import torch
from torch.nn import functional

from engine.networks.layers.blocks import FrameNorm


@pytest.mark.parametrize("size", [(64, 32), (3, 5), (32, 16)])
@pytest.mark.parametrize("channels", [3, 8, 256])
def test_each_channel_of_each_frame(size: tuple[int, int], channels: int) -> None:
    torch.manual_seed(0)
    norm = FrameNorm(channels)
    torch.nn.init.normal_(norm.weight)
    torch.nn.init.normal_(norm.bias)
    maps = 10 + 3 * torch.randn(2, channels, *size)
    wanted = functional.instance_norm(maps.double(), weight=norm.weight.double(), bias=norm.bias.double()).float()
    torch.testing.assert_close(norm(maps), wanted, atol=1e-4, rtol=1e-4)
    with torch.inference_mode():
        torch.testing.assert_close(norm(maps.clone()), wanted, atol=1e-5, rtol=1e-4)
