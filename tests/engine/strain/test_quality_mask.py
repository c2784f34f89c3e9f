"""The quality mask on the numbers: what it hides is measured only where that is chosen."""

import numpy as np
import pytest

from engine.metrics.contrast import strain_metrics
from engine.strain.persistence import FrameStrain
from engine.strain.quality_mask import measured
from engine.types import Ellipse, Geometry, Strain

GEOMETRY = Geometry(40e6, 5e6, 1540.0, 0.3e-3)
TARGET = Ellipse(0.0, 9e-3, 4e-3, 4e-3)


def noisy_left() -> FrameStrain:
    """Strain of 1 %, and 3 % where the quality is low: the left half."""
    strain = np.full((900, 80), -0.01, np.float32)
    strain[:, :40] = -0.03
    quality = np.where(strain < -0.02, 0.2, 0.9).astype(np.float32)
    return FrameStrain(1, 0, Strain(strain, GEOMETRY, 2e-3), quality, -0.02, (1,))


@pytest.mark.parametrize(("threshold", "mean", "used"), [(0.0, 2.0, 100.0), (0.5, 1.0, 50.0)])
def test_only_pixels_above_the_threshold_are_measured(threshold: float, mean: float, used: float) -> None:
    found = measured(noisy_left(), threshold)
    numbers = strain_metrics(found.strain, TARGET)
    assert numbers["mean_target"].value == pytest.approx(mean, abs=0.02)
    assert numbers["used_target"].value == pytest.approx(used, abs=1)
    assert numbers["used_background"].reason == "not_drawn"
    assert found.mean == -0.02, "what relative strain is relative to stays that of the frame"
