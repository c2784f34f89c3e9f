import pytest
import torch
from torch.autograd import gradcheck

from engine.losses.consistency import consistency_loss


def strain(frames: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return -0.02 + 0.005 * torch.randn(1, frames, 1, 24, 16, dtype=torch.float64, generator=generator)


def test_equal_patterns_cost_nothing_and_opposite_ones_two() -> None:
    z = strain(1)
    assert consistency_loss(torch.cat([z, 1.7 * z], dim=1), (12, 8)).item() == pytest.approx(0.0, abs=1e-6)
    assert consistency_loss(torch.cat([z, -z], dim=1), (12, 8)).item() == pytest.approx(2.0, abs=1e-6)


def test_a_step_down_the_loss_raises_the_correlation() -> None:
    """The sign of the paper's equation 7 would lower it."""
    z = strain(2).requires_grad_()
    (gradient,) = torch.autograd.grad(consistency_loss(z, (12, 8)), z)
    stepped = (z - 1e-6 * gradient / gradient.abs().max()).detach()

    def correlation(maps: torch.Tensor) -> float:
        patches = maps.reshape(2, 2, 12, 2, 8).transpose(2, 3).reshape(2, 4, -1)
        centred = patches - patches.mean(-1, keepdim=True)
        return float(torch.cosine_similarity(centred[0], centred[1], dim=-1).mean())

    assert correlation(stepped) > correlation(z.detach())


def test_one_map_alone_has_nothing_to_agree_with() -> None:
    assert consistency_loss(strain(1), (12, 8)).item() == 0.0


def test_motion_moves_the_maps_before_they_are_compared() -> None:
    z = strain(1)
    moved = torch.roll(z, 3, dims=-2)
    motion = torch.zeros(1, 2, 2, 24, 16, dtype=torch.float64)
    motion[:, 1, 1] = 3.0
    valid = torch.ones(1, 2, 1, 24, 16, dtype=torch.bool)
    valid[..., :4, :] = False
    valid[..., -4:, :] = False
    pair = torch.cat([z, moved], dim=1)
    assert consistency_loss(pair, (4, 8), valid, motion).item() == pytest.approx(0.0, abs=1e-6)
    assert consistency_loss(pair, (4, 8), valid).item() > 0.5


def test_the_gradient_is_right() -> None:
    z = (100 * strain(2)[..., :6, :4]).requires_grad_()
    assert gradcheck(lambda maps: consistency_loss(maps, (3, 4)), (z,))
