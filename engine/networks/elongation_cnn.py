"""The displacement stage of the end-to-end paper as a motion network: axial motion of every pixel, run densely.

The paper elongates the deformed frame globally before its patches are compared; here that is the bulk motion which
precedes every estimator, so the network sees, and estimates, what is left.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.networks.base import NETWORKS, DisplacementNetwork, Features, NetworkConfig, State
from engine.networks.end_to_end_cnn import DisplacementCNN, EndToEndConfig
from engine.parameters import parameter


@dataclass(frozen=True)
class ElongationCNNConfig(NetworkConfig):
    """`base_channels` does not apply: the patch network has one width."""

    locally_connected: bool = parameter(False, help="Own weights at each axial position in the last convolution")


class ElongationCNN(DisplacementNetwork):
    """Lateral motion is not estimated: it is zero."""

    name = "end-to-end-cnn"
    Config = ElongationCNNConfig

    def __init__(self, config: ElongationCNNConfig) -> None:
        super().__init__(config)
        self.axial = DisplacementCNN(EndToEndConfig(config.locally_connected))

    def encode_reference(self, reference: Tensor) -> Features:
        """Keep the frame itself: the network compares raw patches."""
        return ((reference,),)

    def step(self, features: Features, deformed: Tensor, state: State) -> tuple[Tensor, State]:
        """See DisplacementNetwork."""
        batch, frames, _, height, width = deformed.shape
        still = features[0][0].repeat_interleave(frames, 0)
        axial = self.axial(torch.cat([still, deformed.flatten(0, 1)], dim=1))
        motion = torch.cat([torch.zeros_like(axial), axial], dim=1)
        return motion.reshape(batch, frames, 2, height, width), state


NETWORKS.register(ElongationCNN.name, ElongationCNN)
