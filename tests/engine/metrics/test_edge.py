import math

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from engine.metrics.edge import edge_width
from engine.types import Ellipse, Geometry, Map

GEOMETRY = Geometry(40e6, 5e6, 1540.0, 0.1e-3)
SHAPE = (1600, 300)
LESION = Ellipse(0.0, 15e-3, 6e-3, 6e-3)


def blurred(axial_mm: float, lateral_mm: float, ellipse: Ellipse = LESION) -> Map:
    """A lesion of half the strain, blurred by Gaussians of these standard deviations."""
    sharp = np.where(ellipse.mask(SHAPE, GEOMETRY), -0.005, -0.01)
    sigma = (axial_mm * 1e-3 / GEOMETRY.axial_spacing_m, lateral_mm * 1e-3 / GEOMETRY.pitch_m)
    return gaussian_filter(sharp, sigma).astype(np.float32)


@pytest.mark.parametrize("sigma_mm", [0.3, 0.6, 1.0])
def test_a_gaussian_blur_has_the_width_of_its_error_function(sigma_mm: float) -> None:
    found = edge_width(blurred(sigma_mm, sigma_mm), GEOMETRY, LESION)
    assert found.value == pytest.approx(2.563 * sigma_mm, rel=0.06)
    assert found.unit == "mm"


def test_each_direction_sees_its_own_blur() -> None:
    strain = blurred(1.0, 0.3)
    axial = edge_width(strain, GEOMETRY, LESION, direction="axial").value
    lateral = edge_width(strain, GEOMETRY, LESION, direction="lateral").value
    assert axial == pytest.approx(2.56, rel=0.12)
    assert lateral < 0.6 * axial


def test_the_outline_need_not_be_exact_and_may_be_an_ellipse() -> None:
    turned = Ellipse(1e-3, 15e-3, 7e-3, 4e-3, 30.0)
    strain = blurred(0.5, 0.5, turned)
    exact = edge_width(strain, GEOMETRY, turned).value
    rough = edge_width(strain, GEOMETRY, Ellipse(1e-3, 15e-3, 6.6e-3, 3.77e-3, 30.0)).value
    assert exact == pytest.approx(2.563 * 0.5, rel=0.15)
    assert rough == pytest.approx(exact, rel=0.15)


def test_more_smoothing_is_a_wider_edge() -> None:
    widths = [edge_width(blurred(sigma, 0.2), GEOMETRY, LESION).value for sigma in (0.2, 0.5, 1.0)]
    assert widths == sorted(widths)


def test_no_edge_is_a_reason() -> None:
    random = np.random.default_rng(0)
    assert edge_width(np.full(SHAPE, -0.01, np.float32), GEOMETRY, LESION).reason == "no_edge"
    noise = random.standard_normal(SHAPE).astype(np.float32)
    assert edge_width(noise, GEOMETRY, LESION).reason == "no_edge"
    gone = edge_width(np.full(SHAPE, np.nan, np.float32), GEOMETRY, LESION)
    assert gone.reason == "too_few"
    assert math.isnan(gone.value)
