import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter1d

from engine.metrics.consistency import compensated_ncc, successive_ncc
from engine.types import Displacement, FramePair, Geometry, Map

GEOMETRY = Geometry(40e6, 5e6, 1540.0, 0.3e-3)
CPU = torch.device("cpu")


def speckle(rows: int = 400) -> Map:
    """Band-limited noise around 5 MHz, sampled with 40 MHz."""
    random = np.random.default_rng(1)
    envelope = gaussian_filter1d(random.standard_normal((2, rows, 32)), 4, axis=1)
    phase = 2 * np.pi * np.arange(rows)[:, None] / 8
    return (envelope[0] * np.cos(phase) + envelope[1] * np.sin(phase)).astype(np.float32)


def uniform(samples: float, shape: tuple[int, int]) -> Displacement:
    return Displacement.from_samples(np.full(shape, samples, np.float32), np.zeros(shape, np.float32), GEOMETRY)


def test_the_true_motion_brings_the_frames_together_and_half_a_period_apart() -> None:
    whole = speckle(420)
    pair = FramePair(whole[10:410], whole[6:406], GEOMETRY)
    assert compensated_ncc(pair, uniform(4.0, (400, 32)), CPU).value == pytest.approx(1.0, abs=1e-6)
    assert compensated_ncc(pair, uniform(0.0, (400, 32)), CPU).value < -0.5
    assert compensated_ncc(pair, uniform(4.0, (400, 32)), CPU).count == 396 * 32


def test_pixels_without_an_estimate_do_not_count() -> None:
    whole = speckle(420)
    pair = FramePair(whole[10:410], whole[6:406], GEOMETRY)
    axial = np.full((400, 32), 4.0, np.float32)
    axial[200:] = np.nan
    holed = Displacement.from_samples(axial, np.zeros_like(axial), GEOMETRY)
    assert compensated_ncc(pair, holed, CPU).count == 200 * 32
    assert compensated_ncc(pair, uniform(np.nan, (400, 32)), CPU).reason == "too_few"


def test_successive_maps_are_compared_in_order() -> None:
    first = speckle()
    values = [entry.value for entry in successive_ncc([first, 2 * first, -first])]
    assert values == pytest.approx([1.0, -1.0], abs=1e-6)
    assert successive_ncc([first]) == ()
