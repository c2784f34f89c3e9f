"""What a global elongation and a residual found after it come to (the end-to-end paper's two steps)."""

import numpy as np
import pytest
import torch

from engine.networks.base import build
from engine.numerics.warp import compose, warp

MEAN_STRAIN, OFFSET = -0.02, -1.5


def elongation(height=400, width=12):
    rows = torch.arange(float(height))[:, None].expand(height, width)
    return torch.stack([torch.zeros(height, width), OFFSET + MEAN_STRAIN * rows])[None]


def axial_slope(residual):
    total = compose(residual, elongation())[0, 1, 20:-20]
    return torch.diff(total, dim=0)


def test_a_constant_residual_leaves_the_strain_of_the_elongation():
    residual = torch.zeros(1, 2, 400, 12)
    residual[:, 1] = 0.7
    assert torch.allclose(axial_slope(residual), torch.tensor(MEAN_STRAIN), atol=2e-5)


def test_a_linear_residual_adds_its_slope_stretched():
    kappa = 0.01
    residual = torch.zeros(1, 2, 400, 12)
    residual[0, 1] = kappa * torch.arange(400.0)[:, None]
    assert torch.allclose(axial_slope(residual), torch.tensor(MEAN_STRAIN + kappa * (1 + MEAN_STRAIN)), atol=2e-5)


def test_the_composition_maps_the_deformed_frame_on_the_reference():
    rows = torch.arange(400.0)[:, None].expand(400, 12)
    true = -1.5 - 0.018 * rows
    residual = torch.zeros(1, 2, 400, 12)
    residual[0, 1] = (true - OFFSET - MEAN_STRAIN * rows) / (1 + MEAN_STRAIN)
    total = compose(residual, elongation())
    assert torch.allclose(total[0, 1, 20:-20], true[20:-20], atol=1e-3)
    deformed = torch.sin(0.3 * rows)[None, None]
    expected = torch.sin(0.3 * (rows + true))
    assert torch.allclose(warp(deformed, total)[0, 0, 20:-20], expected[20:-20], atol=0.01)


def test_dropout_and_batch_statistics_rest_at_inference():
    torch.manual_seed(0)
    network = build("end-to-end-cnn", {})
    reference, deformed = torch.randn(1, 1, 96, 16), torch.randn(1, 2, 1, 96, 16)
    network.train()
    assert not torch.equal(network(reference, deformed), network(reference, deformed))
    network.eval()
    with torch.no_grad():
        first, second = network(reference, deformed), network(reference, deformed)
        alone = network(reference, deformed[:, 1:])
    assert torch.equal(first, second)
    assert torch.allclose(first[:, 1:], alone, atol=1e-5)
    assert np.all(first[:, :, 0].numpy() == 0)
    assert float(first[:, :, 1].abs().max()) == pytest.approx(float(first.abs().max()))
