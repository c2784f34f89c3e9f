import pytest
import torch
from torch.autograd import gradcheck

from engine.losses.smoothness import smoothness_loss


def grid(height: int = 12, width: int = 10) -> tuple[torch.Tensor, torch.Tensor]:
    rows = torch.arange(height, dtype=torch.float64)[:, None].expand(height, width)
    lines = torch.arange(width, dtype=torch.float64)[None, :].expand(height, width)
    return rows, lines


def test_an_affine_field_costs_nothing() -> None:
    rows, lines = grid()
    motion = torch.stack([0.3 - 0.01 * rows + 0.02 * lines, -4 - 0.045 * rows + 0.1 * lines])[None]
    assert smoothness_loss(motion).item() == pytest.approx(0.0, abs=1e-12)


def test_true_second_differences_see_a_turning_point() -> None:
    """|i - 5| has one second difference of 2: rectified first differences, as in the public code, would see none."""
    rows, _ = grid(height=12)
    motion = torch.stack([torch.zeros_like(rows), (rows - 5).abs()])[None]
    assert smoothness_loss(motion).item() == pytest.approx(2 / 10 / 2)


def test_known_second_differences_of_both_channels() -> None:
    rows, lines = grid()
    axial = rows**2 + 3 * lines**2 + 0.5 * rows * lines
    motion = torch.stack([-axial, axial])[None]
    assert smoothness_loss(motion).item() == pytest.approx(2 + 6 + 2 * 0.5)


def test_does_not_grow_with_the_image() -> None:
    small, large = grid(20, 20)[0] ** 2, grid(40, 40)[0] ** 2
    losses = [smoothness_loss(torch.stack([field, field])[None]).item() for field in (small, large)]
    assert losses[0] == pytest.approx(losses[1])


def test_the_gradient_is_right() -> None:
    motion = torch.randn(1, 2, 5, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    assert gradcheck(smoothness_loss, (motion,))
