"""Region templates: kept and read back, fitted into an image, and what is said of a damaged file."""

import json
from pathlib import Path

import pytest

from app.features.templates.storage import TemplateError, delete_template, fitted, load_templates, save_template
from app.state import Regions
from engine.types import Ellipse

TARGET = Ellipse(-2e-3, 12.5e-3, 3e-3, 2e-3, 20.0)
LESION = Ellipse(-2e-3, 12e-3, 2.5e-3, 1.5e-3)
EDGES = (-10e-3, 0.0, 20e-3, 30e-3)


@pytest.fixture(name="path")
def fixture_path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "regions.json"


def test_regions_come_back(path: Path) -> None:
    assert load_templates(path) == {}
    save_template("breast  9 MHz ", Regions(TARGET, None, LESION), path)
    save_template("other", Regions(background=TARGET), path)
    found = load_templates(path)
    assert list(found) == ["breast 9 MHz", "other"]
    assert found["breast 9 MHz"].background is None
    for wanted, ellipse in ((TARGET, found["breast 9 MHz"].target), (LESION, found["breast 9 MHz"].lesion)):
        assert ellipse is not None
        assert vars(ellipse) == pytest.approx(vars(wanted))
    stored = json.loads(path.read_text(encoding="utf-8"))["templates"]["other"]["background"]
    assert (stored["depth_mm"], stored["semi_lateral_mm"]) == (12.5, 3.0)
    delete_template("other", path)
    delete_template("never there", path)
    assert list(load_templates(path)) == ["breast 9 MHz"]


def test_a_name_and_a_region_are_needed(path: Path) -> None:
    with pytest.raises(TemplateError, match="name"):
        save_template("  ", Regions(TARGET), path)
    with pytest.raises(TemplateError, match="no region"):
        save_template("empty", Regions(), path)
    assert not path.exists()


@pytest.mark.parametrize(
    "content",
    [
        "no json",
        "[1, 2]",
        '{"format": "other"}',
        '{"templates": {"a": {"target": {"lateral_mm": 1}}}}',
        '{"templates": {"a": {"target": {"lateral_mm": 1, "depth_mm": 2, "semi_lateral_mm": -1, "semi_axial_mm": 1}}}}',
        '{"templates": {"a": {"elsewhere": {}}}}',
        "[" * 100_000,
    ],
)
def test_a_damaged_file_is_one_line_and_is_kept(path: Path, content: str) -> None:
    path.parent.mkdir()
    path.write_text(content, encoding="utf-8")
    with pytest.raises(TemplateError) as caught:
        load_templates(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    with pytest.raises(TemplateError):
        save_template("new", Regions(TARGET), path)
    assert path.read_text(encoding="utf-8") == content


def test_an_ellipse_inside_stays() -> None:
    assert fitted(TARGET, EDGES) == TARGET


@pytest.mark.parametrize("place", [(-20e-3, 5e-3), (20e-3, 5e-3), (0.0, -5e-3), (0.0, 50e-3), (30e-3, 50e-3)])
def test_an_ellipse_outside_is_shifted_to_the_edge(place: tuple[float, float]) -> None:
    moved = fitted(Ellipse(*place, 3e-3, 2e-3, 20.0), EDGES)
    across, down = moved.reach_m
    assert moved.area_m2 == pytest.approx(TARGET.area_m2)
    assert EDGES[0] - 1e-9 <= moved.lateral_m - across <= moved.lateral_m + across <= EDGES[0] + EDGES[2] + 1e-9
    assert EDGES[1] - 1e-9 <= moved.depth_m - down <= moved.depth_m + down <= EDGES[1] + EDGES[3] + 1e-9


def test_an_ellipse_too_large_is_made_smaller_in_its_shape() -> None:
    large = Ellipse(0.0, 5e-3, 40e-3, 20e-3, 10.0)
    smaller = fitted(large, EDGES)
    assert smaller.semi_lateral_m / smaller.semi_axial_m == pytest.approx(2.0)
    assert smaller.reach_m[0] <= 10e-3 + 1e-9
