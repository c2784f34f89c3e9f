"""The recurrence against its textbook form, and its own derivative against finite differences."""

import pytest
import torch
from torch import Tensor

from engine.networks.conv_lstm import ConvLSTM


def textbook(memory: ConvLSTM, frames: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    maps = []
    for frame in torch.split(frames, hidden.shape[0]):
        gates = memory.gates(torch.cat([frame, hidden], dim=1))
        admit, keep, emit, candidate = gates.chunk(4, dim=1)
        cell = torch.sigmoid(keep) * cell + torch.sigmoid(admit) * torch.tanh(candidate)
        hidden = torch.sigmoid(emit) * torch.tanh(cell)
        maps.append(hidden)
    return torch.cat(maps), cell


@pytest.mark.parametrize("batch", [1, 2])
def test_recurrence_and_its_derivative(batch: int) -> None:
    torch.manual_seed(0)
    memory = ConvLSTM(3, 2).double()
    frames = torch.randn(3 * batch, 3, 5, 4, dtype=torch.float64, requires_grad=True)
    hidden, cell = (torch.randn(batch, 2, 5, 4, dtype=torch.float64, requires_grad=True) for _ in range(2))

    def run(frames: Tensor, hidden: Tensor, cell: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, ...]:
        parameters = {"gates.weight": weight, "gates.bias": bias}
        maps, (last, after) = torch.func.functional_call(memory, parameters, (frames, (hidden, cell)))
        return maps, last, after

    maps, (last, after) = memory(frames, (hidden, cell))
    expected, expected_cell = textbook(memory, frames, hidden, cell)
    torch.testing.assert_close(maps, expected)
    torch.testing.assert_close(after, expected_cell)
    torch.testing.assert_close(last, expected[-batch:])
    bias = memory.gates.bias
    assert bias is not None
    assert torch.autograd.gradcheck(run, (frames, hidden, cell, memory.gates.weight, bias), fast_mode=True)


@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
def test_derivative_in_both_memory_orders(order: torch.memory_format) -> None:
    """Single precision in the order that the networks use, against autograd through the textbook form."""
    torch.manual_seed(1)
    memory = ConvLSTM(8, 8)
    frames = torch.randn(3, 8, 16, 12).contiguous(memory_format=order).requires_grad_()
    state = torch.zeros(1, 8, 16, 12).contiguous(memory_format=order), torch.zeros(1, 8, 16, 12)
    target = torch.randn(3, 8, 16, 12)
    ours = torch.autograd.grad((memory(frames, state)[0] * target).sum(), [frames, *memory.parameters()])
    expected = torch.autograd.grad((textbook(memory, frames, *state)[0] * target).sum(), [frames, *memory.parameters()])
    for found, wanted in zip(ours, expected, strict=True):
        torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)
