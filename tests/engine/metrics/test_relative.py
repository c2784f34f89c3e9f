"""Relative strain: what stays when the same tissue is compressed more."""

import math

import numpy as np
import pytest

from engine.metrics.contrast import region_metrics
from engine.metrics.relative import mean_strain, relative_strain
from engine.types import Ellipse, Geometry, Map

GEOMETRY = Geometry(40e6, 5e6, 1540.0, 0.3e-3)
WINDOW_M = 2e-3
TARGET, BACKGROUND = Ellipse(-3e-3, 5e-3, 1.5e-3, 1.5e-3), Ellipse(3e-3, 5e-3, 1.5e-3, 1.5e-3)


def strain_map(compression: float) -> Map:
    """A stiff inclusion in noise, under some mean compression."""
    random = np.random.default_rng(3)
    strain = 1 + 0.1 * random.standard_normal((500, 60))
    strain[TARGET.mask((500, 60), GEOMETRY)] *= 0.4
    strain[:5] = np.nan
    return (-compression * strain).astype(np.float32)


def test_the_divisor_is_the_mean_of_the_table() -> None:
    strain = strain_map(0.012)
    mean = mean_strain(strain, GEOMETRY, WINDOW_M)
    table = region_metrics(strain, GEOMETRY, TARGET, BACKGROUND, window_m=WINDOW_M)
    assert -100 * mean == pytest.approx(table["mean_image"].value, rel=1e-9)


def test_compression_and_release_look_alike() -> None:
    maps = [strain_map(compression) for compression in (0.002, 0.02, -0.01)]
    relative = [relative_strain(entry, mean_strain(entry, GEOMETRY, WINDOW_M)) for entry in maps]
    for entry in relative:
        np.testing.assert_allclose(entry, relative[0], rtol=1e-5)
        assert float(np.nanmedian(entry)) == pytest.approx(1.0, abs=0.1)
        assert float(np.nanmedian(entry[TARGET.mask((500, 60), GEOMETRY)])) == pytest.approx(0.4, abs=0.05)


def test_ratios_do_not_change_by_the_division() -> None:
    strain = strain_map(0.012)
    relative = -relative_strain(strain, mean_strain(strain, GEOMETRY, WINDOW_M))
    before, after = (region_metrics(entry, GEOMETRY, TARGET, BACKGROUND) for entry in (strain, relative))
    for name in ("snr_target", "snr_background", "cnr", "snre", "strain_ratio"):
        assert after[name].value == pytest.approx(before[name].value, rel=1e-4), name


def test_a_frame_without_compression_has_no_relative_strain() -> None:
    noise = np.random.default_rng(0).standard_normal((500, 60)).astype(np.float32)
    assert math.isnan(mean_strain(noise, GEOMETRY, WINDOW_M))
    assert np.isnan(relative_strain(noise, math.nan)).all()
    for empty in (np.full((500, 60), np.nan, np.float32), np.zeros((500, 60), np.float32), noise[:50]):
        assert math.isnan(mean_strain(empty, GEOMETRY, WINDOW_M))
