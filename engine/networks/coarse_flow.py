"""FlowNet 2.0 on log-compressed B-mode images, the coarse half of GLUENet (Kibria and Rivaz 2018).

The paper does not say how RF becomes an image; here: envelope, 60 dB of log compression to 0..1, depth reduced four
times by averaging (an RF carrier would alias in the network's strided first layers, an envelope does not). The flow is
enlarged to the RF grid and its axial part multiplied by four.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from engine.networks.base import NETWORKS, DisplacementNetwork, Features, NetworkConfig, State
from engine.networks.flownet2 import FlowNet2, FlowNet2Config
from engine.numerics.analytic_signal import analytic_signal
from engine.parameters import parameter

AXIAL_REDUCTION = 4
DYNAMIC_RANGE_DB = 60.0


@dataclass(frozen=True)
class CoarseFlowConfig(NetworkConfig):
    """Width of FlowNet 2.0; 1 is the paper's, 162 million parameters."""

    width: float = parameter(0.125, minimum=0.03, maximum=1.0, help="Factor on the channels of every layer")


class CoarseFlow(DisplacementNetwork):
    """Motion to about a sample, whatever its size within the image; the state is empty."""

    name = "flownet2"
    Config = CoarseFlowConfig

    def __init__(self, config: CoarseFlowConfig) -> None:
        super().__init__(config)
        self.flow = FlowNet2(FlowNet2Config(config.width, image_channels=1))

    def encode_reference(self, reference: Tensor) -> Features:
        """Return the reference's image; the network compares images, so there is nothing else to keep."""
        return ((bmode_image(reference),),)

    def step(self, features: Features, deformed: Tensor, state: State) -> tuple[Tensor, State]:
        """See DisplacementNetwork."""
        batch, frames, _, height, width = deformed.shape
        image = bmode_image(deformed.flatten(0, 1))
        still = features[0][0].repeat_interleave(frames, 0)
        coarse = self.flow(still, image)
        whole = (AXIAL_REDUCTION * coarse.shape[-2], width)
        fine = functional.interpolate(coarse, size=whole, mode="bilinear", align_corners=False)[..., :height, :]
        scale = torch.tensor([1.0, AXIAL_REDUCTION], device=fine.device)[None, :, None, None]
        return (fine * scale).reshape(batch, frames, 2, height, width), state


def bmode_image(rf: Tensor) -> Tensor:
    """Log-compressed envelope of RF (B, 1, H, W) in 0..1 relative to each frame's maximum, (B, 1, H/4, W)."""
    height = rf.shape[-2]
    envelope = analytic_signal(rf.float(), keep_mean=True).abs()
    padded = functional.pad(envelope, (0, 0, 0, -height % AXIAL_REDUCTION), mode="replicate")
    reduced = functional.avg_pool2d(padded, (AXIAL_REDUCTION, 1))
    peak = reduced.amax(dim=(-2, -1), keepdim=True).clamp_min(1e-12)
    decibel = 20 * torch.log10((reduced / peak).clamp_min(10 ** (-DYNAMIC_RANGE_DB / 20)))
    return 1 + decibel / DYNAMIC_RANGE_DB


NETWORKS.register(CoarseFlow.name, CoarseFlow)
