"""Tracking against theory: the Cramer-Rao bound of delay (Walker & Trahey 1995), the L^-3/2 law of strain."""

import numpy as np
import pytest

from engine.estimators.ncc import Ncc, NccParams
from engine.strain.least_squares import LeastSquares, LeastSquaresParams

SAMPLE_UM = 19.25
IN_BAND_GAIN_DB = 10 * np.log10(20 / 3)
"""SNR in the band of 3 MHz over SNR in the whole band of 20 MHz, for white noise."""


def delay_bound_um(window_m: float, snr_db: float, rho: float = 1.0, bandwidth: float = 0.6) -> float:
    """Least standard deviation of axial displacement, micrometres, at 5 MHz and 1540 m/s; SNR is in the band."""
    duration, carrier = 2 * window_m / 1540, 5e6
    bracket = (1 + 10 ** (-snr_db / 10)) ** 2 / rho**2 - 1
    variance = 3 / (2 * carrier**3 * np.pi**2 * duration * (bandwidth**3 + 12 * bandwidth)) * bracket
    return float(np.sqrt(variance) * 1540 / 2 * 1e6)


@pytest.mark.parametrize(
    ("rho", "snr_db", "expected"),
    [
        (1.0, 20, (1.227, 0.867, 0.708)),
        (1.0, 30, (0.387, 0.274, 0.223)),
        (1.0, 40, (0.122, 0.087, 0.071)),
        (0.99, 30, (1.29, 0.91, 0.75)),
        (0.95, 20, (3.12, 2.21, 1.80)),
    ],
)
def test_the_bound_is_the_published_one(rho, snr_db, expected) -> None:
    found = [delay_bound_um(window, snr_db, rho) for window in (1e-3, 2e-3, 3e-3)]
    np.testing.assert_allclose(found, expected, atol=0.0055 if rho < 1 else 0.00055)


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
