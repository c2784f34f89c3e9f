import numpy as np
import pytest

from engine.errors import ReadError
from engine.readers.common.remodulate import RemodulatedFrames, interpolate, remodulate, upsampling_factor


def test_rf_to_iq_and_back():
    rate, carrier = 40e6, 5e6
    time = np.arange(1600) / rate
    envelope = np.exp(-(((time - 20e-6) / 4e-6) ** 2))
    rf = (envelope * np.cos(2 * np.pi * 5.6e6 * time + 1.3))[:, None]
    analytic = (envelope * np.exp(1j * (2 * np.pi * 5.6e6 * time + 1.3)))[:, None]
    iq = (analytic * np.exp(-2j * np.pi * carrier * time)[:, None])[::4]
    factor = upsampling_factor(rate / 4, carrier)
    again = remodulate(iq, rate / 4, carrier)
    assert again.shape == (400 * factor, 1)
    expected = np.interp(np.arange(400 * factor) * 4 / factor, np.arange(1600), rf[:, 0])
    fine = np.arange(0, 400 * factor, factor)
    np.testing.assert_allclose(again[fine, 0], expected[fine], atol=2e-6)


def test_room_for_the_band_and_four_samples_a_period():
    for rate, carrier in [(10e6, 5e6), (5e6, 5e6), (20.8e6, 20.8e6), (1e6, 7e6), (50e6, 5e6)]:
        factor = upsampling_factor(rate, carrier)
        assert factor * rate / 2 > carrier + rate / 2
        assert factor * rate >= 4 * carrier


@pytest.mark.parametrize("count", [7, 64, 65])
@pytest.mark.parametrize("dtype", [float, complex])
def test_interpolation_keeps_the_samples(count, dtype):
    rng = np.random.default_rng(1)
    signal = np.convolve(rng.normal(size=count), np.hanning(5), "same").astype(dtype)[:, None]
    if dtype is complex:
        signal = signal * np.exp(0.7j)
    fine = interpolate(signal, 4)
    assert fine.shape == (4 * count, 1)
    np.testing.assert_allclose(fine[::4], signal, atol=1e-12)


def test_impossible_carriers_are_refused():
    for rate, carrier in [(0.0, 5e6), (10e6, 0.0), (10e6, float("nan")), (1.0, 5e6)]:
        with pytest.raises(ReadError, match=r"cannot be turned into RF|is impossible with IQ"):
            RemodulatedFrames("a.h5", (1, 8, 8), lambda index: np.ones((8, 8)), rate, carrier)
