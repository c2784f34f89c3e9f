import pytest
import torch
from torch.autograd import gradcheck

from engine.losses.similarity import patch_correlation, similarity_loss


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("window", [(9, 9), (8, 8), (64, 8)])
def test_a_frame_correlates_fully_with_itself(window: tuple[int, int]) -> None:
    """Population statistics reach 1; the unbiased ones of the public code stop at 0.98765 for 9 x 9."""
    x = noise(2, 1, 64, 27)
    assert torch.allclose(patch_correlation(x, x, window), torch.ones(()).double(), atol=1e-9)
    assert torch.allclose(patch_correlation(x, -x, window), -torch.ones(()).double(), atol=1e-9)
    assert similarity_loss(x, x, window).item() == pytest.approx(0.0, abs=1e-9)


def test_gain_and_offset_do_not_matter() -> None:
    x, y = noise(1, 1, 36, 36), noise(1, 1, 36, 36, seed=1)
    assert torch.allclose(patch_correlation(x, y, (9, 9)), patch_correlation(3 * x + 7, 0.2 * y - 5, (9, 9)), atol=1e-9)


def test_agrees_with_pearson_of_one_patch() -> None:
    x, y = noise(1, 1, 9, 9), noise(1, 1, 9, 9, seed=1)
    expected = torch.corrcoef(torch.stack([x.flatten(), y.flatten()]))[0, 1]
    assert patch_correlation(x, y, (9, 9)).item() == pytest.approx(expected.item(), abs=1e-9)


def test_a_silent_patch_counts_as_uncorrelated_and_has_a_finite_gradient() -> None:
    x = torch.zeros(1, 1, 18, 9, dtype=torch.float64, requires_grad=True)
    loss = similarity_loss(x, noise(1, 1, 18, 9), (9, 9))
    loss.backward()
    assert loss.item() == pytest.approx(1.0)
    assert x.grad is not None
    assert torch.isfinite(x.grad).all()


def test_patches_with_invalid_pixels_do_not_count() -> None:
    x = noise(1, 1, 18, 9)
    y = x.clone()
    y[..., :9, :] = noise(1, 1, 9, 9, seed=3)
    valid = torch.ones(1, 1, 18, 9, dtype=torch.bool)
    assert similarity_loss(x, y, (9, 9), valid).item() > 0.3
    valid[..., 4, 4] = False
    assert similarity_loss(x, y, (9, 9), valid).item() == pytest.approx(0.0, abs=1e-9)
    assert similarity_loss(x, y, (9, 9), torch.zeros_like(valid)).item() == 0.0


def test_the_gradient_is_right() -> None:
    x, y = noise(1, 1, 9, 8).requires_grad_(), noise(1, 1, 9, 8, seed=1).requires_grad_()
    valid = torch.ones(1, 1, 9, 8, dtype=torch.bool)
    valid[..., 8, :] = False
    assert gradcheck(lambda a, b: similarity_loss(a, b, (4, 4), valid), (x, y))
