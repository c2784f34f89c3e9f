import numpy as np
import pytest

from engine.metrics.overlap import boundary_distance_mm, dice, lesion_shapes
from engine.types import Ellipse, Geometry, Map

GEOMETRY = Geometry(40e6, 5e6, 1540.0, 0.2e-3)
SHAPE = (1200, 120)
LESION = Ellipse(0.0, 11e-3, 5e-3, 4e-3, 30.0)


def drawn(ellipse: Ellipse, inside: float = -0.005, outside: float = -0.01) -> Map:
    return np.where(ellipse.mask(SHAPE, GEOMETRY), inside, outside).astype(np.float32)


@pytest.mark.parametrize("inside", [-0.005, -0.02])
def test_the_true_outline_overlaps_whole_whether_soft_or_stiff(inside: float) -> None:
    shapes = lesion_shapes(drawn(LESION, inside), GEOMETRY, LESION)
    assert dice(shapes) > 0.985
    assert boundary_distance_mm(shapes) < 0.12


def test_a_larger_outline_overlaps_by_its_area_and_lies_apart_by_its_margin() -> None:
    disc, larger = Ellipse(0.0, 11e-3, 4e-3, 4e-3), Ellipse(0.0, 11e-3, 5e-3, 5e-3)
    shapes = lesion_shapes(drawn(larger), GEOMETRY, disc)
    assert dice(shapes) == pytest.approx(2 * 16 / (16 + 25), abs=0.01)
    assert boundary_distance_mm(shapes) == pytest.approx(1.0, abs=0.12)


def test_specks_elsewhere_and_holes_do_not_count() -> None:
    strain = drawn(LESION)
    strain[550:570, 58:62] = -0.01
    strain[:100, :30] = -0.005
    assert dice(lesion_shapes(strain, GEOMETRY, LESION)) > 0.985


def test_a_map_that_draws_no_lesion_says_why() -> None:
    assert lesion_shapes(np.full(SHAPE, -0.01, np.float32), GEOMETRY, LESION).reason == "zero_variance"
    assert lesion_shapes(np.full(SHAPE, np.nan, np.float32), GEOMETRY, LESION).reason == "too_few"
