"""Accuracy of phase tracking: shifts, compression, and what is not there."""

import numpy as np
import pytest
import torch

from engine.estimators.common.window_tracker import TrackingParams
from engine.estimators.loupas import Loupas, demodulate
from engine.types import FramePair

INSIDE = (slice(60, -60), slice(3, -3))


def axial_samples(pair: FramePair, device: torch.device) -> np.ndarray:
    return next(Loupas().track([pair], TrackingParams(), device)).axial_samples


@pytest.mark.parametrize("shift", [-0.45, 0.37])
def test_shift_by_a_fraction_of_a_sample_comes_back(render, geometry, cpu, shift) -> None:
    pair = render(lambda z, x: (0 * z + shift * geometry.axial_spacing_m, 0 * x))
    assert abs(np.nanmean(axial_samples(pair, cpu)[INSIDE]) - shift) < 0.002


def test_shift_beyond_half_a_period_comes_back(render, geometry, cpu) -> None:
    pair = render(lambda z, x: (0 * z + 11.2 * geometry.axial_spacing_m, 0 * x))
    assert np.nanmedian(axial_samples(pair, cpu)) == pytest.approx(11.2, abs=0.005)


def test_uniform_compression_comes_back(render, cpu) -> None:
    axial = axial_samples(render(lambda z, x: (-0.02 * z, 0 * x)), cpu)
    error = (axial + 0.02 * np.arange(axial.shape[0])[:, None])[INSIDE]
    assert np.sqrt(np.nanmean(error**2)) < 0.05


def test_constant_frames_have_no_estimate(geometry, cpu) -> None:
    frame = np.full((300, 12), 0.7, np.float32)
    assert np.isnan(axial_samples(FramePair(frame, frame, geometry), cpu)).all()


def test_demodulation_of_a_carrier_is_constant() -> None:
    carrier = torch.cos(2 * torch.pi * 0.125 * torch.arange(256.0))[:, None]
    torch.testing.assert_close(demodulate(carrier, 0.125), torch.ones(256, 1, dtype=torch.complex64), atol=1e-4, rtol=0)
