import pytest
import torch

from engine.numerics.warp import compose
from engine.training.alignment import LEAST_ERROR, Affine, fit, spoil
from engine.training.config import Difficulty

H, W = 60, 24
HARD = Difficulty(max_strain=0.03, shift_error=1.5, strain_error=0.3, lateral_error=0.3)


def bent_motion() -> torch.Tensor:
    """Compression of 3 % with an inclusion's bend, and lateral spreading."""
    rows, lines = torch.arange(H, dtype=torch.float64)[:, None], torch.arange(W, dtype=torch.float64)[None, :]
    axial = -5 - 0.03 * rows + 0.4 * torch.sin(rows / 15) * torch.cos(lines / 9)
    lateral = 0.2 + 0.02 * (lines - (W - 1) / 2) + 0.05 * torch.sin(rows / 20)
    return torch.stack([lateral.expand(H, W), axial])[None]


def test_residual_and_bulk_compose_to_the_whole_motion() -> None:
    total = bent_motion()
    bulk = spoil(fit(total), HARD, torch.Generator().manual_seed(0))
    residual = bulk.residual(total)
    assert torch.allclose(bulk.compose(residual), total, atol=1e-12)


def test_the_exact_residual_agrees_with_composition_by_sampling() -> None:
    """Away from the border, where sampling an affine field bilinearly is exact."""
    total = bent_motion()
    bulk = fit(total)
    composed = compose(bulk.residual(total), bulk.field(H, W))
    assert torch.allclose(composed[..., 8:-8, 4:-4], total[..., 8:-8, 4:-4], atol=1e-9)


def test_an_affine_motion_is_fitted_exactly_and_leaves_nothing() -> None:
    exact = Affine(torch.tensor([[0.4, -7.0]]), torch.tensor([[[0.01, 0.0], [0.0, -0.03]]]))
    found = fit(exact.field(H, W))
    assert torch.allclose(found.offset, exact.offset, atol=1e-4)
    assert torch.allclose(found.slope, exact.slope, atol=1e-5)
    assert found.residual(exact.field(H, W)).abs().max() < 1e-3


def test_a_small_inclusion_does_not_bend_the_fit() -> None:
    motion = Affine(torch.tensor([[0.0, -3.0]]), torch.tensor([[[0.0, 0.0], [0.0, -0.02]]])).field(H, W)
    motion[:, 1, 20:30, 8:16] += 5.0
    assert fit(motion).slope[0, 1, 1].item() == pytest.approx(-0.02, abs=2e-4)


def test_aligned_frames_match_the_reference_when_the_residual_is_zero() -> None:
    generator = torch.Generator().manual_seed(0)
    phase = 6 * torch.rand(1, W, dtype=torch.float64, generator=generator)
    reference = torch.sin(torch.arange(H, dtype=torch.float64)[:, None] * 2 * torch.pi / 8 + phase)[None, None]
    shift = Affine(torch.tensor([[0.0, 2.5]]).double(), torch.zeros(1, 2, 2).double())
    deformed = torch.sin((torch.arange(H, dtype=torch.float64)[:, None] - 2.5) * 2 * torch.pi / 8 + phase)[None, None]
    aligned, motion = shift.align(deformed)
    assert torch.allclose(aligned[..., 12:-12, :], reference[..., 12:-12, :], atol=0.01)
    assert torch.all(motion[:, 1] == 2.5)


def test_errors_stay_in_their_range_and_follow_the_generator() -> None:
    exact = Affine(torch.zeros(60, 2), torch.zeros(60, 2, 2))
    exact.slope[:30, 1, 1] = -HARD.max_strain
    wrong = spoil(exact, HARD, torch.Generator().manual_seed(1))
    assert torch.equal(wrong.offset, spoil(exact, HARD, torch.Generator().manual_seed(1)).offset)
    for frames, share in ((slice(0, 30), 1.0), (slice(30, 60), LEAST_ERROR)):
        lateral, axial = (wrong.offset - exact.offset)[frames].abs().amax(dim=0) / share
        strain = (wrong.slope - exact.slope)[frames, 1, 1].abs().max() / share
        assert 0.24 < lateral <= HARD.lateral_error + 1e-6
        assert 1.2 < axial <= HARD.shift_error + 1e-6
        assert 0.8 < strain / (HARD.strain_error * HARD.max_strain) <= 1.0 + 1e-5
