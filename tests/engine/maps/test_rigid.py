"""Rigid motion is what a shifted and turned frame did, and nothing of it is left once it is removed."""

from dataclasses import replace

import numpy as np
import pytest

from engine.figures.compose import Choices, compose
from engine.figures.options import Shown
from engine.maps.base import MAPS, MapInput
from engine.maps.rigid import without_rigid
from engine.types import Displacement, FrameEstimate, Geometry, Provenance, Result, Strain

GEOMETRY = Geometry(40e6, 5e6, 1540.0, 0.3e-3)
SHAPE = (300, 31)
X, Z = np.meshgrid(GEOMETRY.laterals_m(SHAPE[1]), GEOMETRY.depths_m(SHAPE[0]))
TURN = np.radians(3.0)


def moved(stretch: float = 0.0) -> Displacement:
    """Shifted by 0.2 mm to the right and 0.1 mm down, turned by 3 degrees about the middle, and stretched laterally."""
    x, z = X - X.mean(), Z - Z.mean()
    lateral = (1 + stretch) * x
    u = np.cos(TURN) * lateral - np.sin(TURN) * z - x + 2e-4
    w = np.sin(TURN) * lateral + np.cos(TURN) * z - z + 1e-4
    w[:20] = np.nan
    return Displacement(w.astype(np.float32), u.astype(np.float32), GEOMETRY)


def test_shift_and_turning_are_found_and_taken_off() -> None:
    rest, rigid = without_rigid(moved())
    assert np.degrees(rigid.angle_rad) == pytest.approx(3.0, abs=1e-3)
    assert np.nanmax(np.abs(rest.axial_m)) < 1e-8
    assert np.nanmax(np.abs(rest.lateral_m[20:])) < 1e-8
    assert "+3\N{DEGREE SIGN}" in rigid.words()
    stretched, rigid = without_rigid(moved(0.01))
    assert np.degrees(rigid.angle_rad) == pytest.approx(3.0, abs=0.01)
    assert np.nanmax(stretched.lateral_m) == pytest.approx(0.01 * X.max(), rel=0.02)


def test_figures_show_it_on_demand_and_say_what_was_removed() -> None:
    zero = np.zeros(SHAPE, np.float32)
    estimate = FrameEstimate(0, 1, moved(), Strain(zero, GEOMETRY, 2e-3), zero + 1)
    made = Provenance("ncc", {}, "", "0", "")
    result = Result((1, *SHAPE), GEOMETRY, 0, (1,), made, lambda _row: estimate)
    choices = Choices(Shown(remove_rigid=True), "axial-displacement")
    content = compose(result, 1, choices)
    assert np.nanmax(np.abs(content.strain[0].strain)) < 1e-8
    assert any(words.startswith("Rigid motion removed: +0.") and "+3" in words for words in content.remarks)
    plain = compose(result, 1, replace(choices, shown=Shown()))
    assert plain.remarks == ()
    entry = MAPS.get("axial-displacement")
    np.testing.assert_array_equal(plain.strain[0].strain, entry.of(MapInput(estimate, "ncc")))
