"""The instant map: relative to the reference, blind to the direction of the hand, and silent where it cannot know."""

import numpy as np
import pytest

from engine.elasticity.base import ELASTICITY_METHODS, modulus_ratio
from engine.errors import ParameterError
from engine.types import Displacement, Ellipse, FrameEstimate, Geometry, Strain

GEOMETRY = Geometry(40e6, 5e6, 1540.0, 0.3e-3)
SHAPE = (400, 40)
TARGET, REFERENCE = Ellipse(-3e-3, 4e-3, 1.5e-3, 1.5e-3), Ellipse(3e-3, 4e-3, 1.5e-3, 1.5e-3)
METHOD = ELASTICITY_METHODS.get("strain-inverse")


def estimate(strain: np.ndarray, quality: float = 1.0) -> FrameEstimate:
    still = np.zeros(SHAPE, np.float32)
    shown = Strain(strain.astype(np.float32), GEOMETRY, 2e-3)
    return FrameEstimate(0, 1, Displacement(still, still, GEOMETRY), shown, np.full(SHAPE, quality, np.float32))


def lesion(background: float, inside: float) -> np.ndarray:
    """Strain of two levels, the target's half of the image at `inside`."""
    strain = np.full(SHAPE, background)
    strain[:, : SHAPE[1] // 2] = inside
    return strain


@pytest.mark.parametrize("direction", [-1.0, 1.0], ids=["compression", "release"])
def test_a_third_of_the_strain_is_three_times_as_stiff(direction: float) -> None:
    found = METHOD.reconstruct(estimate(direction * lesion(0.012, 0.004)), REFERENCE, METHOD.Params())
    assert modulus_ratio(found, TARGET).value == pytest.approx(3.0, rel=1e-6)
    assert modulus_ratio(found, REFERENCE).value == pytest.approx(1.0, rel=1e-6)
    assert "strain-inverse" in found.label


def test_tissue_that_gives_way_the_other_way_is_as_stiff_as_can_be() -> None:
    found = METHOD.reconstruct(estimate(lesion(-0.01, 0.02)), REFERENCE, METHOD.Params(smallest_strain=1e-3))
    assert modulus_ratio(found, TARGET).value == pytest.approx(10.0, rel=1e-6)


def test_strain_within_its_noise_and_poor_correlation_have_no_value() -> None:
    noise = 2e-3 * np.random.default_rng(0).standard_normal(SHAPE)
    found = METHOD.reconstruct(estimate(lesion(-0.02, -0.001) + noise), REFERENCE, METHOD.Params())
    assert np.isnan(found.relative[:, :18]).mean() > 0.9
    assert np.isfinite(found.relative[:, 22:]).all()
    with pytest.raises(ParameterError, match="no pixel with a modulus"):
        METHOD.reconstruct(estimate(lesion(-0.02, -0.01), quality=0.5), REFERENCE, METHOD.Params())


def test_a_target_of_too_few_pixels_has_no_ratio() -> None:
    found = METHOD.reconstruct(estimate(lesion(-0.01, -0.02)), REFERENCE, METHOD.Params())
    assert modulus_ratio(found, Ellipse(-3e-3, 4e-3, 0.1e-3, 0.1e-3)).reason == "too_few"
