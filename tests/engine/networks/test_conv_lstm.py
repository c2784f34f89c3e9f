"""The recurrence, written out once more with its gates in order."""

import pytest
import torch

from engine.networks.layers.conv_lstm import ConvLSTM


@pytest.mark.parametrize("batch", [1, 2])
def test_recurrence(batch: int) -> None:
    torch.manual_seed(0)
    memory = ConvLSTM(3, 2)
    frames = torch.randn(3 * batch, 3, 5, 4)
    hidden, cell = torch.randn(2, batch, 2, 5, 4).unbind(0)
    maps, (last, after) = memory(frames, (hidden, cell))
    for index in range(3):
        frame = frames[index * batch : (index + 1) * batch]
        admit, keep, emit, candidate = memory.gates(torch.cat([frame, hidden], dim=1)).chunk(4, dim=1)
        cell = torch.sigmoid(keep) * cell + torch.sigmoid(admit) * torch.tanh(candidate)
        hidden = torch.sigmoid(emit) * torch.tanh(cell)
        torch.testing.assert_close(maps[index * batch : (index + 1) * batch], hidden)
    torch.testing.assert_close(last, hidden)
    torch.testing.assert_close(after, cell)


def test_rows_at_a_time_are_the_whole_map(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = ConvLSTM(3, 2)
    frames, state = torch.randn(2, 3, 7, 4), (torch.randn(1, 2, 7, 4), torch.randn(1, 2, 7, 4))
    whole, (_, cell) = memory(frames, state)
    monkeypatch.setattr("engine.networks.layers.conv_lstm._IN_CACHE", 3 * 8 * 4)
    maps, (_, after) = memory(frames, state)
    torch.testing.assert_close(maps, whole)
    torch.testing.assert_close(after, cell)


def test_closed_gates_keep_the_memory() -> None:
    """Input gate shut and forget gate open: the cell stays as it is, whatever comes in."""
    memory = ConvLSTM(2, 1)
    torch.nn.init.zeros_(memory.gates.weight)
    memory.gates.bias = torch.nn.Parameter(torch.tensor([-40.0, 40.0, 40.0, 0.0]))
    cell = torch.randn(1, 1, 4, 4)
    maps, (_, after) = memory(torch.randn(5, 2, 4, 4), (torch.zeros(1, 1, 4, 4), cell))
    torch.testing.assert_close(after, cell)
    torch.testing.assert_close(maps, torch.tanh(cell).expand(5, 1, 4, 4))
