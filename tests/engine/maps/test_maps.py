"""Every registered map: it says all of itself, is made from a frame alone, and is the exact one of a uniform motion."""

from dataclasses import replace

import numpy as np
import pytest

from engine.errors import MethodError, ParameterError
from engine.figures.compose import Choices, compose, compose_frames, compose_sheet
from engine.maps.base import MAPS, MapInput, markdown_table
from engine.maps.components import components
from engine.metrics.map_values import map_metrics
from engine.quantity import AXIAL_STRAIN
from engine.types import Displacement, Ellipse, FrameEstimate, Geometry, Provenance, Result, Sigma, Strain

GEOMETRY = Geometry(40e6, 5e6, 1540.0, 0.3e-3)
SHAPE = (400, 41)
X, Z = np.meshgrid(GEOMETRY.laterals_m(SHAPE[1]), GEOMETRY.depths_m(SHAPE[0]))
INSIDE = slice(60, -60), slice(8, -8)
MATRIX = np.array([[0.016, 0.004], [0.010, -0.020]])
"""Displacement by place: u = .016 x + .004 z, w = .01 x - .02 z."""
TRUE = {
    "axial-strain": -0.020,
    "lateral-strain": 0.016,
    "shear-strain": 0.007,
    "major-strain": -0.002 + np.hypot(0.018, 0.007),
    "minor-strain": -0.002 - np.hypot(0.018, 0.007),
    "principal-angle": np.arctan2(0.014, 0.036) / 2,
    "max-shear": np.hypot(0.018, 0.007),
    "rotation": np.arctan2(0.006, 2 - 0.004),
    "poisson": 0.8,
    "quality": 0.99,
    "sigma": 1e-4,
    "truth": -0.019,
    "error": -0.001,
    "modulus": 2.0,
}


def estimate(sigma: float = 1e-4) -> FrameEstimate:
    lateral, axial = (np.asarray(row[0] * X + row[1] * Z, np.float32) for row in MATRIX)
    constant = {"strain": -0.02, "quality": 0.99, "sigma": sigma}
    maps = {name: np.full(SHAPE, value, np.float32) for name, value in constant.items()}
    return FrameEstimate(
        0,
        1,
        Displacement(axial, lateral, GEOMETRY),
        Strain(maps["strain"], GEOMETRY, 2e-3),
        maps["quality"],
        Sigma(maps["sigma"], maps["sigma"], maps["sigma"]),
    )


def source(found: FrameEstimate | None = None) -> MapInput:
    found = found or estimate()
    true = replace(found, strain=replace(found.strain, axial=np.full(SHAPE, -0.019, np.float32)))
    return MapInput(found, "ncc", true, np.full(SHAPE, 2.0, np.float32))


def result() -> Result:
    made = Provenance("ncc", {"strain_method": "least-squares"}, "", "0", "")
    return Result((1, *SHAPE), GEOMETRY, 0, (1,), made, lambda _row: estimate())


@pytest.mark.parametrize("name", MAPS.names())
def test_a_map_is_exact_and_says_what_it_is(name: str) -> None:
    entry = MAPS.get(name)
    values = entry.of(source())
    assert (values.shape, values.dtype) == (SHAPE, np.float32)
    if name in TRUE:
        assert values[INSIDE] == pytest.approx(np.full_like(values[INSIDE], TRUE[name]), abs=2e-5)
    assert entry.title
    assert entry.help
    assert entry.formula
    assert entry.quantity.unit in entry.quantity.label
    assert f"| `{name}` |" in markdown_table()


def test_a_ratio_of_strains_is_shown_only_where_both_are_surely_there() -> None:
    assert np.isnan(MAPS.get("poisson").of(source(estimate(sigma=1e-2)))).all()


def test_what_a_frame_lacks_is_said() -> None:
    poor = MapInput(replace(estimate(), sigma=None), "ncc")
    for name in ("sigma", "poisson", "truth", "error", "modulus"):
        with pytest.raises(ParameterError, match=f"no map {name}: "):
            MAPS.get(name).of(poor)
    assert set(components(poor.estimate, "ncc")) == {"lateral_strain", "shear_strain"}
    with pytest.raises(MethodError, match="no map is called 'x'; there are: axial-strain, lateral-strain"):
        Choices(map="x")


@pytest.mark.parametrize("name", ["lateral-strain", "axial-displacement", "rotation", "principal-angle"])
def test_figures_movies_and_sheets_show_the_same_map(name: str) -> None:
    choices = Choices(map=name)
    choices = replace(choices, marks=replace(choices.marks, target=Ellipse(0.0, 4e-3, 2e-3, 1.5e-3)))
    entry = MAPS.get(name)
    contents = [compose(result(), 1, choices), *compose_frames(result(), choices), compose_sheet(result(), choices)]
    for content in contents:
        assert content.scale.quantity is entry.quantity
        np.testing.assert_array_equal(content.strain[0].strain, entry.of(source()))
        low, high = content.limits()
        shown = entry.quantity.shown(entry.of(source())[INSIDE])
        assert low <= shown.min()
        assert high >= shown.max()
    numbers = contents[0].strain[0].metrics
    wanted = map_metrics(entry.of(source()), entry.quantity, GEOMETRY, choices.marks.target, None)
    assert numbers["map_mean_target"].value == wanted["map_mean_target"].value
    assert numbers["map_mean_target"].unit == entry.quantity.unit
    caption = contents[0].strain[0].caption
    assert caption.startswith(entry.quantity.label)
    assert ("4 mm across the lines" in caption) == entry.across


def test_axial_strain_is_what_is_shown_without_a_choice() -> None:
    assert Choices().map == AXIAL_STRAIN
    assert compose(result(), 1).scale.quantity.name == "compressive"


def test_green_lagrange_strain_is_named_in_the_caption() -> None:
    made = result()
    turned = estimate()
    turned = replace(turned, strain=replace(turned.strain, measure="green-lagrange"))
    made = replace(made, read_frame=lambda _row: turned)
    assert "Green-Lagrange strain" in compose(made, 1, Choices(map="shear-strain")).strain[0].caption
