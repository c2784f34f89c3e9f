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

    def forward(self, frames: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Run over frames (n B, inputs, h, w): hidden maps (n B, hidden, h, w) and the state after the last."""
        hidden, cell = state
        width = hidden.shape[1]
        maps = []
        for frame in torch.split(frames, hidden.shape[0]):
            gates = self.gates(torch.cat([frame, hidden], dim=1))
            opening, candidate = torch.split(gates, [3 * width, width], dim=1)
            admit, keep, emit = torch.sigmoid(opening).chunk(3, dim=1)
            cell = torch.addcmul(keep * cell, admit, torch.tanh(candidate))
            hidden = emit * torch.tanh(cell)
            maps.append(hidden)
        return torch.cat(maps), (hidden, cell)
