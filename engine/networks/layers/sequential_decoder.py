"""Recurrent decoder of ReUSENet and USSE-Net: a ConvLSTM a level, each fed by the level below and the skips.

Levels are run one after another over all frames of a step, so only the ConvLSTM itself goes frame by frame.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from engine.networks.base import HALVINGS, LevelState
from engine.networks.layers.blocks import LearnedUpsampling, additive_upsampling, level_channels
from engine.networks.layers.conv_lstm import ConvLSTM
from engine.networks.layers.displacement_head import DisplacementHead


class AdditiveFusion(nn.Module):
    """ReUSENet's fusion: learned up-sampling + skip + additive up-sampling."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.learned = LearnedUpsampling(2 * channels, channels)

    def forward(self, below: Tensor, skips: tuple[Tensor, ...]) -> Tensor:
        """Fuse (B, 2 C, h, w) with the last of the skips (B, C, 2 h, 2 w); the others are not used."""
        fused: Tensor = self.learned(below) + skips[-1] + additive_upsampling(below)
        return fused


class SequentialDecoder(nn.Module):
    """ConvLSTM bottleneck, four levels of fusion and ConvLSTM, and the heads that sum to motion."""

    def __init__(self, base_channels: int, fusions: Sequence[nn.Module]) -> None:
        """`fusions` run from the coarsest level to full resolution; see `AdditiveFusion` for their call."""
        super().__init__()
        self._widths = level_channels(base_channels)[::-1]
        self.fusions = nn.ModuleList(fusions)
        self.memories = nn.ModuleList(
            ConvLSTM(inputs, hidden)
            for inputs, hidden in zip((self._widths[1], *self._widths[1:]), self._widths, strict=True)
        )
        self.head = DisplacementHead(self._widths)

    def initial_state(self, frame: Tensor) -> tuple[LevelState, ...]:
        """Zeros for every level, for padded frames like (B, 1, H, W)."""
        batch, _, height, width = frame.shape
        order = torch.contiguous_format if frame.is_cuda else torch.channels_last
        zeros = [
            frame.new_zeros(batch, channels, height >> HALVINGS - index, width >> HALVINGS - index).contiguous(
                memory_format=order
            )
            for index, channels in enumerate(self._widths)
        ]
        return tuple((entry, entry) for entry in zeros)

    def forward(
        self,
        bottom: Tensor,
        skips: Sequence[tuple[Tensor, ...]],
        state: tuple[LevelState, ...],
        going: Tensor | None = None,
    ) -> tuple[Tensor, tuple[LevelState, ...]]:
        """Motion (n B, 2, H, W) and the state after it, from the bottleneck map and the skips, coarsest first.

        Frames that are not `going` (n B, 1, 1, 1) leave the state alone.
        """
        hidden, level_state = self.memories[0](bottom, state[0], going)
        maps, states = [hidden], [level_state]
        for fusion, memory, skip, before in zip(self.fusions, self.memories[1:], skips, state[1:], strict=True):
            hidden, level_state = memory(fusion(hidden, skip), before, going)
            maps.append(hidden)
            states.append(level_state)
        motion: Tensor = self.head(maps)
        return motion, tuple(states)
