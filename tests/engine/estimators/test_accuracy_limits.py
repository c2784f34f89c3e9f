"""Tracking against theory: the Cramer-Rao bound of delay (Walker & Trahey 1995), the L^-3/2 law of strain."""

import numpy as np
import pytest

from engine.estimators.ncc import Ncc, NccParams
from engine.numerics.accuracy_limit import displacement_deviation_m
from engine.strain.least_squares import LeastSquares, LeastSquaresParams

IN_BAND_GAIN_DB = 10 * np.log10(20 / 3)
"""SNR in the band of 3 MHz over SNR in the whole band of 20 MHz, for white noise."""


@pytest.mark.parametrize(
    ("rho", "snr_db", "expected"),
    [
        (1.0, 20, (1.227, 0.867, 0.708)),
        (1.0, 30, (0.387, 0.274, 0.223)),
        (1.0, 40, (0.122, 0.087, 0.071)),
        (0.99, 20, (1.75, 1.24, 1.01)),
        (0.99, 30, (1.29, 0.91, 0.75)),
        (0.99, 40, (1.24, 0.88, 0.71)),
        (0.95, 20, (3.12, 2.21, 1.80)),
        (0.95, 30, (2.87, 2.03, 1.66)),
        (0.95, 40, (2.85, 2.01, 1.64)),
    ],
)
def test_the_bound_is_the_published_one(geometry, rho, snr_db, expected) -> None:
    """In micrometres, over windows of 1, 2 and 3 mm."""
    found = [1e6 * displacement_deviation_m(window, geometry, rho, snr_db) for window in (1e-3, 2e-3, 3e-3)]
    np.testing.assert_allclose(found, expected, atol=0.0055 if rho < 1 else 0.00055)


@pytest.mark.parametrize(
    ("rho", "snr_db", "expected"),
    [
        (1.0, 20, (0.425, 0.150, 0.082, 0.031)),
        (1.0, 30, (0.134, 0.047, 0.026, 0.010)),
        (0.99, 30, (0.448, 0.158, 0.086, 0.033)),
        (0.95, 30, (0.995, 0.352, 0.190, 0.073)),
    ],
)
def test_the_bound_of_strain_does_not_depend_on_the_tracking_window(geometry, rho, snr_db, expected) -> None:
    """A line's information a depth is constant: sigma_e = sqrt(12 sigma_z^2 L_track / L^3), in %, of 1 to 5.7 mm."""
    for track_m in (1e-3, 2e-3):
        information = displacement_deviation_m(track_m, geometry, rho, snr_db) ** 2 * track_m
        found = [100 * np.sqrt(12 * information / length**3) for length in (1e-3, 2e-3, 3e-3, 5.7e-3)]
        np.testing.assert_allclose(found, expected, atol=0.002)


@pytest.fixture(scope="module")
def strain_spread(render, cpu):
    """Spread over lines of the strain of a 1 % compression at 30 dB in the band, each line tracked alone."""
    pair = render(
        lambda z, x: (-0.01 * z, 0 * x), rows=1000, lines=60, snr_db=30 - IN_BAND_GAIN_DB, beam_m=0.15e-3, seed=3
    )
    alone = NccParams(window_lines=1, search_lines=0, smoothing_m=0.0)
    displacement = next(Ncc().track([pair], alone, cpu))

    def spread(window_m: float) -> float:
        params = LeastSquaresParams(window_m=window_m, weighted=False)
        strain = LeastSquares().strain(displacement, None, params, cpu).axial[150:-150]
        return float((strain - strain.mean(axis=1, keepdims=True)).std())

    return spread


def test_strain_of_single_lines_is_as_good_as_theory_says(strain_spread) -> None:
    assert 0.026e-2 < strain_spread(3e-3) < 0.04e-2


def test_half_the_window_costs_a_factor_of_2_8(strain_spread) -> None:
    """The L^-3/2 law; it starts at windows clearly longer than the 2 mm over which tracking errors correlate."""
    assert strain_spread(3.5e-3) / strain_spread(7e-3) == pytest.approx(2**1.5, rel=0.2)
