import numpy as np
import pytest

from engine.preprocess.filters import band_pass


def tone(geometry, frequency_hz: float, rows: int = 1200) -> np.ndarray:
    wave = np.cos(2 * np.pi * frequency_hz / geometry.sampling_hz * np.arange(rows) + 0.4)
    return np.tile(wave[:, None], (1, 3)).astype(np.float32)


@pytest.mark.parametrize(("frequency_hz", "gain"), [(5e6, 1.0), (4e6, 1.0), (1.0e6, 0.0), (11e6, 0.0)])
def test_keeps_the_band_and_drops_the_rest(geometry, frequency_hz, gain) -> None:
    wave = tone(geometry, frequency_hz)
    kept = band_pass(wave, geometry, 1.0)
    np.testing.assert_allclose(kept[100:-100], gain * wave[100:-100], atol=0.01)
    assert kept.dtype == np.float32


def test_the_edge_of_the_band_has_half_the_gain_and_no_delay(geometry) -> None:
    wave = tone(geometry, 7.5e6)
    np.testing.assert_allclose(band_pass(wave, geometry, 1.0)[100:-100], 0.5 * wave[100:-100], atol=0.01)


def test_constant_offset_goes_away_even_with_the_widest_band(geometry) -> None:
    frame = tone(geometry, 5e6) + 3
    np.testing.assert_allclose(band_pass(frame, geometry, 1.9).mean(axis=0), 0, atol=0.1)


def test_lines_do_not_mix(geometry) -> None:
    frame = tone(geometry, 5e6)
    frame[:, 1] = 0
    assert not band_pass(frame, geometry, 1.0)[:, 1].any()


@pytest.mark.parametrize("rows", [1, 5, 37])
def test_short_frames_keep_their_shape(geometry, rows) -> None:
    assert band_pass(np.ones((rows, 2), np.float32), geometry, 1.0).shape == (rows, 2)
