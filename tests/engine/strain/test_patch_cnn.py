"""The patch network's strain: exact bookkeeping around it, and weights that beat nothing at all."""

import numpy as np
import pytest
import torch

from engine.errors import WeightsError
from engine.networks import weights
from engine.networks.end_to_end_cnn import EndToEndConfig, StrainCNN
from engine.simulation.crops import CropSettings
from engine.strain.base import STRAIN_METHODS
from engine.strain.patch_cnn import WEIGHTS, PatchCNNParameters, continue_rows, robust_line
from engine.training.strain_cnn import noisy_displacement, tracked_displacement, train_strain_cnn
from engine.types import Displacement, Geometry

CPU = torch.device("cpu")
GEOMETRY = Geometry(40e6, 5e6, 1540.0, 0.3e-3)
METHOD = STRAIN_METHODS.get("end-to-end-cnn")
ROWS = np.arange(240.0)[:, None] * np.ones(16)


@pytest.fixture
def silent(tmp_path):
    """Weights whose network answers zero everywhere."""
    network = StrainCNN(EndToEndConfig())
    for values in network.parameters():
        torch.nn.init.zeros_(values)
    weights.save(network, {}, tmp_path / "silent.safetensors")
    return PatchCNNParameters(weights=str(tmp_path / "silent.safetensors"))


def strain_of(axial_samples, params):
    axial = axial_samples.astype(np.float32)
    return METHOD.strain(Displacement.from_samples(axial, np.zeros_like(axial), GEOMETRY), None, params, CPU)


def test_the_slope_of_the_line_taken_off_is_added_again(silent):
    strain = strain_of(-4.0 - 0.02 * ROWS, silent)
    assert np.allclose(strain.axial, -0.02, atol=1e-6)
    assert strain.window_m == pytest.approx(61 * GEOMETRY.axial_spacing_m)


def test_pixels_without_displacement_have_no_strain(silent):
    axial = -0.02 * ROWS
    axial[100:120, 3] = np.nan
    strain = strain_of(axial, silent).axial
    assert np.array_equal(np.isnan(strain), np.isnan(axial))
    assert np.isnan(strain_of(np.full_like(axial, np.nan), silent).axial).all()


def test_an_inclusion_does_not_bend_the_line():
    axial = -0.01 * ROWS.copy()
    axial[100:140] -= 0.6
    slope, offset = robust_line(axial)
    assert slope == pytest.approx(-0.01, abs=4e-4)
    assert offset == pytest.approx(0.0, abs=0.05)


def test_rows_continue_with_the_slope_they_end_with():
    continued = continue_rows(-0.03 * ROWS)
    assert np.allclose(np.diff(continued, axis=0), -0.03)


def test_training_data_is_noise_about_the_true_slope():
    crops = CropSettings(height=320, width=16, frames=2, scatterers_per_cell=1.0, bank_size=1, clean=1.0)
    noisy, slope = noisy_displacement(torch.Generator().manual_seed(3), crops)
    assert noisy.shape == slope.shape == (1, 1, 320, 16)
    rebuilt = slope.cumsum(2) - slope[:, :, :1]
    rest = (noisy - rebuilt) - (noisy - rebuilt).mean(2, keepdim=True)
    assert 0.0 < float(rest.std()) < 0.15


def test_a_first_stage_follows_the_true_displacement_of_its_training_data():
    network, _ = weights.load("end-to-end-cnn-v1")
    crops = CropSettings(
        height=320, width=24, frames=2, bank_size=1, clean=1.0, min_strain=0.03, max_strain=0.04, max_center_hz=8e6
    )
    tracked, true = tracked_displacement(network, torch.Generator().manual_seed(3), crops)
    assert tracked.shape == true.shape == (1, 1, 320, 24)
    assert float((tracked - true).abs().median()) < 0.3 * float(true.abs().median())


def test_weights_of_another_network_are_no_first_stage(tmp_path):
    with pytest.raises(WeightsError, match="usenet-v1 is no first stage: it holds USENet"):
        train_strain_cnn(tmp_path / "strain.safetensors", iterations=1, first_stage="usenet-v1")


@pytest.mark.slow
def test_a_short_training_writes_weights_that_load(tmp_path):
    card = train_strain_cnn(tmp_path / "strain-cnn-v1.safetensors", iterations=20)
    assert card.network == WEIGHTS
    assert card.scores["training-validation"]["strain_error_percent"] < 1.0
    network, _ = weights.load(tmp_path / "strain-cnn-v1.safetensors")
    assert not network.training


def test_without_weights_the_reason_is_one_line(monkeypatch, tmp_path):
    monkeypatch.setattr(weights, "folder", lambda: tmp_path)
    with pytest.raises(WeightsError, match="no trained weights for strain-cnn"):
        strain_of(-0.02 * ROWS, PatchCNNParameters())


def test_shipped_weights_find_a_soft_layer():
    rows = np.arange(800.0)
    true = np.where((rows > 300) & (rows < 500), -0.02, -0.01)
    axial = np.cumsum(true)[:, None] * np.ones(24)
    strain = strain_of(axial, PatchCNNParameters()).axial
    assert strain[370:430].mean() == pytest.approx(-0.02, rel=0.15)
    assert strain[100:230].mean() == pytest.approx(-0.01, rel=0.15)
