"""Convolutional LSTM over the frames of a recording (Shi et al. 2015, without peepholes)."""

import torch
from torch import Tensor, nn


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
        width = hidden.shape[1]
        maps = []
        for place, frame in enumerate(torch.split(frames, hidden.shape[0])):
            gates = self.gates(torch.cat([frame, hidden], dim=1))
            opening, candidate = torch.split(gates, [3 * width, width], dim=1)
            admit, keep, emit = torch.sigmoid(opening).chunk(3, dim=1)
            before = hidden, cell
            cell = (keep * cell).addcmul_(admit, torch.tanh(candidate))
            hidden = emit * torch.tanh(cell)
            maps.append(hidden)
            if going is not None:
                here = going[place * len(hidden) : (place + 1) * len(hidden)]
                hidden, cell = torch.where(here, hidden, before[0]), torch.where(here, cell, before[1])
        return torch.cat(maps) if len(maps) > 1 else maps[0], (hidden, cell)
