import numpy as np
import pytest

from engine.metrics.similarity import mssim, ncc
from engine.types import Map


def lesion(shape: tuple[int, int] = (80, 60)) -> Map:
    z, x = np.mgrid[: shape[0], : shape[1]]
    inside = (z - 40) ** 2 + (x - 30) ** 2 < 15**2
    return np.where(inside, -0.005, -0.01).astype(np.float32)


def noise(scale: float, seed: int = 0) -> Map:
    return (scale * np.random.default_rng(seed).standard_normal((80, 60))).astype(np.float32)


def test_a_map_is_wholly_like_itself() -> None:
    assert mssim(lesion(), lesion()).value == pytest.approx(1.0, abs=1e-12)
    assert ncc(lesion(), lesion()).value == pytest.approx(1.0, abs=1e-12)


def test_noise_lowers_the_similarity_in_order() -> None:
    values = [mssim(lesion() + noise(scale), lesion()).value for scale in (1e-5, 1e-4, 1e-3)]
    assert 1.0 > values[0] > values[1] > values[2] > 0.0


def test_a_constant_shift_costs_only_luminance() -> None:
    """Over flat windows of means m and m + d, SSIM is (2 m (m + d) + C1) / (m^2 + (m + d)^2 + C1) exactly."""
    truth = np.full((40, 40), -0.01, np.float32)
    truth[:, :12] = -0.02
    shifted = truth - np.float32(0.005)
    flat_truth, flat = np.float64(truth[20, 30]), np.float64(shifted[20, 30])
    c1 = (0.01 * float(np.ptp(truth.astype(np.float64)))) ** 2
    wanted = (2 * flat * flat_truth + c1) / (flat**2 + flat_truth**2 + c1)
    masked = shifted.copy()
    masked[:, :18] = np.nan
    # L is that of the truth where both are valid, so a part with another level must stay: one corner is enough.
    masked[0, 0] = shifted[0, 0]
    assert mssim(masked, truth).value == pytest.approx(wanted, rel=1e-6)


def test_windows_with_a_hole_are_left_out() -> None:
    holed = lesion()
    holed[40, 30] = np.nan
    whole, less = mssim(lesion(), lesion()), mssim(holed, lesion())
    assert whole.count == 70 * 50
    assert less.count == whole.count - 121
    assert less.value == pytest.approx(1.0, abs=1e-9)


def test_what_cannot_be_compared_says_why() -> None:
    flat = np.full((80, 60), -0.01, np.float32)
    assert mssim(lesion(), flat).reason == "zero_variance"
    assert mssim(np.full_like(flat, np.nan), lesion()).reason == "too_few"
    assert ncc(flat, lesion()).reason == "zero_variance"


def test_correlation_is_signed_and_ignores_scale_and_offset() -> None:
    assert ncc(-lesion(), lesion()).value == pytest.approx(-1.0)
    assert ncc(3 * lesion() + np.float32(0.1), lesion()).value == pytest.approx(1.0, abs=1e-5)
