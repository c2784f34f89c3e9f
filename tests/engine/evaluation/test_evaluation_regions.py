"""Ellipses of an evaluation, from labels."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.evaluation.regions import CLEARANCE_M, evaluation_regions, inclusion_outline
from engine.types import Ellipse, Geometry

GEOMETRY = Geometry(40e6, 5e6, 1540.0, 0.2e-3)
SHAPE = (1600, 180)


def labels(*ellipses: Ellipse) -> NDArray[np.int32]:
    found = np.zeros(SHAPE, np.int32)
    for number, ellipse in enumerate(ellipses, start=1):
        found[ellipse.mask(SHAPE, GEOMETRY)] = number
    return found


@pytest.mark.parametrize("angle", [-60.0, 0.0, 25.0, 80.0])
def test_outline_of_an_ellipse_is_found_from_its_moments(angle: float) -> None:
    drawn = Ellipse(2e-3, 15e-3, 4e-3, 2.5e-3, angle)
    found = inclusion_outline(drawn.mask(SHAPE, GEOMETRY), GEOMETRY)
    assert found is not None
    assert (found.lateral_m, found.depth_m) == pytest.approx((2e-3, 15e-3), abs=0.05e-3)
    assert (found.semi_lateral_m, found.semi_axial_m) == pytest.approx((4e-3, 2.5e-3), rel=0.01)
    assert math.cos(math.radians(found.angle_deg - angle)) ** 2 == pytest.approx(1.0, abs=1e-3)


def test_target_is_the_largest_and_background_its_equal_beside_it() -> None:
    regions = evaluation_regions(labels(Ellipse(-8e-3, 10e-3, 2e-3, 2e-3), Ellipse(3e-3, 18e-3, 4e-3, 4e-3)), GEOMETRY)
    assert regions.target is not None
    assert regions.background is not None
    assert regions.target.semi_axial_m == pytest.approx(0.7 * 4e-3, rel=0.01)
    assert regions.background.depth_m == regions.target.depth_m
    assert regions.background.area_m2 == regions.target.area_m2
    gap = abs(regions.background.lateral_m - regions.target.lateral_m)
    assert gap >= 4e-3 + 0.7 * 4e-3 + CLEARANCE_M - 0.1e-3


def test_background_narrows_before_it_gives_up() -> None:
    wide = evaluation_regions(labels(Ellipse(0.0, 15e-3, 8e-3, 4e-3)), GEOMETRY)
    assert wide.target is not None
    assert wide.background is not None
    assert wide.background.area_m2 < wide.target.area_m2
    assert evaluation_regions(labels(Ellipse(0.0, 15e-3, 16e-3, 4e-3)), GEOMETRY).background is None


def test_inclusions_cut_by_the_border_are_no_targets() -> None:
    assert evaluation_regions(labels(Ellipse(18e-3, 15e-3, 4e-3, 4e-3)), GEOMETRY).target is None
    assert evaluation_regions(labels(), GEOMETRY).target is None
