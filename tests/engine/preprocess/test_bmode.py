import numpy as np
import pytest
from scipy.signal import hilbert

from engine.preprocess.bmode import FLOOR_DB, bmode_db, envelope, gained, reference_level
from engine.types import Geometry


@pytest.mark.parametrize("rows", [400, 405])
def test_envelope_is_the_magnitude_of_the_analytic_signal(rows) -> None:
    rf = np.random.default_rng(0).standard_normal((rows, 6)).astype(np.float32)
    rf -= rf.mean(axis=0)
    np.testing.assert_allclose(envelope(rf), np.abs(hilbert(rf, axis=0)), atol=2e-5)


def test_envelope_of_a_pulse_is_its_gaussian() -> None:
    time = np.arange(-200, 200)
    shape = np.exp(-(time**2) / (2 * 20.0**2))
    rf = (shape * np.cos(2 * np.pi * time / 8)).astype(np.float32)[:, None]
    np.testing.assert_allclose(envelope(rf)[:, 0], shape, atol=1e-4)


def test_decibels_count_from_the_level() -> None:
    wave = np.cos(2 * np.pi * np.arange(512) / 8).astype(np.float32)[:, None] * np.array([1.0, 0.1], np.float32)
    image = bmode_db(wave, reference_level=1.0)
    np.testing.assert_allclose(image[:, 0], 0, atol=0.01)
    np.testing.assert_allclose(image[:, 1], -20, atol=0.01)
    np.testing.assert_allclose(bmode_db(wave, reference_level=10.0)[:, 0], -20, atol=0.01)
    assert image.dtype == np.float32


def test_the_own_level_is_the_brightest_part() -> None:
    rf = np.random.default_rng(1).standard_normal((500, 40)).astype(np.float32)
    level = reference_level(rf)
    assert level == pytest.approx(np.percentile(envelope(rf), 99.9), rel=1e-3)
    np.testing.assert_allclose(bmode_db(rf), bmode_db(rf, reference_level=level))


def test_silence_is_the_floor_and_never_minus_infinity() -> None:
    frame = np.zeros((100, 4), np.float32)
    assert (bmode_db(frame) == FLOOR_DB).all()
    frame[:, 0] = np.cos(np.arange(100) * 0.8)
    assert bmode_db(frame).min() == pytest.approx(FLOOR_DB, abs=1e-3)


def test_gains_lift_the_image_and_deep_rows_more(geometry: Geometry) -> None:
    image = np.full((1000, 4), -30, np.float32)
    assert gained(image, geometry) is image
    lifted = gained(image, geometry, gain_db=6.0, depth_gain_db=4.0)
    assert lifted[0] == pytest.approx(-24)
    depth_cm = 100 * 999 * geometry.axial_spacing_m
    assert lifted[-1] == pytest.approx(-24 + 4 * depth_cm, abs=1e-3)
    assert gained(image, geometry, gain_db=40.0).max() == 0
