"""FlowNet 2.0 (Ilg et al., CVPR 2017): the coarse motion network of GLUENet (Kibria and Rivaz 2018).

Three stacked networks (C, S1, S2) refine one flow, a fourth (SD) looks for small motion, and a fusion network merges
both. At `width=1` and three image channels the layers and the 162,518,834 parameters are those of the paper; a narrow
grey version (one image channel) is what a desktop trains and runs. All flows are in pixels of the input, channel 0
lateral, channel 1 axial; each sub-network predicts its flow divided by `FLOW_UNIT_PX`. Quarter-resolution flows are
enlarged bilinearly, where the public program takes the nearest neighbour for S2 and SD.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.numerics.warp import warp

FLOW_UNIT_PX = 20.0
"""One unit of a sub-network's output in pixels. The public SD weights use its inverse; from scratch one scale does."""

SMALLEST_MULTIPLE = 64
"""Height and width are padded to multiples of this: six halvings."""

_CORRELATION_REACH = 20
_CORRELATION_STRIDE = 2


@dataclass(frozen=True)
class FlowNet2Config:
    """Width multiplier of every hidden layer, and channels of one image (1 grey, 3 colour)."""

    width: float = 1.0
    image_channels: int = 3


class FlowNet2(nn.Module):
    """Motion between two images of one recording."""

    Config: ClassVar[type[FlowNet2Config]] = FlowNet2Config

    def __init__(self, config: FlowNet2Config) -> None:
        super().__init__()
        self.config = config
        image, width = config.image_channels, config.width
        self.flownet_c = FlowNetC(image, width)
        stacked = 4 if image == 1 else 3 * image + 3
        self.flownet_s1 = FlowNetS(stacked, width)
        self.flownet_s2 = FlowNetS(stacked, width)
        self.flownet_sd = FlowNetSD(2 * image, width)
        self.fusion = Fusion(image + 8, width)

    def forward(self, reference: Tensor, deformed: Tensor) -> Tensor:
        """Flow (B, 2, H, W) in pixels from two images (B, C, H, W) of values about 0 to 1; any H and W."""
        height, width = reference.shape[-2:]
        padding = (0, -width % SMALLEST_MULTIPLE, 0, -height % SMALLEST_MULTIPLE)
        first = functional.pad(reference, padding, mode="replicate")
        second = functional.pad(deformed, padding, mode="replicate")
        return self._fuse(first, second, self._large(first, second))[..., :height, :width]

    def _large(self, first: Tensor, second: Tensor) -> Tensor:
        flow = _to_pixels(self.flownet_c(first, second)[-1], first)
        for network in (self.flownet_s1, self.flownet_s2):
            flow = _to_pixels(network(_stacked(first, second, flow))[-1], first)
        return flow

    def _fuse(self, first: Tensor, second: Tensor, large: Tensor) -> Tensor:
        small = _to_pixels(self.flownet_sd(torch.cat([first, second], 1))[-1], first)
        errors = [_brightness_error(first, second, flow) for flow in (small, large)]
        sizes = [flow.norm(dim=1, keepdim=True) / FLOW_UNIT_PX for flow in (small, large)]
        features = torch.cat([first, small / FLOW_UNIT_PX, large / FLOW_UNIT_PX, *sizes, *errors], 1)
        fused: Tensor = self.fusion(features)
        return fused.float() * FLOW_UNIT_PX


class FlowNetC(nn.Module):
    """Shared features of both images, compared by correlation over +-20 positions in steps of 2."""

    def __init__(self, image_channels: int, width: float) -> None:
        super().__init__()
        c64, c128, c256, c512, c1024 = _widths(width)
        redirected = _scaled(32, width)
        self.features = nn.ModuleList(
            [_conv(image_channels, c64, 7, 2), _conv(c64, c128, 5, 2), _conv(c128, c256, 5, 2)]
        )
        self.redirect = _conv(c256, redirected, 1)
        side = 2 * (_CORRELATION_REACH // _CORRELATION_STRIDE) + 1
        self.contract = nn.ModuleList([_conv(side**2 + redirected, c256, 3), *_deepest(width)])
        self.expand = Expansion((c128, c256, c512, c512, c1024), width, bias=True)

    def forward(self, reference: Tensor, deformed: Tensor) -> list[Tensor]:
        """Predictions from 1/64 to 1/4 resolution in units of FLOW_UNIT_PX."""
        first, second = reference, deformed
        skips = []
        for layer in self.features:
            first, second = layer(first), layer(second)
            skips.append(first)
        compared = functional.leaky_relu(correlate(first, second), 0.1)
        x = torch.cat([self.redirect(first), compared], 1)
        levels = [skips[1]]
        for layer in self.contract:
            x = layer(x)
            levels.append(x)
        flows: list[Tensor] = self.expand(levels)
        return flows


class EncoderDecoder(nn.Module):
    """One stack of stages on all inputs joined, each of half the resolution before it, and the decoder."""

    def __init__(self, stages: list[nn.Sequential], decoder: "Expansion") -> None:
        super().__init__()
        self.contract = nn.ModuleList(stages)
        self.expand = decoder

    def forward(self, x: Tensor) -> list[Tensor]:
        """Predictions from 1/64 to 1/4 resolution in units of FLOW_UNIT_PX."""
        levels = []
        for stage in self.contract:
            x = stage(x)
            levels.append(x)
        flows: list[Tensor] = self.expand(levels)
        return flows


class FlowNetS(EncoderDecoder):
    """Plain encoder-decoder."""

    def __init__(self, channels: int, width: float) -> None:
        c64, c128, c256, c512, c1024 = _widths(width)
        stages = [
            nn.Sequential(_conv(channels, c64, 7, 2), _conv(c64, c128, 5, 2)),
            nn.Sequential(_conv(c128, c256, 5, 2), _conv(c256, c256, 3)),
            *_deepest(width),
        ]
        super().__init__(stages, Expansion((c128, c256, c512, c512, c1024), width, bias=False))


class FlowNetSD(EncoderDecoder):
    """Small kernels and linear convolutions before each prediction, for motion of a pixel or less."""

    def __init__(self, channels: int, width: float) -> None:
        c64, c128, c256, c512, c1024 = _widths(width)
        quarter = [_conv(channels, c64, 3), _conv(c64, c64, 3, 2), _conv(c64, c128, 3), _conv(c128, c128, 3, 2)]
        stages = [
            nn.Sequential(*quarter, _conv(c128, c128, 3)),
            nn.Sequential(_conv(c128, c256, 3, 2), _conv(c256, c256, 3)),
            *_deepest(width),
        ]
        super().__init__(stages, Expansion((c128, c256, c512, c512, c1024), width, bias=True, smooth=True))


class Expansion(nn.Module):
    """The decoder that C, S and SD share: up-convolve, join the skip and the enlarged flow, predict again."""

    def __init__(self, channels: Sequence[int], width: float, *, bias: bool, smooth: bool = False) -> None:
        super().__init__()
        deep = channels[-1]
        raised = [_scaled(size, width) for size in (512, 256, 128, 64)]
        joined, previous = [], deep
        self.raise_features = nn.ModuleList()
        for skip, size in zip(reversed(channels[:-1]), raised, strict=True):
            self.raise_features.append(_deconv(previous, size))
            previous = skip + size + 2
            joined.append(previous)
        self.raise_flow = nn.ModuleList([nn.ConvTranspose2d(2, 2, 4, 2, 1, bias=bias) for _ in raised])
        self.smooth = nn.ModuleList(
            [nn.Conv2d(c, r, 3, 1, 1) for c, r in zip(joined, raised, strict=True)] if smooth else []
        )
        self.predict = nn.ModuleList([_predict(c) for c in [deep, *(raised if smooth else joined)]])

    def forward(self, levels: list[Tensor]) -> list[Tensor]:
        """Flows from coarse to fine; `levels` run from fine to coarse."""
        x = levels[-1]
        flows = [self.predict[0](x)]
        for index, skip in enumerate(reversed(levels[:-1])):
            x = torch.cat([skip, self.raise_features[index](x), self.raise_flow[index](flows[-1])], 1)
            seen = self.smooth[index](x) if self.smooth else x
            flows.append(self.predict[index + 1](seen))
        return flows


class Fusion(nn.Module):
    """Merges the small-motion and the large-motion flow at full resolution."""

    def __init__(self, channels: int, width: float) -> None:
        super().__init__()
        c16, c32, c64, c128 = (_scaled(size, width) for size in (16, 32, 64, 128))
        self.full_size = _conv(channels, c64, 3)
        self.half_size = nn.Sequential(_conv(c64, c64, 3, 2), _conv(c64, c128, 3))
        self.quarter_size = nn.Sequential(_conv(c128, c128, 3, 2), _conv(c128, c128, 3))
        self.raise_features = nn.ModuleList([_deconv(c128, c32), _deconv(c128 + c32 + 2, c16)])
        self.raise_flow = nn.ModuleList([nn.ConvTranspose2d(2, 2, 4, 2, 1) for _ in range(2)])
        self.smooth = nn.ModuleList([nn.Conv2d(c128 + c32 + 2, c32, 3, 1, 1), nn.Conv2d(c64 + c16 + 2, c16, 3, 1, 1)])
        self.predict = nn.ModuleList([_predict(c128), _predict(c32), _predict(c16)])

    def forward(self, x: Tensor) -> Tensor:
        """Flow (B, 2, H, W) in units of FLOW_UNIT_PX."""
        full = self.full_size(x)
        half = self.half_size(full)
        x = self.quarter_size(half)
        flow: Tensor = self.predict[0](x)
        for index, skip in enumerate((half, full)):
            x = torch.cat([skip, self.raise_features[index](x), self.raise_flow[index](flow)], 1)
            flow = self.predict[index + 1](self.smooth[index](x))
        return flow


def correlate(first: Tensor, second: Tensor) -> Tensor:
    """Mean over channels of the product at each of 21 x 21 shifts, (B, 441, H, W); the centre is channel 220."""
    height, width = first.shape[-2:]
    reach = _CORRELATION_REACH
    padded = functional.pad(second, (reach, reach, reach, reach))
    shifts = range(0, 2 * reach + 1, _CORRELATION_STRIDE)
    return torch.cat(
        [
            (first * padded[..., row : row + height, column : column + width]).mean(1, keepdim=True)
            for row in shifts
            for column in shifts
        ],
        1,
    )


def _stacked(first: Tensor, second: Tensor, flow: Tensor) -> Tensor:
    """Input of S1 and S2: both images, the second compensated, the flow, and what is left in brightness.

    Grey images need less: the reference, the compensated image and the flow; the rest follows from them.
    """
    compensated = warp(second, flow, "bilinear")
    if first.shape[1] == 1:
        return torch.cat([first, compensated, flow / FLOW_UNIT_PX], 1)
    error = (first - compensated).norm(dim=1, keepdim=True)
    return torch.cat([first, second, compensated, flow / FLOW_UNIT_PX, error], 1)


def _brightness_error(first: Tensor, second: Tensor, flow: Tensor) -> Tensor:
    error: Tensor = (first - warp(second, flow, "bilinear")).norm(dim=1, keepdim=True)
    return error


def _to_pixels(flow: Tensor, image: Tensor) -> Tensor:
    """Enlarge a quarter-resolution prediction to the image and turn it into pixels, in float32 as `warp` wants it."""
    size = image.shape[-2:]
    return functional.interpolate(flow.float(), size=size, mode="bilinear", align_corners=False) * FLOW_UNIT_PX


def _scaled(size: int, width: float) -> int:
    return max(round(size * width), 4)


def _widths(width: float) -> list[int]:
    """Channels from half resolution to 1/64, the fourth level having as many as the third."""
    return [_scaled(size, width) for size in (64, 128, 256, 512, 1024)]


def _deepest(width: float) -> list[nn.Sequential]:
    """Stages at 1/16, 1/32 and 1/64, alike in C, S and SD."""
    _, _, c256, c512, c1024 = _widths(width)
    steps = ((c256, c512), (c512, c512), (c512, c1024))
    return [nn.Sequential(_conv(before, after, 3, 2), _conv(after, after, 3)) for before, after in steps]


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    return _rectified(nn.Conv2d(inputs, outputs, kernel, stride, (kernel - 1) // 2), inputs * kernel**2)


def _deconv(inputs: int, outputs: int) -> nn.Sequential:
    return _rectified(nn.ConvTranspose2d(inputs, outputs, 4, 2, 1), inputs * 4)


def _rectified(layer: nn.Conv2d | nn.ConvTranspose2d, fan_in: int) -> nn.Sequential:
    """Follow a layer by its rectifier, with weights under which signals of a dozen layers keep their size.

    An output of a transposed convolution of 4 x 4 with stride 2 sees a quarter of the kernel.
    """
    nn.init.normal_(layer.weight, std=nn.init.calculate_gain("leaky_relu", 0.1) / math.sqrt(fan_in))
    return nn.Sequential(layer, nn.LeakyReLU(0.1))


def _predict(inputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, 2, 3, 1, 1)
