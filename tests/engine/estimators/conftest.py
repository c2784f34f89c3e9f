"""What tests of combined estimators share."""

from collections.abc import Callable

import numpy as np
import pytest

from engine.types import FramePair, Geometry


@pytest.fixture(scope="session")
def still_pair(geometry: Geometry) -> Callable[[int], FramePair]:
    """Function `still_pair(seed)` that makes a pair of twice the same frame, noise in the transducer's band."""

    def make(seed: int = 0) -> FramePair:
        noise = np.random.default_rng(seed).normal(size=(256, 24))
        frequency = np.fft.rfftfreq(256, 1 / geometry.sampling_hz)
        band = np.exp(-0.5 * ((frequency - geometry.center_hz) / 1.3e6) ** 2)[:, None]
        rf = np.fft.irfft(np.fft.rfft(noise, axis=0) * band, axis=0)
        rf = (rf / np.abs(rf).max()).astype(np.float32)
        return FramePair(rf, rf, geometry)

    return make
