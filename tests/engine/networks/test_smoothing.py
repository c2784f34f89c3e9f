"""Smoothing along the beam against what a Gaussian does to lines, waves and noise."""

import math

import pytest
import torch

from engine.networks.layers.smoothing import smooth_along_beam

SIGMA = 6.0


@pytest.mark.parametrize("rows", [2, 5, 300])
def test_a_linear_motion_stays_as_it_is(rows: int) -> None:
    """Also at the ends, and where the kernel is longer than the frame."""
    motion = torch.linspace(-3.0, 8.0, rows)[:, None].expand(2, 2, rows, 4) * torch.tensor([1.0, 0.2])[:, None, None]
    torch.testing.assert_close(smooth_along_beam(motion, SIGMA), motion, atol=1e-5, rtol=0)


def test_a_wave_shrinks_as_the_gaussian_s_spectrum_says() -> None:
    depth = torch.arange(400, dtype=torch.float64)
    wave = torch.sin(2 * math.pi * depth / 40)[None, None, :, None].expand(1, 2, 400, 3)
    smoothed = smooth_along_beam(wave, SIGMA)[..., 50:350, :]
    factor = math.exp(-0.5 * (2 * math.pi * SIGMA / 40) ** 2)
    torch.testing.assert_close(smoothed, factor * wave[..., 50:350, :], atol=5e-3, rtol=0)


def test_lines_do_not_mix_and_nothing_happens_without_smoothing() -> None:
    motion = torch.zeros(1, 2, 100, 5)
    motion[..., 50, 2] = 1.0
    assert smooth_along_beam(motion, 0.0) is motion
    smoothed = smooth_along_beam(motion, SIGMA)
    assert smoothed[..., [0, 1, 3, 4]].abs().max() == 0
    torch.testing.assert_close(smoothed[..., 2].sum(dim=-1), torch.ones(1, 2), atol=1e-3, rtol=0)


def test_the_ends_are_less_noisy_too() -> None:
    """A line fitted to one side has six times the variance of the mean to both, not that of a single sample."""
    noise = torch.randn(1, 2, 400, 64, generator=torch.Generator().manual_seed(5))
    smoothed = smooth_along_beam(noise, SIGMA).std(dim=-1)
    assert smoothed[..., [0, -1]].max() < 3 * smoothed[..., 50:350].mean() < 1
