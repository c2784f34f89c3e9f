import numpy as np
import pytest

from engine.estimators.common.dynamic_programming import DynamicProgrammingParameters, integer_displacement, seed_line
from engine.types import Displacement, FramePair, Geometry

GEOMETRY = Geometry(40e6, 5e6, 1540.0, 0.3e-3)


def speckle(height, width, seed=0):
    """Band-limited noise about 5 MHz, one beam wider than a line."""
    noise = np.random.default_rng(seed).normal(size=(height, width))
    frequency = np.fft.rfftfreq(height, 1 / 40e6)
    spectrum = np.fft.rfft(noise, axis=0) * np.exp(-0.5 * ((frequency - 5e6) / 1.3e6) ** 2)[:, None]
    rf = np.fft.irfft(spectrum, height, axis=0)
    return (rf / np.abs(rf).max()).astype(np.float32)


def shifted(frame, axial, lateral):
    return np.roll(frame, (axial, lateral), axis=(0, 1))


@pytest.mark.parametrize(("axial", "lateral"), [(0, 0), (-7, 1), (9, -1)])
def test_whole_sample_shift_is_found_everywhere(axial, lateral):
    frame = speckle(256, 16)
    displacement = integer_displacement(
        FramePair(frame, shifted(frame, axial, lateral), GEOMETRY), DynamicProgrammingParameters()
    )
    inner = (slice(40, -40), slice(5, -5))
    np.testing.assert_allclose(displacement.axial_samples[inner], axial, atol=1e-3)
    np.testing.assert_allclose(displacement.lateral_lines[inner], lateral, atol=1e-3)


def test_large_shift_is_found_around_the_initial_motion():
    frame = speckle(256, 12)
    ones = np.ones((256, 12), np.float32)
    initial = Displacement.from_samples(-58 * ones, 3 * ones, GEOMETRY)
    pair = FramePair(frame, shifted(frame, -60, 3), GEOMETRY, initial)
    displacement = integer_displacement(pair, DynamicProgrammingParameters())
    np.testing.assert_allclose(displacement.axial_samples[80:-40, 4:-4], -60, atol=1e-3)


def test_compression_is_followed_without_a_start():
    height = 1024
    frame, rows = speckle(height, 8), np.arange(height)
    # deformed(i + d) = reference(i) with d = -0.03 i, so deformed(k) = reference(k / 0.97)
    deformed = np.stack([np.interp(rows / 0.97, rows, line, right=0) for line in frame.T], axis=1).astype(np.float32)
    axial, _ = seed_line(FramePair(frame, deformed, GEOMETRY), DynamicProgrammingParameters(), 4)
    assert np.abs(axial - (-0.03 * rows))[20:-60].max() < 1.0


def test_seed_line_is_one_line_of_the_frame():
    frame = speckle(128, 9)
    axial, lateral = seed_line(FramePair(frame, shifted(frame, -3, 0), GEOMETRY), DynamicProgrammingParameters(), 4)
    assert axial.shape == lateral.shape == (128,)
    assert np.abs(axial[20:-20] + 3).max() < 1e-3


@pytest.mark.parametrize("gain", [1e-6, 1e6, 1e12])
def test_a_frame_of_any_gain_stays_within_the_search(gain):
    frame = speckle(64, 6)
    pair = FramePair(frame, (gain * frame).astype(np.float32), GEOMETRY)
    parameters = DynamicProgrammingParameters()
    displacement = integer_displacement(pair, parameters)
    assert np.abs(displacement.lateral_lines).max() <= parameters.lateral_reach
