"""The least-squares strain estimator."""

import numpy as np
import pytest
from scipy.signal import savgol_filter

from engine.numerics.slope import strain_kernel, weighted_slope
from engine.strain.least_squares import LeastSquares, LeastSquaresParams
from engine.types import Displacement


def slope(displacement: np.ndarray, window: int) -> np.ndarray:
    return weighted_slope(displacement, np.isfinite(displacement).astype(float), window)


def test_a_ramp_gives_its_slope_exactly() -> None:
    ramp = np.tile(-0.0123 * np.arange(2048.0)[:, None], (1, 3))
    strain = slope(ramp, 105)
    np.testing.assert_allclose(strain[2:-2], -0.0123, rtol=0, atol=1e-12)
    assert np.isnan(strain[[0, 1, -2, -1]]).all()


@pytest.mark.parametrize(("samples", "gain"), [(43, 0.01229), (93, 0.00386), (143, 0.00203), (287, 0.000712)])
def test_noise_gain(samples, gain) -> None:
    noise = np.random.default_rng(0).standard_normal((100_000, 1))
    inside = slope(noise, samples)[samples:-samples]
    # The std of slopes that overlap over `samples` scatters by about sqrt(samples / 1e5 / 2), 4 % for the longest.
    assert inside.std() == pytest.approx(gain, rel=0.05 if samples < 200 else 0.1)
    assert np.sqrt(np.sum(strain_kernel(samples) ** 2)) == pytest.approx(gain, rel=0.003)


@pytest.mark.parametrize(("samples", "half", "null"), [(43, 54, 30), (93, 117, 65), (143, 180, 100), (287, 361, 201)])
def test_resolution(samples, half, null) -> None:
    """A ripple of strain shows half its height at a wavelength of 1.26 windows, and not at all at 0.7."""
    offset = np.arange(samples) - samples // 2

    def shown(wavelength: float) -> float:
        return float(strain_kernel(samples) @ np.sin(2 * np.pi * offset / wavelength) * wavelength / (2 * np.pi))

    assert shown(half) == pytest.approx(0.5, abs=0.01)
    assert abs(shown(null)) < 0.01
    assert shown(half - 2) < shown(half) < shown(half + 2)
    assert half / samples == pytest.approx(1.26, abs=0.01)


def test_a_parabola_gives_twice_the_row() -> None:
    rows = np.arange(300.0)[:, None]
    np.testing.assert_allclose(slope(rows**2, 43)[2:-2], 2 * rows[2:-2], rtol=1e-10, atol=1e-7)


@pytest.mark.parametrize("window", [5, 43, 105])
def test_equals_savitzky_golay_inside(window) -> None:
    walk = np.cumsum(np.random.default_rng(1).standard_normal((400, 4)), axis=0)
    expected = savgol_filter(walk, window, 1, deriv=1, axis=0)
    half = window // 2
    np.testing.assert_allclose(slope(walk, window)[half:-half], expected[half:-half], atol=1e-10)


def test_edges_use_a_shrinking_symmetric_window() -> None:
    walk = np.cumsum(np.random.default_rng(2).standard_normal((60, 1)), axis=0)
    strain = slope(walk, 21)
    for row in (2, 5, 9):
        assert strain[row, 0] == pytest.approx(np.polyfit(np.arange(2 * row + 1), walk[: 2 * row + 1, 0], 1)[0])


def test_weights_are_those_of_a_weighted_fit() -> None:
    rng = np.random.default_rng(3)
    walk, weights = np.cumsum(rng.standard_normal((41, 1)), axis=0), rng.uniform(0.1, 1, (41, 1))
    expected = np.polyfit(np.arange(41), walk[:, 0], 1, w=np.sqrt(weights[:, 0]))[0]
    assert weighted_slope(walk, weights, 41)[20, 0] == pytest.approx(expected, abs=1e-10)


def test_missing_samples_leave_the_slope_of_the_rest() -> None:
    ramp = np.tile(0.02 * np.arange(200.0)[:, None], (1, 2))
    ramp[90:100, 0] = np.nan
    strain = slope(ramp, 41)
    np.testing.assert_allclose(strain[2:90, 0], 0.02, atol=1e-12)
    assert np.isnan(strain[90:100, 0]).all()
    assert np.isfinite(strain[2:-2, 1]).all()


def test_too_few_samples_give_none() -> None:
    ramp = 0.02 * np.arange(200.0)[:, None]
    ramp[60:] = np.nan
    ramp[:50] = np.nan
    assert np.isnan(slope(ramp, 41)).all()


def test_the_window_is_a_length_and_the_strain_has_no_unit(geometry, cpu) -> None:
    samples = np.tile((-0.01 * np.arange(600.0))[:, None], (1, 8)).astype(np.float32)
    displacement = Displacement.from_samples(samples, 0 * samples, geometry)
    strain = LeastSquares().strain(displacement, None, LeastSquaresParams(window_m=3e-3), cpu)
    assert strain.window_m == pytest.approx(155 * geometry.axial_spacing_m)
    np.testing.assert_allclose(strain.axial[2:-2], -0.01, rtol=1e-4)
    assert strain.axial.dtype == np.float32


def test_quality_lets_good_samples_win(geometry, cpu) -> None:
    rng = np.random.default_rng(4)
    quality = np.where(rng.random((500, 20)) < 0.5, 0.1, 1.0).astype(np.float32)
    noise = np.where(quality < 0.5, 1.0, 0.05) * rng.standard_normal(quality.shape)
    samples = (-0.01 * np.arange(500)[:, None] + noise).astype(np.float32)
    displacement = Displacement.from_samples(samples, 0 * samples, geometry)
    spreads = [
        np.nanstd(LeastSquares().strain(displacement, quality, LeastSquaresParams(weighted=on), cpu).axial[60:-60])
        for on in (False, True)
    ]
    assert spreads[1] < 0.5 * spreads[0]


@pytest.mark.parametrize("rows", [5, 6, 40, 41])
def test_a_window_longer_than_the_frame_shrinks(rows) -> None:
    ramp = 0.5 * np.arange(float(rows))[:, None]
    np.testing.assert_allclose(slope(ramp, 105)[2:-2], 0.5, atol=1e-12)


def test_a_frame_too_short_for_any_window_has_no_strain() -> None:
    assert np.isnan(slope(np.arange(4.0)[:, None], 5)).all()


def test_an_even_window_is_refused() -> None:
    with pytest.raises(ValueError, match="odd"):
        strain_kernel(10)


def test_lines_that_share_a_slope_share_its_noise() -> None:
    noise = np.random.default_rng(2).standard_normal((4000, 64))
    alone, shared = (weighted_slope(noise, np.ones_like(noise), 43, neighbours) for neighbours in (0, 2))
    inside = (slice(30, -30), slice(2, -2))
    assert shared[inside].std() == pytest.approx(alone[inside].std() / np.sqrt(5), rel=0.05)


def test_lines_that_share_a_slope_keep_their_offsets_and_a_plane_its_slope() -> None:
    rows, lines = np.arange(60.0)[:, None], np.arange(9.0)
    plane = -0.0123 * rows + 0.4 * lines + np.where(lines == 4, 7.0, 0.0)
    weights = np.random.default_rng(3).uniform(0.2, 1.0, plane.shape)
    weights[20:25, 3] = 0.0
    slope = weighted_slope(np.where(weights > 0, plane, np.nan), weights, 21, 3)
    np.testing.assert_allclose(slope[2:-2][weights[2:-2] > 0], -0.0123, atol=1e-12)
    assert np.isnan(slope[20:25, 3]).all()


@pytest.mark.parametrize("lines", [1, 2, 5])
def test_fewer_lines_than_share_a_slope_share_what_there_is(lines: int) -> None:
    ramp = np.repeat(-0.02 * np.arange(40.0)[:, None], lines, axis=1)
    slope = weighted_slope(ramp, np.ones_like(ramp), 11, 10)
    np.testing.assert_allclose(slope[2:-2], -0.02, atol=1e-12)
