"""Equalisation: one strength everywhere, the phase untouched, emptiness not amplified."""

import pytest
import torch

from engine.networks.layers.equalisation import LINES, MEAN_MAGNITUDE, ROWS, equalise


def test_echoes_that_fade_with_depth_get_one_strength() -> None:
    rf = torch.randn(2, 1, 1200, 64, generator=torch.Generator().manual_seed(1))
    fading = rf * torch.logspace(0, -2, 1200)[:, None]
    strength = equalise(fading).abs().unflatten(-2, (12, 100)).mean(dim=(-2, -1))
    assert strength.flatten().tolist() == pytest.approx([MEAN_MAGNITUDE] * 24, rel=0.15)
    assert torch.equal(equalise(fading).sign(), rf.sign())


def test_it_is_the_mean_magnitude_of_a_window_that_is_divided_by() -> None:
    rf = torch.randn(600, 50, generator=torch.Generator().manual_seed(2))
    window = rf[300 - ROWS // 2 : 301 + ROWS // 2, 20 - LINES // 2 : 21 + LINES // 2]
    corner = rf[: 1 + ROWS // 2, : 1 + LINES // 2]
    found = equalise(rf)
    assert float(found[300, 20]) == pytest.approx(float(MEAN_MAGNITUDE * rf[300, 20] / window.abs().mean()), rel=1e-5)
    assert float(found[0, 0]) == pytest.approx(float(MEAN_MAGNITUDE * rf[0, 0] / corner.abs().mean()), rel=1e-5)


def test_neither_scale_nor_size_matters() -> None:
    rf = torch.randn(40, 5, generator=torch.Generator().manual_seed(3))
    assert torch.allclose(equalise(1e-6 * rf), equalise(rf), rtol=1e-4)


def test_emptiness_stays_empty() -> None:
    rf = torch.zeros(1, 900, 40)
    assert not equalise(rf).any()
    rf[:, 600:] = torch.randn(300, 40, generator=torch.Generator().manual_seed(4))
    rf[:, :300] = 1e-9
    assert float(equalise(rf)[:, :300].abs().max()) < 1e-4
