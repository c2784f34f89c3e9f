import pytest
import torch
from torch.autograd import gradcheck

from engine.losses.endpoint import endpoint_loss
from engine.losses.total import LossSettings, inner_strain, inner_valid, training_loss
from engine.numerics.warp import warp

H, W = 48, 8


def frames(dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Band-limited reference, true motion of two frames, and deformed frames to which it leads back."""
    generator = torch.Generator().manual_seed(0)
    rows = torch.arange(H, dtype=dtype)[:, None]
    phase = 6 * torch.rand(1, W, dtype=dtype, generator=generator)
    reference = (torch.sin(2 * torch.pi * rows / 8 + phase) * (1 + 0.3 * torch.sin(rows / 5 + phase)))[None, None]
    axial = torch.stack([-0.01 * rows, -0.02 * rows]).expand(2, H, W)
    truth = torch.stack([torch.zeros_like(axial), axial], dim=1)[None]
    deformed = warp(reference.expand(2, -1, -1, -1), -truth[0])[None]
    return reference, deformed, truth


def test_the_defaults_are_the_papers() -> None:
    settings = LossSettings()
    assert (settings.similarity, settings.consistency, settings.smoothness) == (1.0, 0.2, 0.3)
    assert not settings.supervised


def test_the_sum_is_weighted_and_terms_without_weight_are_left_out() -> None:
    reference, deformed, truth = frames()
    settings = LossSettings(similarity=2.0, consistency=0.0, smoothness=0.5, endpoint=3.0, strain=0.7, strain_window=9)
    losses = training_loss(settings, 0.5 * truth, reference, deformed, truth)
    assert set(losses.terms) == {"similarity", "smoothness", "endpoint", "strain"}
    expected = sum(getattr(settings, name) * value for name, value in losses.terms.items())
    assert float(losses.total) == pytest.approx(float(expected))


def test_the_true_motion_costs_least() -> None:
    reference, deformed, truth = frames()
    settings = LossSettings(endpoint=1.0, strain=1.0, strain_window=9)
    best = training_loss(settings, truth, reference, deformed, truth)
    worse = training_loss(settings, 0.8 * truth, reference, deformed, truth)
    assert best.terms["endpoint"].item() == pytest.approx(0.0, abs=1e-12)
    assert best.terms["similarity"] < 0.1
    assert all(best.terms[name] < worse.terms[name] for name in ("similarity", "endpoint", "strain"))


def test_tall_strain_is_its_own_term() -> None:
    reference, deformed, truth = frames()
    settings = LossSettings(similarity=0, consistency=0, smoothness=0, tall_strain=2.0, tall_window=15)
    losses = training_loss(settings, 0.5 * truth, reference, deformed, truth)
    assert settings.supervised
    assert set(losses.terms) == {"tall_strain"}
    assert losses.terms["tall_strain"] > 0
    assert float(losses.total) == pytest.approx(2 * float(losses.terms["tall_strain"]))


def test_an_error_counts_more_where_less_strain_was_applied() -> None:
    reference, deformed, truth = frames()
    applied = torch.tensor([[0.01, 0.03]])
    wrong = truth.clone()
    wrong[:, 0, 1] += 0.5
    alike = LossSettings(similarity=0, consistency=0, smoothness=0, endpoint=1.0)
    weighed = LossSettings(similarity=0, consistency=0, smoothness=0, endpoint=1.0, half_weight_strain=0.01)
    plain = training_loss(alike, wrong, reference, deformed, truth).terms["endpoint"]
    found = training_loss(weighed, wrong, reference, deformed, truth, None, applied).terms["endpoint"]
    assert float(found) == pytest.approx(2 * float(plain) * (1 / 2) / (1 / 2 + 1 / 4))
    with pytest.raises(ValueError, match="not given"):
        training_loss(weighed, wrong, reference, deformed, truth)


def test_a_supervised_loss_without_truth_is_a_mistake() -> None:
    reference, deformed, truth = frames()
    with pytest.raises(ValueError, match="true motion"):
        training_loss(LossSettings(strain=1.0, strain_window=9), truth, reference, deformed)


def test_strain_of_a_ramp() -> None:
    motion = torch.zeros(1, 2, H, W)
    motion[:, 1] = -0.02 * torch.arange(H)[:, None]
    strain = inner_strain(motion, 21)
    assert strain.shape == (1, 1, H - 20, W)
    assert torch.allclose(strain, torch.tensor(-0.02), atol=1e-6)


def test_a_window_that_touches_an_invalid_row_is_invalid() -> None:
    valid = torch.ones(1, 1, H, W, dtype=torch.bool)
    valid[..., 30, :] = False
    rows = inner_valid(valid, 9)[0, 0, :, 0]
    assert rows.shape == (H - 8,)
    assert (~rows).nonzero().flatten().tolist() == list(range(22, 31))


def test_invalid_pixels_do_not_pull_the_end_points() -> None:
    _, _, truth = frames()
    wrong = truth[0].clone()
    wrong[..., :10, :] += 50
    valid = torch.ones(2, 1, H, W, dtype=torch.bool)
    valid[..., :10, :] = False
    assert endpoint_loss(wrong, truth[0], valid).item() == pytest.approx(0.0, abs=1e-12)


def test_the_gradient_is_right() -> None:
    reference, deformed, truth = frames()
    reference, deformed, truth = reference[..., :14, :3], deformed[..., :14, :3], truth[..., :14, :3]
    settings = LossSettings(
        endpoint=1.0, strain=1.0, strain_window=5, similarity_rows=5, similarity_lines=3, consistency_lines=3
    )
    # Seeded: interpolation has kinks at whole quarters of a sample, and finite differences must miss them.
    noise = torch.rand(truth.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    start = (truth + 0.123 + 0.01 * noise).requires_grad_()
    valid = torch.ones(1, 2, 1, 14, 3, dtype=torch.bool)
    valid[..., -2:, :] = False
    assert gradcheck(lambda m: training_loss(settings, m, reference, deformed, truth, valid).total, (start,))
