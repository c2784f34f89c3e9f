"""ReUSENet: USENet's encoder with a ConvLSTM decoder (Delaunay, Hu, Vercauteren, Phys. Med. Biol. 66:175031, 2021)."""

from torch import Tensor

from engine.networks.base import NETWORKS, Features, NetworkConfig, State, as_series, in_a_row, pad, paired
from engine.networks.layers.blocks import level_channels
from engine.networks.layers.sequential_decoder import AdditiveFusion, SequentialDecoder
from engine.networks.usenet import PairEncoder, PairNetwork


class ReUSENet(PairNetwork):
    """Five recurrent states, from 1/16 to full resolution, reset at the start of every recording."""

    name = "reusenet"

    def __init__(self, config: NetworkConfig | None = None) -> None:
        super().__init__(config)
        channels = self.config.base_channels
        self.encoder = PairEncoder(channels)
        self.decoder = SequentialDecoder(channels, [AdditiveFusion(width) for width in level_channels(channels)[3::-1]])

    def initial_state(self, features: Features) -> State:
        """Zeros at every level."""
        return (self.decoder.initial_state(features[0][0]),)

    def step(self, features: Features, deformed: Tensor, state: State) -> tuple[Tensor, State]:
        """Motion of the next frames; see `DisplacementNetwork.step`."""
        frames = pad(in_a_row(deformed))
        bottom, skips = self.encoder(paired(features[0][0], frames))
        motion, after = self.decoder(bottom, [(skip,) for skip in skips], state[0])
        return as_series(motion, deformed) * self.config.output_scale, (after,)


NETWORKS.register(ReUSENet.name, ReUSENet)
