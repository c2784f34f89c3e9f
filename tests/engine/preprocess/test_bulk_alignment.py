"""Bulk motion: found through large shifts, strains, noise and dark rows, and zero where there is none."""

import numpy as np
import pytest

from engine.preprocess.alignment import bulk_motion
from engine.types import Displacement, FramePair


def errors(found: Displacement, axial: np.ndarray, lateral: np.ndarray) -> tuple[float, float]:
    """Largest axial error in samples, and lateral one in lines."""
    return (
        float(np.abs(found.axial_samples - axial[:, None]).max()),
        float(np.abs(found.lateral_lines - lateral[None, :]).max()),
    )


@pytest.mark.parametrize(
    ("strain", "shift", "lines", "snr_db"),
    [
        (0.0, 80, 0, np.inf),
        (0.045, -80, -3, np.inf),
        (0.07, 10, 2, np.inf),
        (-0.03, 5, 0, np.inf),
        (0.03, 40, 1, 0),
        (0.045, -20, 0, -4),
    ],
    ids=["80 samples", "4.5 % and shifts", "7 %", "tension", "13 dB PSNR", "9 dB PSNR"],
)
def test_shift_and_strain_are_found(render, geometry, cpu, strain, shift, lines, snr_db) -> None:
    """The axial error stays within half a period, from where every estimator finds its way."""
    spacing, pitch = geometry.axial_spacing_m, geometry.pitch_m
    pair = render(
        lambda z, x: (-strain * z + shift * spacing, 0.4 * strain * x + lines * pitch),
        rows=1000,
        lines=48,
        snr_db=snr_db,
    )
    found = bulk_motion(pair, cpu)
    rows, x = np.arange(1000), np.arange(48) - 23.5
    axial, lateral = errors(found, shift - strain * rows, lines + 0.4 * strain * x)
    assert axial < 4
    assert lateral < 0.6


def test_a_dark_near_field_does_not_matter(render, geometry, cpu) -> None:
    pair = render(lambda z, x: (-0.02 * z, 0 * x), rows=1000, lines=32)
    reference, deformed = pair.reference.copy(), pair.deformed.copy()
    reference[:150] = deformed[:150] = 0
    found = bulk_motion(FramePair(reference, deformed, geometry), cpu)
    assert errors(found, -0.02 * np.arange(1000), np.zeros(32))[0] < 3


def test_static_clutter_above_does_not_win(render, geometry, cpu) -> None:
    pair = render(lambda z, x: (-0.02 * z, 0 * x), rows=1000, lines=32)
    deformed = pair.deformed.copy()
    deformed[:200] = pair.reference[:200]
    found = bulk_motion(FramePair(pair.reference, deformed, geometry), cpu)
    assert np.abs(found.axial_samples[400:] + 0.02 * np.arange(400, 1000)[:, None]).max() < 5


def test_no_motion_and_no_relation_give_zero(render, geometry, cpu) -> None:
    still = render(lambda z, x: (0 * z, 0 * x), rows=800, lines=32)
    assert not bulk_motion(still, cpu).axial_m.any()
    other = render(lambda z, x: (0 * z, 0 * x), rows=800, lines=32, seed=9)
    unrelated = bulk_motion(FramePair(still.reference, other.reference, geometry), cpu)
    assert not unrelated.axial_m.any()
    assert not unrelated.lateral_m.any()


@pytest.mark.parametrize("shape", [(60, 4), (33, 1), (200, 2), (16, 64)])
def test_small_frames_are_no_problem(geometry, cpu, shape) -> None:
    frame = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    found = bulk_motion(FramePair(frame, frame, geometry), cpu)
    assert found.axial_m.shape == shape
    assert not found.axial_m.any()


@pytest.mark.parametrize("lines", [1, 2, 3])
def test_motion_of_few_lines_is_found(render, cpu, lines) -> None:
    whole = render(lambda z, x: (-0.01 * z, 0 * x), rows=700, lines=24)
    pair = FramePair(whole.reference[:, :lines], whole.deformed[:, :lines], whole.geometry)
    found = bulk_motion(pair, cpu)
    assert found.axial_m.shape == (700, lines)
    assert np.abs(found.axial_samples + 0.01 * np.arange(700)[:, None]).max() < 2.5


@pytest.mark.parametrize("shape", [(5, 1), (6, 3)])
def test_noise_that_seems_to_move_in_the_smallest_frames(cpu, geometry, shape) -> None:
    """With this seed the vote finds a motion, whose peak is then sought within the few lags there are."""
    pair = np.random.default_rng(3).standard_normal((2, *shape)).astype(np.float32)
    assert np.isfinite(bulk_motion(FramePair(*pair, geometry), cpu).axial_m).all()


def test_silence_is_no_motion(geometry, cpu) -> None:
    empty = np.zeros((400, 16), np.float32)
    assert not bulk_motion(FramePair(empty, empty, geometry), cpu).axial_m.any()


@pytest.mark.parametrize("snr_db", [np.inf, 0], ids=["clean", "13 dB PSNR"])
def test_uneven_compression_is_followed(render, geometry, cpu, snr_db) -> None:
    """A soft layer and a stiff side bend the motion by half a period; a straight line misses it, the field not."""
    spacing = geometry.axial_spacing_m
    rows, lines = np.arange(1000)[:, None], np.arange(64)[None, :]
    middle, width = 500 * spacing, 200 * spacing

    def bend(z, x):
        return 5 * spacing * np.tanh((z - middle) / width) * (1 + x / (80 * geometry.pitch_m))

    pair = render(lambda z, x: (-0.02 * z + bend(z, x), 0 * x), rows=1000, lines=64, snr_db=snr_db)
    true = -0.02 * rows + bend(rows * spacing, (lines - 31.5) * geometry.pitch_m) / spacing
    found = bulk_motion(pair, cpu)
    error = found.axial_samples - true
    slope, offset = found.report["axial_strain"], found.report["axial_shift_samples"]
    assert np.sqrt(np.mean((offset + slope * rows - true) ** 2)) > 1.2
    assert np.sqrt(np.mean(error**2)) < 0.8
    assert np.abs(error).max() < 2.5
