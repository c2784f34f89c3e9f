"""Convolutional LSTM over the frames of a recording (Shi et al. 2015, without peepholes).

The recurrence has its own derivative: it writes the gradients of all gates into one block in the memory order of the
forward pass and takes the gradient of the recurrent weights from all frames at once, where autograd would go frame by
frame through many more copies.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional


class ConvLSTM(nn.Module):
    """One convolution 3x3 makes all gates, in the order input, forget, output, candidate.

    c = f c' + i g and h = o tanh(c), with i, f, o through a sigmoid and g through tanh.
    """

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self._split = [inputs, hidden]
        self.gates = nn.Conv2d(inputs + hidden, 4 * hidden, 3, padding=1)

    def forward(self, frames: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Run over frames (n B, inputs, h, w): hidden maps (n B, hidden, h, w) and the state after the last.

        What the frames contribute to the gates is convolved for all of them at once.
        """
        hidden, cell = state
        input_weight, recurrent_weight = torch.split(self.gates.weight, self._split, dim=1)
        driven = functional.conv2d(frames, input_weight, self.gates.bias, padding=1)
        maps, cell = _Recurrence.apply(driven, hidden, cell, recurrent_weight)  # type: ignore[no-untyped-call]
        return maps, (maps[-hidden.shape[0] :], cell)


class _Recurrence(torch.autograd.Function):
    """Hidden maps of all frames and the last cell, from the driven part of the gates (n B, 4 C, h, w)."""

    @staticmethod
    def forward(ctx: Any, driven: Tensor, hidden: Tensor, cell: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        weight = weight.to(driven.dtype).contiguous()
        gates_of_all, cells, maps = [], [cell], [hidden]
        for from_frame in torch.split(driven, hidden.shape[0]):
            gates = functional.conv2d(maps[-1].to(driven.dtype), weight, padding=1).add_(from_frame)
            candidate = torch.tanh(gates.chunk(4, dim=1)[3])
            # The sigmoid of all four is faster than that of three: it runs through memory in one piece.
            admit, keep, emit, last = gates.sigmoid_().chunk(4, dim=1)
            last.copy_(candidate)
            cells.append(torch.addcmul(keep * cells[-1], admit, candidate))
            maps.append(emit * torch.tanh(cells[-1]))
            gates_of_all.append(gates)
        if any(ctx.needs_input_grad):
            ctx.frames = len(gates_of_all)
            ctx.save_for_backward(weight, *gates_of_all, *cells, *maps[:-1])
        return torch.cat(maps[1:]), cells[-1]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_maps: Tensor, grad_cell: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        weight, *saved = ctx.saved_tensors
        gates_of_all, cells, before = saved[: ctx.frames], saved[ctx.frames : -ctx.frames], saved[-ctx.frames :]
        batch = before[0].shape[0]
        grad_gates = torch.cat(gates_of_all)  # of the right shape and order; overwritten frame by frame
        grad_of_frames = torch.split(grad_gates, batch)
        grad_hidden = torch.zeros_like(before[0])
        for index in reversed(range(ctx.frames)):
            grad_hidden = grad_hidden + grad_maps[index * batch : (index + 1) * batch]
            grad_cell = _through_gates(
                grad_of_frames[index], gates_of_all[index], cells[index], cells[index + 1], grad_hidden, grad_cell
            )
            grad_hidden = _convolution_gradient(grad_of_frames[index], before[index], weight, of_input=True)
        grad_weight = _convolution_gradient(grad_gates, torch.cat(before), weight, of_input=False)
        return grad_gates, grad_hidden, grad_cell, grad_weight


def _through_gates(
    grad_gates: Tensor, gates: Tensor, cell_before: Tensor, cell: Tensor, grad_hidden: Tensor, grad_cell: Tensor
) -> Tensor:
    """Write the gradient of the gates' convolution output into `grad_gates`; return that of the cell before."""
    admit, keep, emit, candidate = gates.chunk(4, dim=1)
    squashed = torch.tanh(cell)
    grad_cell = torch.addcmul(grad_cell, grad_hidden * emit, 1 - squashed * squashed)
    slopes = gates - gates * gates  # of the sigmoids; the candidate's tanh follows
    slopes.chunk(4, dim=1)[3].copy_(1 - candidate * candidate)
    for part, grad, factor in zip(
        grad_gates.chunk(4, dim=1),
        (grad_cell, grad_cell, grad_hidden, grad_cell),
        (candidate, cell_before, squashed, admit),
        strict=True,
    ):
        part.copy_(grad * factor)
    grad_gates.mul_(slopes)
    return grad_cell * keep


def _convolution_gradient(grad: Tensor, maps: Tensor, weight: Tensor, *, of_input: bool) -> Tensor:
    """Gradient of `conv2d(maps, weight, padding=1)` with respect to its input or its weight."""
    wanted = [of_input, not of_input, False]
    to_input, to_weight, _ = torch.ops.aten.convolution_backward(
        grad, maps.to(grad.dtype), weight, None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1, wanted
    )
    chosen: Tensor = to_input if of_input else to_weight
    return chosen
