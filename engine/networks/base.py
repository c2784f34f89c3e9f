"""What every displacement network is: one reference and a series of deformed frames in, one motion field a frame out.

Training calls the network as a whole: `network(reference, deformed)`, recurrent state starting at zero. Inference
streams: `encode_reference` once, then `step` with as many frames as fit, handing the state on. Both run the same code
and give the same motion, whatever the number of frames in a step.

>>> network = build("usse-net", {"base_channels": 2})
>>> motion = network(torch.zeros(1, 1, 32, 16), torch.zeros(1, 3, 1, 32, 16))
>>> tuple(motion.shape)
(1, 3, 2, 32, 16)
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.errors import ParameterError
from engine.networks.catalogue import CATALOGUE
from engine.parameters import Parameters, parameter
from engine.registry import Registry

Features = tuple[tuple[Tensor, ...], ...]
"""What is kept of the reference: for each stage its padded frame first, then the feature maps of its encoder."""

LevelState = tuple[Tensor, Tensor]
"""Hidden and cell state of one ConvLSTM, each (B, C, h, w)."""

State = tuple[tuple[LevelState, ...], ...]
"""Recurrent memory: for each stage the states of its levels, coarsest first; empty for a network without memory."""

HALVINGS = 4
_MULTIPLE = 2**HALVINGS
_SMALLEST_HEIGHT = 2 * _MULTIPLE


@dataclass(frozen=True)
class NetworkConfig(Parameters):
    """What decides a network's layers; saved beside its weights."""

    base_channels: int = parameter(8, minimum=1, maximum=64, help="Channels at full resolution; doubled at each level")
    output_scale: float = parameter(1.0, minimum=1e-3, maximum=1e3, help="Factor from the sum of heads to samples")


class DisplacementNetwork(nn.Module, ABC):
    """Motion of `deformed` frames against one `reference`.

    Frames are RF divided by one common scalar, so that |RF| is about 1 at most. Motion is on the reference's grid,
    channel 0 the lateral displacement in lines, channel 1 the axial displacement in samples, and
    `deformed(x + motion(x)) ~ reference(x)`. Any height and width work: frames are padded by replication to multiples
    of 16 (at least 32 rows), the motion is cropped.

    Normalisation uses the statistics of each frame alone, as batch normalisation without running statistics does at
    batch size 1, the setting of the papers: so results do not depend on how many frames share a step, but they do
    depend on the whole frame, and tiling a frame changes them.
    """

    name: ClassVar[str]
    Config: ClassVar[type[NetworkConfig]]

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config

    def forward(self, reference: Tensor, deformed: Tensor) -> Tensor:
        """Motion (B, T, 2, H, W) of a whole series (B, T, 1, H, W) against its reference (B, 1, H, W)."""
        features = self.encode_reference(reference)
        motion, _ = self.step(features, deformed, self.initial_state(features))
        return motion

    @abstractmethod
    def encode_reference(self, reference: Tensor) -> Features:
        """All that depends on the reference (B, 1, H, W) alone."""

    def initial_state(self, features: Features) -> State:
        """Return the memory before the first frame: zeros, or nothing at all for a network without memory."""
        return ()

    @abstractmethod
    def step(self, features: Features, deformed: Tensor, state: State) -> tuple[Tensor, State]:
        """Motion (B, n, 2, H, W) of the next n frames (B, n, 1, H, W), and the memory after them."""

    def refine(
        self, features: Features, deformed: Tensor, state: State, stop_threshold_samples: float
    ) -> tuple[Tensor, State, Tensor]:
        """Like `step`, with what each stage has changed of each frame, (stages, B, n), NaN where it was not used.

        A network of several stages stops early on a frame whose motion a stage changed by less than
        `stop_threshold_samples` on average; the others have one stage. The changes are mean magnitudes over both
        directions, in samples and lines; that of the first stage is its motion.
        """
        motion, state = self.step(features, deformed, state)
        return motion, state, motion.abs().mean(dim=(2, 3, 4))[None]


NETWORKS: Registry[type[DisplacementNetwork]] = Registry(
    "network", "engine.networks", tuple(entry.module for entry in CATALOGUE)
)


def build(name: str, config: Mapping[str, Any]) -> DisplacementNetwork:
    """Make a network with fresh weights; an unknown name is a MethodError, an unknown option a ParameterError.

    Parameters
    ----------
    name
        One of `NETWORKS`.
    config
        Fields of its `Config`; the others keep their defaults.

    Returns
    -------
    DisplacementNetwork
        On the CPU, in training mode.

    Raises
    ------
    MethodError, ParameterError
        As above.

    >>> build("usenet", {"base_channels": 2}).config.base_channels
    2
    """
    network = NETWORKS.get(name)
    known = {entry.name for entry in fields(network.Config)}
    unknown = sorted(set(config) - known)
    if unknown:
        raise ParameterError(f"{name}: unknown option {', '.join(unknown)}; known: {', '.join(sorted(known))}")
    return network(network.Config(**config))


def pad(frames: Tensor) -> Tensor:
    """Pad (B, 1, H, W) at the bottom and right by replication to sizes that four halvings divide."""
    height, width = frames.shape[-2:]
    rows = max(-height % _MULTIPLE, _SMALLEST_HEIGHT - height)
    padded = functional.pad(frames, (0, -width % _MULTIPLE, 0, rows), "replicate").contiguous()
    if padded.is_cuda:
        return padded
    # With one channel both orders are the same bytes, and only the strides tell the layers to go on channels-last.
    height, width = padded.shape[-2:]
    return padded.as_strided(padded.shape, (height * width, 1, width, 1))


def in_a_row(series: Tensor) -> Tensor:
    """Lay out (B, n, C, H, W) frame after frame, (n B, C, H, W), the order of all maps inside the networks."""
    return series.transpose(0, 1).flatten(0, 1)


def for_each(reference_map: Tensor, maps: Tensor) -> Tensor:
    """Repeat a map of the reference (B, C, h, w) for each of n frames whose maps are (n B, ...)."""
    batch = reference_map.shape[0]
    count = maps.shape[0] // batch
    return reference_map.expand(count, -1, -1, -1) if batch == 1 else reference_map.repeat(count, 1, 1, 1)


def paired(reference: Tensor, frames: Tensor) -> Tensor:
    """Stack the padded reference (B, 1, H, W) before each of n frames (n B, 1, H, W): (n B, 2, H, W)."""
    pairs = torch.cat([for_each(reference, frames), frames], dim=1)
    return pairs if pairs.is_cuda else pairs.contiguous(memory_format=torch.channels_last)


def as_series(maps: Tensor, deformed: Tensor) -> Tensor:
    """Crop maps (n B, C, H', W') to the deformed frames (B, n, 1, H, W) they belong to: (B, n, C, H, W)."""
    batch, _, _, height, width = deformed.shape
    cropped = maps[..., :height, :width].contiguous()
    return cropped.reshape(-1, batch, *cropped.shape[1:]).transpose(0, 1)
