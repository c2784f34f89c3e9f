"""Accuracy of correlation tracking against published and computed numbers, and the conventions of sign and axes."""

import numpy as np
import pytest
import torch

from engine.estimators.ncc import Ncc, NccParams
from engine.numerics.correlation import WindowGrid, correlate, find_peaks
from engine.types import Displacement, FramePair, Geometry

INSIDE = (slice(60, -60), slice(3, -3))


def track(pair: FramePair, device: torch.device, **settings: object) -> Displacement:
    return next(Ncc().track([pair], NccParams(**settings), device))  # type: ignore[arg-type]


def delayed(frame: np.ndarray, samples: float) -> np.ndarray:
    """Frame whose content lies `samples` deeper, exact for what is periodic."""
    frequency = np.fft.rfftfreq(frame.shape[0])
    spectrum = np.fft.rfft(frame, axis=0) * np.exp(-2j * np.pi * frequency * samples)[:, None]
    return np.fft.irfft(spectrum, n=frame.shape[0], axis=0).astype(np.float32)


def flat_band(rows: int, lines: int, geometry: Geometry, rng: np.random.Generator) -> np.ndarray:
    """White noise kept in a flat band of 60 % around the centre frequency, of unit rms."""
    frequency = np.fft.rfftfreq(rows, 1 / geometry.sampling_hz)
    inside = np.abs(frequency - geometry.center_hz) <= 0.3 * geometry.center_hz
    kept = np.fft.irfft(np.fft.rfft(rng.standard_normal((rows, lines)), axis=0) * inside[:, None], n=rows, axis=0)
    return (kept / kept.std()).astype(np.float32)


def test_shift_by_a_fraction_of_a_sample_comes_back(render, geometry, cpu) -> None:
    still = render(lambda z, x: (0 * z, 0 * x)).reference
    pair = FramePair(still, delayed(still, 0.37), geometry)
    axial = track(pair, cpu).axial_samples[INSIDE]
    assert abs(np.nanmean(axial) - 0.37) < 0.002


@pytest.mark.parametrize(("carrier", "low", "high"), [(True, 0.0, 0.002), (False, 0.005, 0.015)])
def test_one_cosine_fit_is_unbiased_and_one_parabola_is_not(geometry, carrier, low, high) -> None:
    frame = flat_band(2080, 64, geometry, np.random.default_rng(0))
    bias = []
    for shift in (-0.3, 0.3):
        grid = WindowGrid.fit(104, 5)
        peaks = find_peaks(
            torch.from_numpy(frame), torch.from_numpy(delayed(frame, shift)), grid, 1, None, carrier=carrier
        )
        bias.append(abs(float(peaks.residual[1, 10:-10].mean()) - shift))
    assert low <= np.mean(bias) < high


@pytest.mark.parametrize(("snr_db", "bound"), [(30, 0.0142), (20, 0.0451)])
def test_jitter_is_within_15_percent_of_the_cramer_rao_bound(geometry, snr_db, bound) -> None:
    """In-band noise, 2 mm window, one line, flat band (Walker & Trahey 1995); about 4000 independent windows."""
    rng = np.random.default_rng(1)
    signal = flat_band(10 * 104, 400, geometry, rng)
    noise = 10 ** (-snr_db / 20)
    first, second = (signal + noise * flat_band(*signal.shape, geometry, rng) for _ in range(2))
    grid = WindowGrid(8, 13, 1)
    peaks = find_peaks(torch.from_numpy(first), torch.from_numpy(second), grid, 1, None)
    jitter = float(peaks.residual[1, 6:-6:13].std())
    assert 0.95 * bound < jitter < 1.15 * bound


@pytest.mark.parametrize(
    ("strain", "expected"), [(0.01, (0.992, 0.970, 0.935)), (0.02, (0.970, 0.887, 0.762))], ids=["1 %", "2 %"]
)
def test_strain_decorrelates_windows_that_are_not_companded(render, geometry, strain, expected) -> None:
    """The tolerance is the scatter of the mean over some forty speckle realisations."""
    spacing = geometry.axial_spacing_m
    middle = 350 * spacing
    pair = render(lambda z, x: (-strain * (z - middle), 0 * x), lines=80, beam_m=0.2e-3)
    for window_m, rho in zip((1e-3, 2e-3, 3e-3), expected, strict=True):
        grid = WindowGrid.fit(window_m / spacing, 1)
        volume = correlate(
            torch.from_numpy(pair.reference), torch.from_numpy(pair.deformed), range(-2, 3), range(1), grid
        )
        centre = round(350 / grid.step)
        assert float(volume[:, 0, centre].amax(dim=0).mean()) == pytest.approx(rho, abs=0.012 + 0.1 * (1 - rho))


def test_companding_keeps_the_correlation_at_4_5_percent(render, cpu) -> None:
    pair = render(lambda z, x: (-0.045 * z, 0 * x))
    displacement = track(pair, cpu, search_lines=0)
    assert displacement.report["mean_correlation"] > 0.98


@pytest.mark.parametrize("strain", [0.01, 0.03])
def test_uniform_compression_comes_back(render, geometry, cpu, strain) -> None:
    pair = render(lambda z, x: (-strain * z, 0 * x))
    axial = track(pair, cpu).axial_samples
    expected = -strain * np.arange(axial.shape[0])[:, None]
    error = (axial - expected)[INSIDE]
    assert np.sqrt(np.nanmean(error**2)) < 0.05
    assert not np.isnan(error).any()


def test_axes_and_signs_on_a_motion_without_any_symmetry(render, geometry, cpu) -> None:
    """Deeper rows move less deep, right-hand lines move more; a swap of axes, a flip or a wrong sign cannot pass."""
    depth, pitch = 700 * geometry.axial_spacing_m, geometry.pitch_m

    def motion(z: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        axial = geometry.axial_spacing_m * (3 - 6 * (z / depth) ** 2 + 200 * x)
        return axial, 0.6 * pitch * np.ones_like(x)

    pair = render(motion)
    displacement = track(pair, cpu)
    z = geometry.depths_m(700)[:, None]
    x = geometry.laterals_m(24)[None, :]
    expected = motion(z, x)[0] / geometry.axial_spacing_m
    assert np.sqrt(np.nanmean((displacement.axial_samples - expected)[INSIDE] ** 2)) < 0.1
    assert np.nanmedian(displacement.lateral_lines) == pytest.approx(0.6, abs=0.05)


def test_no_motion_gives_zero(render, cpu) -> None:
    still = render(lambda z, x: (0 * z, 0 * x))
    displacement = track(still, cpu)
    assert np.sqrt(np.nanmean(displacement.axial_samples**2)) < 0.005
    assert np.sqrt(np.nanmean(displacement.lateral_lines**2)) < 0.05


def test_swapping_the_frames_of_a_small_motion_flips_the_sign(render, cpu) -> None:
    pair = render(lambda z, x: (-0.005 * z, 0 * x))
    there = track(pair, cpu).axial_samples[INSIDE]
    back = track(FramePair(pair.deformed, pair.reference, pair.geometry), cpu).axial_samples[INSIDE]
    assert np.nanmax(np.abs(there + back)) < 0.2
    assert abs(np.nanmean(there + back)) < 0.03


def test_scaling_the_rf_changes_nothing(render, cpu) -> None:
    pair = render(lambda z, x: (-0.01 * z, 0 * x), rows=400)
    scaled = FramePair(pair.reference * 64, pair.deformed * 64, pair.geometry)
    np.testing.assert_allclose(track(scaled, cpu).axial_samples, track(pair, cpu).axial_samples, atol=1e-3)


@pytest.mark.parametrize("value", [0.0, 0.7])
def test_constant_frames_have_no_estimate_and_no_correlation(geometry, cpu, value) -> None:
    frame = np.full((300, 12), value, np.float32)
    grid = WindowGrid.fit(104, 5)
    rho = correlate(torch.from_numpy(frame), torch.from_numpy(frame), range(-1, 2), range(-1, 2), grid)
    assert (rho == 0).all()
    displacement = track(FramePair(frame, frame, geometry), cpu)
    assert np.isnan(displacement.axial_m).all()


def test_motion_that_leaves_the_frame_has_no_estimate(render, geometry, cpu) -> None:
    pair = render(lambda z, x: (0 * z - 30 * geometry.axial_spacing_m, 0 * x))
    axial = track(pair, cpu).axial_samples
    assert np.isnan(axial[:26]).all()
    assert np.nanmedian(axial) == pytest.approx(-30, abs=0.02)


def test_the_initial_motion_is_where_the_search_starts(render, geometry, cpu) -> None:
    shift = 90
    pair = render(lambda z, x: (0 * z + shift * geometry.axial_spacing_m, 0 * x))
    start = np.full(pair.reference.shape, shift - 3, np.float32)
    started = FramePair(pair.reference, pair.deformed, geometry, Displacement.from_samples(start, 0 * start, geometry))
    assert np.nanmedian(track(started, cpu).axial_samples) == pytest.approx(shift, abs=0.02)
    assert abs(np.nanmedian(track(pair, cpu).axial_samples) - shift) > 1
