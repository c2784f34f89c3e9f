import numpy as np
import pytest
import torch

from engine.strain.base import STRAIN_METHODS
from engine.strain.kalman import KalmanParameters, filter_across_lines, noise_deviation
from engine.types import Displacement, Geometry

GEOMETRY = Geometry(40e6, 5e6, 1540.0, 0.3e-3)


def test_without_noise_the_strain_is_unchanged():
    strain = np.random.default_rng(0).normal(size=(20, 30))
    np.testing.assert_array_equal(filter_across_lines(strain, 0.0), strain)


def test_constant_strain_stays():
    strain = np.full((12, 9), -0.01)
    np.testing.assert_allclose(filter_across_lines(strain, 1e-3), strain, rtol=1e-12)


def test_noise_falls_and_an_edge_stays():
    random = np.random.default_rng(1)
    truth = np.where(np.arange(80)[None, :] < 40, -0.01, -0.02) * np.ones((60, 1))
    measured = truth + 1e-3 * random.normal(size=truth.shape)
    filtered = filter_across_lines(measured, noise_deviation(measured.astype(np.float32)))
    away = np.abs(np.arange(80) - 39.5) > 6
    assert np.std((filtered - truth)[:, away]) < 0.7 * np.std((measured - truth)[:, away])
    edge = filtered.mean(axis=0)
    assert edge[37] == pytest.approx(-0.01, abs=0.0015)
    assert edge[42] == pytest.approx(-0.02, abs=0.0015)


def test_mirroring_the_lines_mirrors_the_result():
    strain = np.random.default_rng(2).normal(size=(30, 21))
    np.testing.assert_allclose(filter_across_lines(strain[:, ::-1], 0.5), filter_across_lines(strain, 0.5)[:, ::-1])


def test_noise_is_measured_from_line_to_line():
    lines = np.arange(200)[None, :]
    strain = (0.01 + 1e-5 * lines + 1e-3 * np.random.default_rng(3).normal(size=(100, 200))).astype(np.float32)
    strain[:2] = np.nan
    assert noise_deviation(strain) == pytest.approx(1e-3, rel=0.05)
    assert noise_deviation(np.full((4, 4), np.nan, np.float32)) == 0.0


def test_missing_pixels_stay_missing_and_do_not_spread():
    strain = np.full((10, 12), 0.02)
    strain[3:5, 6] = np.nan
    filtered = filter_across_lines(strain, 1e-3)
    np.testing.assert_array_equal(np.isnan(filtered), np.isnan(strain))
    np.testing.assert_allclose(filtered[np.isfinite(strain)], 0.02)


def test_registered_method_gives_the_slope():
    axial = np.repeat(-0.012 * np.arange(300, dtype=np.float32)[:, None], 10, axis=1)
    displacement = Displacement.from_samples(axial, np.zeros_like(axial), GEOMETRY)
    method = STRAIN_METHODS.get("kalman")
    strain = method.strain(displacement, None, KalmanParameters(), torch.device("cpu"))
    np.testing.assert_allclose(strain.axial[60:-60], -0.012, atol=1e-6)
