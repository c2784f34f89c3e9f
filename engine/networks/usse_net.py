"""USSE-Net: three encoder streams, tri-cross attention, cross-attentive recurrent decoder (Joarder et al. 2025, 3.1).

The paper prints no layer sizes; the widths are those of ReUSENet, on which its ablation builds. Pre and post streams
share weights; the mid stream sees the stacked pair and takes in both others at every level (CACFF), before pooling:
f_mid = ReLU(Residual(f_mid below) + Norm(Conv1x1 [f_pre, f_post])). At the bottleneck the three streams meet in TCA.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from engine.networks.base import (
    NETWORKS,
    DisplacementNetwork,
    Features,
    NetworkConfig,
    State,
    as_series,
    for_each,
    in_a_row,
    pad,
    paired,
)
from engine.networks.layers.blocks import FrameNorm, TwoConvolutionResidual, level_channels
from engine.networks.layers.cross_attentive_fusion import CrossAttentiveFusion
from engine.networks.layers.sequential_decoder import AdditiveFusion, SequentialDecoder
from engine.networks.layers.tri_cross_attention import TriCrossAttention
from engine.parameters import parameter


@dataclass(frozen=True)
class USSENetConfig(NetworkConfig):
    """Options of USSE-Net; `fusion="additive"` is the step of the paper's ablation before the CAF decoder.

    Of the readings of tri-cross attention, axial had the least strain error in `scripts/ablation.py --attention`.
    """

    tca_layout: Literal["spatial", "channel", "axial"] = parameter("axial", help="Layout of tri-cross attention")
    fusion: Literal["cross-attentive", "additive"] = parameter(
        "cross-attentive", help="How the decoder takes in the skips"
    )


class SharedEncoder(nn.Module):
    """Four residual blocks on one frame; the same weights serve the reference and the deformed frames."""

    def __init__(self, base_channels: int) -> None:
        super().__init__()
        widths = (1, *level_channels(base_channels)[:-1])
        self.blocks = nn.ModuleList(TwoConvolutionResidual(inputs, outputs) for inputs, outputs in pairwise(widths))

    def forward(self, frames: Tensor) -> tuple[Tensor, ...]:
        """Return maps of frames (B, 1, H, W) from full resolution to H/8, then the pooled one at H/16."""
        x, maps = frames, []
        for block in self.blocks:
            maps.append(block(x))
            x = functional.max_pool2d(maps[-1], 2)
        return *maps, x


class ComplementaryFusion(nn.Module):
    """CACFF: what both single streams know, added to the mid stream as a residual."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.join = nn.Conv2d(2 * channels, channels, 1, bias=False)
        self.norm = FrameNorm(channels)

    def forward(self, mid: Tensor, pre: Tensor, post: Tensor) -> Tensor:
        """Fuse mid and post (n B, C, H, W) with pre (B, C, H, W), whose share of the convolution is taken once."""
        pre_weight, post_weight = self.join.weight.chunk(2, dim=1)
        joined = functional.conv2d(post, post_weight).add_(for_each(functional.conv2d(pre, pre_weight), post))
        return functional.relu(self.norm(joined).add_(mid), inplace=True)


class MidEncoder(nn.Module):
    """Four residual blocks on the stacked pair, each followed by complementary fusion."""

    def __init__(self, base_channels: int) -> None:
        super().__init__()
        widths = (2, *level_channels(base_channels)[:-1])
        self.blocks = nn.ModuleList(TwoConvolutionResidual(inputs, outputs) for inputs, outputs in pairwise(widths))
        self.fusions = nn.ModuleList(ComplementaryFusion(channels) for channels in widths[1:])

    def forward(self, pair: Tensor, pre: tuple[Tensor, ...], post: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Return maps of pairs (n B, 2, H, W) like those of `SharedEncoder`."""
        x, maps = pair, []
        for block, fusion, pre_map, post_map in zip(self.blocks, self.fusions, pre[:-1], post[:-1], strict=True):
            maps.append(fusion(block(x), pre_map, post_map))
            x = functional.max_pool2d(maps[-1], 2)
        return *maps, x


class USSENet(DisplacementNetwork):
    """One stage of MUSSE-Net, and a network of its own."""

    name = "usse-net"
    Config = USSENetConfig
    config: USSENetConfig

    def __init__(self, config: NetworkConfig | None = None) -> None:
        config = config or USSENetConfig()
        if not isinstance(config, USSENetConfig):
            raise TypeError(f"USSE-Net needs a USSENetConfig, found {type(config).__name__}")
        super().__init__(config)
        channels, widths = config.base_channels, level_channels(config.base_channels)
        fusion = CrossAttentiveFusion if config.fusion == "cross-attentive" else AdditiveFusion
        self.shared = SharedEncoder(channels)
        self.mid = MidEncoder(channels)
        self.attention = TriCrossAttention(widths[3], config.tca_layout)
        self.decoder = SequentialDecoder(channels, [fusion(width) for width in widths[3::-1]])

    def encode_reference(self, reference: Tensor) -> Features:
        """Return maps of the pre stream, which serve every deformed frame."""
        padded = pad(reference)
        return ((padded, *self.shared(padded)),)

    def initial_state(self, features: Features) -> State:
        """Zeros at every level."""
        return (self.decoder.initial_state(features[0][0]),)

    def step(
        self, features: Features, deformed: Tensor, state: State, going: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Motion of the next frames; see `DisplacementNetwork.step`. Those not `going` leave the state alone."""
        frames = pad(in_a_row(deformed))
        reference, *pre = features[0]
        post = self.shared(frames)
        mid = self.mid(paired(reference, frames), tuple(pre), post)
        bottom = self.attention(for_each(pre[-1], frames), post[-1], mid[-1])
        skips = [
            (for_each(pre_map, frames), post_map, mid_map)
            for pre_map, post_map, mid_map in zip(pre[-2::-1], post[-2::-1], mid[-2::-1], strict=True)
        ]
        motion, after = self.decoder(bottom, skips, state[0], going)
        return as_series(motion, deformed) * self.config.output_scale, (after,)


NETWORKS.register(USSENet.name, USSENet)
