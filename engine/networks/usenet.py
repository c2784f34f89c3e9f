"""USENet: encoder-decoder on one frame pair, without memory (Delaunay, Hu, Vercauteren, MICCAI 2020)."""

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional

from engine.networks.base import (
    NETWORKS,
    DisplacementNetwork,
    Features,
    NetworkConfig,
    State,
    as_series,
    in_a_row,
    pad,
    paired,
)
from engine.networks.layers.blocks import (
    ConvNorm,
    LearnedUpsampling,
    ThreeConvolutionDown,
    additive_upsampling,
    level_channels,
)
from engine.networks.layers.displacement_head import DisplacementHead


class PairEncoder(nn.Module):
    """Four residual blocks on the stacked pair, shared with ReUSENet."""

    def __init__(self, base_channels: int) -> None:
        super().__init__()
        widths = (2, *level_channels(base_channels)[:-1])
        self.blocks = nn.ModuleList(ThreeConvolutionDown(inputs, outputs) for inputs, outputs in pairwise(widths))

    def forward(self, pair: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Bottom map (B, 8 c0, H/16, W/16) and the skips, coarsest first, of pairs (B, 2, H, W)."""
        x, skips = pair, []
        for block in self.blocks:
            x, skip = block(x)
            skips.append(skip)
        return x, skips[::-1]


class PairDecoderLevel(nn.Module):
    """Learned and additive up-sampling plus skip, then a residual block of two convolutions."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.learned = LearnedUpsampling(2 * channels, channels)
        self.first = ConvNorm(channels, channels)
        self.second = ConvNorm(channels, channels)

    def forward(self, below: Tensor, skip: Tensor) -> Tensor:
        """Map (B, C, 2 h, 2 w) from the level below (B, 2 C, h, w)."""
        fused = self.learned(below) + skip + additive_upsampling(below)
        x = functional.relu(self.first(fused), inplace=True)
        return functional.relu(self.second(x) + x, inplace=True)


class PairNetwork(DisplacementNetwork):
    """A network whose encoder sees only pairs, with the options that all networks have."""

    Config = NetworkConfig

    def __init__(self, config: NetworkConfig | None = None) -> None:
        super().__init__(config or NetworkConfig())

    def encode_reference(self, reference: Tensor) -> Features:
        """Pad the reference."""
        return ((pad(reference),),)


class USENet(PairNetwork):
    """Each deformed frame is paired with the reference on its own; there is no recurrent state."""

    name = "usenet"

    def __init__(self, config: NetworkConfig | None = None) -> None:
        super().__init__(config)
        widths = level_channels(self.config.base_channels)[::-1]
        self.encoder = PairEncoder(self.config.base_channels)
        self.bottleneck = nn.Sequential(ConvNorm(widths[1], widths[0]), nn.ReLU(inplace=True))
        self.decoder = nn.ModuleList(PairDecoderLevel(channels) for channels in widths[1:])
        self.head = DisplacementHead(widths)

    def step(self, features: Features, deformed: Tensor, state: State) -> tuple[Tensor, State]:
        """Motion of each frame; see `DisplacementNetwork.step`."""
        frames = pad(in_a_row(deformed))
        x, skips = self.encoder(paired(features[0][0], frames))
        maps = [self.bottleneck(x)]
        for level, skip in zip(self.decoder, skips, strict=True):
            maps.append(level(maps[-1], skip))
        return as_series(self.head(maps), deformed) * self.config.output_scale, ()


NETWORKS.register(USENet.name, USENet)
