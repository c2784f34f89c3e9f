import numpy as np
import pytest

from engine.metrics.cnr_histogram import CLEARANCE_M, WINDOW_M, background_windows, cnr_histogram, target_windows
from engine.types import Ellipse, Geometry, Map

GEOMETRY = Geometry(40e6, 5e6, 1540.0, 0.3e-3)
SHAPE = (1600, 128)
LESION = Ellipse(0.0, 15e-3, 6e-3, 6e-3)


def phantom(deviation: float) -> Map:
    noise = deviation * np.random.default_rng(0).standard_normal(SHAPE)
    return (np.where(LESION.mask(SHAPE, GEOMETRY), -0.01, -0.02) + noise).astype(np.float32)


def test_six_times_twenty_windows_make_a_hundred_and_twenty_values() -> None:
    values = cnr_histogram(phantom(1e-3), GEOMETRY, LESION)
    assert values.shape == (120,)
    # sqrt(2 (0.01)^2 / (2 (0.001)^2)) = 10
    assert np.median(values) == pytest.approx(10.0, rel=0.05)


def test_windows_lie_where_they_should() -> None:
    targets = target_windows(LESION)
    assert len(set(targets)) == 6
    for lateral, depth in targets:
        corners = [(lateral + dx, depth + dz) for dx in (0, WINDOW_M) for dz in (0, WINDOW_M)]
        assert all(LESION.contains(np.float64(x), np.float64(z)) for x, z in corners)
    backgrounds = background_windows(128, GEOMETRY, LESION)
    assert len(backgrounds) == 20
    for lateral, depth in backgrounds:
        assert abs(lateral + WINDOW_M / 2) >= 6e-3 + CLEARANCE_M + WINDOW_M / 2
        assert 9e-3 - 1e-9 <= depth <= 21e-3 - WINDOW_M + 1e-9


def test_one_free_side_takes_all_and_none_gives_nothing() -> None:
    aside = Ellipse(-12e-3, 15e-3, 6e-3, 6e-3)
    assert len(background_windows(128, GEOMETRY, aside)) == 20
    assert all(lateral > 0 for lateral, _ in background_windows(128, GEOMETRY, aside))
    wide = Ellipse(0.0, 15e-3, 18e-3, 6e-3)
    assert cnr_histogram(phantom(1e-3), GEOMETRY, wide).size == 0


def test_invalid_windows_are_left_out() -> None:
    strain = phantom(1e-3)
    strain[:, :64] = np.nan
    assert 0 < cnr_histogram(strain, GEOMETRY, LESION).size < 120
