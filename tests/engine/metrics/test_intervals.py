"""Intervals of regions' numbers: they cover the truth, and say nothing where uncertainties are not known."""

import math

import numpy as np
import pytest

from engine.metrics.base import Finding
from engine.metrics.contrast import region_warnings, strain_metrics
from engine.metrics.intervals import ratio_interval
from engine.metrics.region_statistics import CORRELATED_CELLS, RegionStatistics
from engine.types import Ellipse, Strain

TARGET, BACKGROUND = Ellipse(-4e-3, 9e-3, 3e-3, 3e-3), Ellipse(4e-3, 9e-3, 3e-3, 3e-3)


def strain(geometry, sigma: float | None = 1e-3) -> Strain:
    values = np.full((900, 60), -0.02, np.float32)
    values[:, :30] = -0.01
    values += np.random.default_rng(0).normal(0, 5e-4, values.shape).astype(np.float32)
    return Strain(values, geometry, 2e-3, None if sigma is None else np.full(values.shape, sigma, np.float32))


def test_the_mean_of_a_region_has_the_error_of_its_independent_cells(geometry) -> None:
    found = strain_metrics(strain(geometry), TARGET, BACKGROUND)["mean_target"]
    cell_mm2 = 2 * 1e3 * 2 * geometry.wavelength_m
    assert found.cells == pytest.approx(9 * math.pi / cell_mm2, rel=0.05)
    assert found.sigma == pytest.approx(0.1 / math.sqrt(found.cells / CORRELATED_CELLS), rel=1e-3)
    assert (found.low, found.high) == pytest.approx(
        (found.value - 1.96 * found.sigma, found.value + 1.96 * found.sigma), rel=1e-3
    )
    assert found.warning == ""


def test_ratio_snr_and_cnr_have_intervals_around_their_values(geometry) -> None:
    found = strain_metrics(strain(geometry), TARGET, BACKGROUND)
    for name in ("strain_ratio", "strain_contrast", "snr_target", "snr_background", "cnr"):
        entry = found[name]
        assert entry.low < entry.value < entry.high
        assert entry.sigma > 0
    assert found["strain_ratio"].low < 2 < found["strain_ratio"].high


def test_without_uncertainties_there_is_no_interval(geometry) -> None:
    found = strain_metrics(strain(geometry, None), TARGET, BACKGROUND)
    assert all(math.isnan(entry.sigma) and math.isnan(entry.low) for entry in found.values())


def test_fiellers_interval_covers_the_ratio_of_uncertain_means() -> None:
    random = np.random.default_rng(1)
    covered = 0
    for _ in range(2000):
        above, below = (RegionStatistics(900, random.normal(mean, 0.2), 0.1, "", 10.0, 0.2) for mean in (2.0, 1.0))
        entry = ratio_interval(Finding(above.mean / below.mean, 1800), above, below)
        covered += entry.low <= 2.0 <= entry.high
    assert covered / 2000 == pytest.approx(0.95, abs=0.02)


def test_a_mean_that_may_be_zero_gives_no_interval_but_a_word(geometry) -> None:
    above, below = RegionStatistics(900, 1.0, 0.1, "", 10.0, 0.1), RegionStatistics(900, 0.1, 0.1, "", 10.0, 0.1)
    entry = ratio_interval(Finding(10.0, 1800), above, below)
    assert math.isnan(entry.low)
    assert "cannot be told from zero" in entry.warning
    loud = strain_metrics(strain(geometry, 0.2), TARGET, BACKGROUND)["mean_target"]
    assert loud.warning == "the uncertainty is larger than the value"


def test_small_and_mostly_empty_regions_are_warned_of(geometry) -> None:
    whole = strain(geometry)
    small = Ellipse(-4e-3, 9e-3, 0.8e-3, 3e-3)
    assert "small_region" in {entry.reason for entry in region_warnings(whole.axial, geometry, small, None)}
    holed = whole.axial.copy()
    holed[:, 10:20] = np.nan
    assert "mostly_invalid" in {entry.reason for entry in region_warnings(holed, geometry, TARGET, BACKGROUND)}
    assert region_warnings(whole.axial, geometry, TARGET, BACKGROUND) == ()
