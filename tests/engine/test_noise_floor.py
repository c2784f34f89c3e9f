"""The noise floor: found on the pair that moves least, higher with more noise, unknown where nothing matches."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from engine.errors import ParameterError
from engine.noise_floor import noise_floor
from engine.types import FramePair, Geometry, RFSequence

ROWS, LINES = 700, 24


def recording(render: Callable[..., FramePair], geometry: Geometry, snr_db: float) -> RFSequence:
    """Frames 0 and 1 are 2 % apart, frame 2 is frame 1 again with other noise."""
    pair = render(lambda z, x: (-0.02 * z, 0.0 * x), rows=ROWS, lines=LINES)
    frames = np.stack([pair.reference, pair.deformed, pair.deformed])
    noise = np.random.default_rng(1).standard_normal(frames.shape)
    noisy = frames + noise * pair.reference.std() * 10 ** (-snr_db / 20)
    return RFSequence.from_array(noisy.astype(np.float32), geometry)


def test_it_is_of_the_most_still_pair_and_follows_the_noise(render, geometry, cpu) -> None:
    quiet, loud = (noise_floor(recording(render, geometry, snr_db), cpu) for snr_db in (40.0, 15.0))
    assert quiet.frames == loud.frames == (1, 2)
    assert abs(quiet.mean_strain) < 5e-4
    assert 0 < quiet.deviation < loud.deviation / 3
    assert "frames 1 and 2" in quiet.words()


def test_frames_that_do_not_match_have_none(geometry, cpu) -> None:
    frames = np.random.default_rng(0).standard_normal((2, ROWS, LINES)).astype(np.float32)
    found = noise_floor(RFSequence.from_array(frames, geometry), cpu)
    assert math.isnan(found.deviation)
    assert "do not match" in found.words()


def test_one_frame_has_none(geometry, cpu) -> None:
    with pytest.raises(ParameterError, match="one frame"):
        noise_floor(RFSequence.from_array(np.ones((1, ROWS, LINES), np.float32), geometry), cpu)
