"""No method of the box sees motion where there is none: the same frame again, as the first and as a later frame."""

import numpy as np
import pytest
import torch

from engine.estimators.base import ESTIMATORS
from engine.pipeline import Settings, run
from engine.types import Geometry, RFSequence

GEOMETRY = Geometry(40e6, 5e6, 1540.0, 0.3e-3)
MEAN_SAMPLES, DEVIATION_SAMPLES = 0.003, 0.01


@pytest.fixture(scope="module")
def still() -> RFSequence:
    """Four times one band-limited frame of 384 x 32."""
    rng = np.random.default_rng(4)
    spectrum = np.fft.rfft(rng.standard_normal((384, 32)), axis=0)
    frequency = np.fft.rfftfreq(384, 1 / GEOMETRY.sampling_hz)[:, None]
    band = np.exp(-(((frequency - GEOMETRY.center_hz) / (0.25 * GEOMETRY.center_hz)) ** 2))
    frame = np.fft.irfft(spectrum * band, 384, axis=0)
    frame = np.apply_along_axis(np.convolve, 1, frame, [0.25, 0.5, 0.25], "same")  # a beam of two lines
    return RFSequence.from_array(np.stack([frame] * 4).astype(np.float32), GEOMETRY)


@pytest.mark.parametrize("name", [name for name in ESTIMATORS.names() if ESTIMATORS.get(name).unavailable() is None])
def test_identical_frames_have_no_motion(name: str, still: RFSequence, cpu: torch.device) -> None:
    for estimate in run(still, Settings(name), cpu):
        axial = estimate.displacement.axial_samples
        axial = axial[np.isfinite(axial)]
        assert axial.size > 0
        assert abs(float(axial.mean())) < MEAN_SAMPLES
        assert float(axial.std()) < DEVIATION_SAMPLES
