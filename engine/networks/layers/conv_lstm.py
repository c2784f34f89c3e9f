"""Convolutional LSTM over the frames of a recording (Shi et al. 2015, without peepholes)."""

import torch
from torch import Tensor, nn

from engine.numerics.host import on_host

_IN_CACHE = 2**19
"""Values of gates that a processor's cache holds, with what is worked out from them."""


class ConvLSTM(nn.Module):
    """One convolution 3x3 makes all gates, in the order input, forget, output, candidate.

    c = f c' + i g and h = o tanh(c), with i, f, o through a sigmoid and g through tanh.
    """

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.gates = nn.Conv2d(inputs + hidden, 4 * hidden, 3, padding=1)

    def forward(
        self, frames: Tensor, state: tuple[Tensor, Tensor], going: Tensor | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Run over frames (n B, inputs, h, w): hidden maps (n B, hidden, h, w) and the state after the last.

        Frames that are not `going` (n B, 1, 1, 1) leave the state alone.
        """
        hidden, cell = state
        maps = []
        for place, frame in enumerate(torch.split(frames, hidden.shape[0])):
            before = hidden, cell
            hidden, cell = self._next(frame, before)
            maps.append(hidden)
            if going is not None:
                here = going[place * len(hidden) : (place + 1) * len(hidden)]
                hidden, cell = torch.where(here, hidden, before[0]), torch.where(here, cell, before[1])
        return torch.cat(maps) if len(maps) > 1 else maps[0], (hidden, cell)

    def _next(self, frame: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """State after one frame; on a CPU some rows at a time, whose gates stay in the cache."""
        height, width = frame.shape[-2:]
        channels = self.gates.out_channels
        at_once = max(_IN_CACHE // (len(frame) * channels * width), 1) if on_host(frame) else height
        parts = [self._rows(frame, state, first, min(first + at_once, height)) for first in range(0, height, at_once)]
        if len(parts) == 1:
            return parts[0]
        hidden, cell = (torch.cat(entries, dim=-2) for entries in zip(*parts, strict=True))
        return hidden, cell

    def _rows(self, frame: Tensor, state: tuple[Tensor, Tensor], first: int, end: int) -> tuple[Tensor, Tensor]:
        """State (B, hidden, end - first, w) in some rows."""
        top, bottom = max(first - 1, 0), min(end + 1, frame.shape[-2])
        seen = torch.cat([frame[..., top:bottom, :], state[0][..., top:bottom, :]], dim=1)
        gates = self.gates(seen)[..., first - top : end - top, :]
        candidate = gates[:, -state[0].shape[1] :]
        candidate = torch.tanh(candidate.clone() if on_host(candidate) else candidate)  # beside others a CPU is slow
        admit, keep, emit, _ = gates.sigmoid_().chunk(4, dim=1)
        cell = (keep * state[1][..., first:end, :]).addcmul_(admit, candidate)
        return emit * torch.tanh(cell), cell
