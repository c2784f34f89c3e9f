"""Histograms of strain: shares that add up, the means of the metrics, shared tidy bins, and the three signs."""

import numpy as np
import pytest

from engine.metrics.contrast import region_metrics
from engine.metrics.histogram import MOST_BINS, strain_histogram
from engine.quantity import QUANTITIES
from engine.types import Ellipse, Geometry, Map

GEOMETRY = Geometry(sampling_hz=40e6, center_hz=7e6, sound_speed_m_s=1540.0, pitch_m=0.3e-3)
TARGET = Ellipse(-3e-3, 6e-3, 2e-3, 2e-3)
BACKGROUND = Ellipse(3e-3, 6e-3, 2e-3, 2e-3)


def two_sided(low: float = -0.005, high: float = -0.015, noise: float = 0.001) -> Map:
    """Strain of two halves, the left one stiffer."""
    random = np.random.default_rng(0)
    strain = np.full((600, 48), high)
    strain[:, :24] = low
    return np.asarray(strain + noise * random.standard_normal(strain.shape), dtype=np.float32)


def test_shares_add_up_and_lie_where_the_strain_is() -> None:
    found = strain_histogram(two_sided(), GEOMETRY, TARGET, BACKGROUND)
    for region, strain_percent in ((found.target, 0.5), (found.background, 1.5)):
        assert region.share_percent.sum() == pytest.approx(100 * (1 - region.beyond / region.count))
        assert found.edges[int(region.share_percent.argmax())] == pytest.approx(strain_percent, abs=0.1)
        assert region.mean == pytest.approx(strain_percent, abs=0.02)
        assert region.deviation == pytest.approx(0.1, rel=0.1)
        assert region.beyond <= 2


def test_counts_are_those_of_numpy() -> None:
    strain = two_sided()
    found = strain_histogram(strain, GEOMETRY, TARGET, BACKGROUND)
    pixels = -100 * strain[TARGET.mask((600, 48), GEOMETRY)]
    expected = 100 * np.histogram(pixels, found.edges)[0] / pixels.size
    assert np.abs(found.target.share_percent - expected).max() <= 100 * 2 / pixels.size  # rounding on an edge


def test_numbers_are_those_of_the_metrics() -> None:
    strain = two_sided()
    strain[::7, ::3] = np.nan
    found = strain_histogram(strain, GEOMETRY, TARGET, BACKGROUND)
    metrics = region_metrics(strain, GEOMETRY, TARGET, BACKGROUND)
    for region, name in ((found.target, "target"), (found.background, "background")):
        assert region.mean == metrics[f"mean_{name}"].value
        assert region.deviation == metrics[f"std_{name}"].value
        assert region.count == metrics[f"mean_{name}"].count


def test_bins_are_shared_tidy_and_few() -> None:
    for scale in (0.1, 1.0, 3.7, 20.0):
        edges = strain_histogram(scale * two_sided(), GEOMETRY, TARGET, BACKGROUND).edges
        width = edges[1] - edges[0]
        assert 10 <= edges.size - 1 <= MOST_BINS
        assert np.allclose(np.diff(edges), width)
        assert f"{width:e}"[0] in "125"
        assert edges[0] / width == pytest.approx(round(edges[0] / width), abs=1e-6)


def test_signs_follow_the_quantity() -> None:
    strain = two_sided()
    compressive = strain_histogram(strain, GEOMETRY, TARGET, BACKGROUND)
    signed = strain_histogram(strain, GEOMETRY, TARGET, BACKGROUND, quantity=QUANTITIES["signed"])
    assert signed.target.mean == -compressive.target.mean
    assert signed.edges[-1] < 0 < compressive.edges[0]
    mixed = strain_histogram(two_sided(0.005, -0.005), GEOMETRY, TARGET, BACKGROUND, quantity=QUANTITIES["magnitude"])
    assert mixed.edges[0] >= 0
    assert mixed.target.mean == pytest.approx(0.5, abs=0.02)
    assert mixed.background.mean == pytest.approx(0.5, abs=0.02)


def test_a_wild_pixel_leaves_the_bins_alone() -> None:
    strain = two_sided()
    usual = strain_histogram(strain, GEOMETRY, TARGET, None)
    row, line = np.argwhere(TARGET.mask((600, 48), GEOMETRY))[100]
    strain[row, line] = -0.3
    wild = strain_histogram(strain, GEOMETRY, TARGET, None)
    assert wild.target.beyond == usual.target.beyond + 1
    assert wild.edges[-1] - wild.edges[0] < 10 * (usual.edges[-1] - usual.edges[0])


def test_constant_strain_fills_one_bin() -> None:
    found = strain_histogram(np.full((600, 48), -0.01, np.float32), GEOMETRY, TARGET, BACKGROUND)
    assert found.target.share_percent.max() == 100
    assert found.target.deviation == 0


def test_missing_regions_say_why() -> None:
    strain = two_sided()
    found = strain_histogram(strain, GEOMETRY, None, Ellipse(1.0, 1.0, 1e-3, 1e-3))
    assert (found.target.reason, found.background.reason) == ("not_drawn", "outside_image")
    assert found.edges.size == 0
    half = strain_histogram(strain, GEOMETRY, TARGET, Ellipse(3e-3, 6e-3, 0.2e-3, 0.1e-3))
    assert half.background.reason == "too_few"
    assert half.background.share_percent.size == 0
    assert half.target.share_percent.size == half.edges.size - 1
