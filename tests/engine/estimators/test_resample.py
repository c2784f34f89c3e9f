"""The canonical grid: RF keeps its waves, motion keeps its millimetres."""

import math

import pytest
import torch

from engine.estimators.common.resample import CanonicalGrid
from engine.types import Geometry

RANGE = (0.12e-3, 0.35e-3)


def grid(sampling_hz: float, center_hz: float, pitch_m: float = 0.2e-3) -> CanonicalGrid:
    return CanonicalGrid.of((400, 24), Geometry(sampling_hz, center_hz, 1540.0, pitch_m), 8.0, RANGE)


@pytest.mark.parametrize("sampling_hz", [20e6, 30e6, 50e6, 60e6])
def test_a_wave_keeps_its_shape(sampling_hz: float) -> None:
    """A wave at 1.2 times the centre frequency, well inside any probe's band: below 0.2 % error off the ends."""
    new = grid(sampling_hz, 5e6)
    wave = torch.cos(2 * math.pi * 6e6 / sampling_hz * torch.arange(400))[:, None].expand(400, 24)
    expected = torch.cos(2 * math.pi * 6e6 / 40e6 * torch.arange(new.shape[0]))[:, None]
    found = new.frame(wave)
    assert found.shape == new.shape
    assert (found - expected)[24:-24].abs().max() < 2e-3


def test_noise_above_the_new_band_is_removed() -> None:
    new = grid(60e6, 5e6)
    noise = torch.cos(2 * math.pi * 27e6 / 60e6 * torch.arange(400))[:, None].expand(400, 24)
    assert new.frame(noise)[24:-24].abs().max() < 0.02


@pytest.mark.parametrize(("sampling_hz", "pitch_m"), [(20e6, 0.2e-3), (60e6, 0.2e-3), (50e6, 0.6e-3), (40e6, 0.05e-3)])
def test_linear_motion_comes_back(sampling_hz: float, pitch_m: float) -> None:
    new = grid(sampling_hz, 5e6, pitch_m)
    rows, lines = torch.arange(400.0)[:, None], torch.arange(24.0)[None, :]
    motion = torch.stack([0.5 + 0.02 * lines + 0 * rows, 3 - 0.01 * rows + 0.05 * lines])
    torch.testing.assert_close(new.native_motion(new.motion(motion)), motion, atol=1e-4, rtol=0)
    assert new.motion(motion)[1, 0, 0] == pytest.approx(3 * 40e6 / sampling_hz)


def test_a_grid_that_fits_is_kept() -> None:
    for near in (grid(40e6, 5e6), grid(40e6, 5.02e6)):
        assert (near.axial_factor, near.lateral_factor, near.shape) == (1.0, 1.0, near.native_shape)
    assert grid(40e6, 5e6, 0.4e-3).lateral_factor == 1.0
    assert grid(40e6, 5e6, 0.7e-3).lateral_factor == pytest.approx(2.0)
    assert CanonicalGrid.of((100, 8), Geometry(30e6, 5e6, 1540.0, 0.2e-3), 0.0, RANGE).axial_factor == 1.0
