"""E/B size ratio: areas and diameters of two ellipses, and what is missing."""

import math

import pytest

from engine.metrics.base import Measurement, MetricInput, measure
from engine.metrics.reasons import explain
from engine.types import Ellipse, Geometry

LESION = Ellipse(0.0, 20e-3, 5e-3, 4e-3)
GEOMETRY = Geometry(40e6, 5e6, 1540.0, 0.3e-3)


def size_ratios(target: Ellipse | None, lesion: Ellipse | None) -> dict[str, Measurement]:
    """All metrics that need no strain."""
    found = measure(MetricInput(GEOMETRY, target=target, lesion=lesion))
    assert list(found) == ["eb_area_ratio", "eb_diameter_ratio"]
    return found


def test_the_same_outline_gives_one() -> None:
    for entry in size_ratios(LESION, LESION).values():
        assert entry.value == 1.0
        assert not entry.reason


def test_area_goes_with_the_square_of_the_diameter() -> None:
    larger = Ellipse(1e-3, 19e-3, 6e-3, 4.8e-3, 30.0)
    found = size_ratios(larger, LESION)
    assert found["eb_diameter_ratio"].value == pytest.approx(1.2)
    assert found["eb_area_ratio"].value == pytest.approx(1.44)


def test_the_longer_axis_counts_whichever_it_is() -> None:
    upright = Ellipse(0.0, 20e-3, 4e-3, 10e-3)
    assert size_ratios(upright, LESION)["eb_diameter_ratio"].value == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("target", "lesion", "reason"),
    [(None, LESION, "not_drawn"), (LESION, None, "no_outline"), (None, None, "not_drawn")],
)
def test_what_is_missing_is_said(target: Ellipse | None, lesion: Ellipse | None, reason: str) -> None:
    for entry in size_ratios(target, lesion).values():
        assert math.isnan(entry.value)
        assert entry.reason == reason
        assert explain(entry.reason) != reason
