"""Quality is the local correlation after motion compensation: near 1 where the motion is right, low where not."""

import numpy as np
import pytest

from engine.quality import local_correlation
from engine.types import Displacement, FramePair


def field(pair: FramePair, axial: float | np.ndarray, lateral: float = 0.0) -> Displacement:
    shape = pair.reference.shape
    filled = np.broadcast_to(axial, shape).astype(np.float32)
    return Displacement.from_samples(filled, np.full(shape, lateral, np.float32), pair.geometry)


@pytest.fixture(scope="module")
def shifted(render, geometry) -> FramePair:
    return render(lambda z, x: (0 * z + 2.4 * geometry.axial_spacing_m, 0 * x))


def test_the_right_motion_correlates_and_others_do_not(shifted, cpu) -> None:
    right = local_correlation(shifted, field(shifted, 2.4), cpu)
    assert right.shape == shifted.reference.shape
    assert right.dtype == np.float32
    assert right[60:-60].min() > 0.99
    assert np.median(local_correlation(shifted, field(shifted, -2.4), cpu)) < 0.1
    assert np.median(local_correlation(shifted, field(shifted, 2.4, lateral=4), cpu)) < 0.3


def test_half_a_period_off_is_clipped_at_zero(shifted, cpu) -> None:
    quality = local_correlation(shifted, field(shifted, 2.4 + 4), cpu)
    assert quality.min() == 0
    assert np.median(quality) == 0


def test_no_estimate_and_motion_out_of_the_frame_count_as_zero(shifted, cpu) -> None:
    axial = np.full(shifted.reference.shape, 2.4, np.float32)
    axial[200:300, 5:9] = np.nan
    axial[-100:] = 200
    quality = local_correlation(shifted, field(shifted, axial), cpu)
    assert (quality[200:300, 5:9] == 0).all()
    assert (quality[-100:] == 0).all()
    assert quality[310:500].min() > 0.98
    assert not np.isnan(quality).any()


def test_frames_without_signal_have_quality_zero(geometry, cpu) -> None:
    flat = np.full((200, 10), 0.3, np.float32)
    pair = FramePair(flat, flat, geometry)
    assert (local_correlation(pair, field(pair, 0.0), cpu) == 0).all()


def test_weak_signal_beside_strong_signal_keeps_its_correlation(shifted, cpu) -> None:
    fade = np.where(np.arange(700) < 350, 1.0, 1e-4).astype(np.float32)[:, None]
    moved = np.where(np.arange(700) < 352, 1.0, 1e-4).astype(np.float32)[:, None]
    faded = FramePair(shifted.reference * fade, shifted.deformed * moved, shifted.geometry)
    assert local_correlation(faded, field(faded, 2.4), cpu)[460:640].min() > 0.99
