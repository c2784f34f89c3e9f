"""The figure of a comparison: both maps, their difference with its sign, the numbers of both, and both provenances."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.errors import ParameterError
from engine.figures.content import ColorScale, FigureContent, Marks, StrainPanel, difference_of
from engine.figures.draw import draw
from engine.figures.options import FigureOptions
from engine.figures.save import save_figure
from engine.figures.words import numbers_table
from engine.metrics.contrast import region_metrics
from engine.quantity import QUANTITIES, strain_quantity
from engine.types import Ellipse, Geometry, Map, Provenance

GEOMETRY = Geometry(40e6, 5e6, 1540.0, 0.3e-3, start_depth_m=2e-3)
SHAPE = (500, 60)
TARGET, BACKGROUND = Ellipse(-3e-3, 7e-3, 2e-3, 1.5e-3, 20.0), Ellipse(4e-3, 7e-3, 2e-3, 2e-3)
FIRST = Provenance("ncc", {"method": {"levels": 3}}, "", "0.1.0", "ab" * 32)
SECOND = Provenance("glue", {"method": {"alpha": 5}}, "", "0.1.0", "ab" * 32)


def panel(title: str, compression: float, seed: int, source: Provenance) -> StrainPanel:
    random = np.random.default_rng(seed)
    strain: Map = (-compression + 5e-4 * random.standard_normal(SHAPE)).astype(np.float32)
    strain[TARGET.mask(SHAPE, GEOMETRY)] += np.float32(0.4 * compression)
    numbers = region_metrics(strain, GEOMETRY, TARGET, BACKGROUND)
    return StrainPanel(title, strain, numbers, f"{title}, frame 1 against 0", source)


def shown_difference(content: FigureContent) -> Map:
    found = difference_of(content)
    return found.quantity.shown(found.values)


@pytest.fixture(name="figure")
def fixture_figure() -> FigureContent:
    return FigureContent(
        (panel("NCC", 0.02, 0, FIRST), panel("GLUE", 0.015, 1, SECOND)),
        GEOMETRY,
        marks=Marks(TARGET, BACKGROUND),
        options=FigureOptions(title="Phantom"),
        difference=True,
    )


def test_the_difference_is_a_minus_b_in_the_sign_that_is_shown(figure: FigureContent) -> None:
    shown = shown_difference(figure)
    assert float(np.median(shown)) == pytest.approx(0.5, abs=0.05)
    for name, wanted in (("signed", -0.5), ("magnitude", 0.5), ("compressive", 0.5)):
        shown = shown_difference(replace(figure, scale=ColorScale(QUANTITIES[name])))
        assert float(np.median(shown)) == pytest.approx(wanted, abs=0.05), name
    relative = replace(figure, scale=ColorScale(strain_quantity("compressive", relative=True)))
    assert "no unit" in difference_of(relative).quantity.label


def test_three_maps_in_true_proportions_with_two_bars_and_all_regions(figure: FigureContent) -> None:
    drawn = draw(figure)
    maps = {axes.get_title(loc="left"): axes for axes in drawn.axes if axes.get_title(loc="left")}
    assert list(maps) == ["A: NCC", "B: GLUE", "A \N{MINUS SIGN} B"]
    for axes in maps.values():
        assert len(axes.patches) == 2
        assert axes.get_xlabel() == "Lateral (mm)"
        box = axes.get_position()
        size = box.width * drawn.get_figwidth(), box.height * drawn.get_figheight()
        width, height = np.ptp(axes.get_xlim()), np.ptp(axes.get_ylim())
        assert size[0] / size[1] == pytest.approx(width / height, rel=1e-6)
    bars = [axes.get_ylabel() for axes in drawn.axes if not axes.get_title(loc="left")]
    assert bars == ["Compressive strain (%)", "Difference of strain (%)"]
    first, second = (maps[title].images[0].get_clim() for title in ("A: NCC", "B: GLUE"))
    assert first == second
    low, high = maps["A \N{MINUS SIGN} B"].images[0].get_clim()
    assert low == -high


def test_the_numbers_of_both_and_their_difference(figure: FigureContent) -> None:
    heading, first, second, gap = numbers_table(figure)
    column = heading.index("CNR")
    values = [entry.metrics["cnr"].value for entry in figure.strain]
    assert first[column].startswith(f"{values[0]:.3g}")
    assert second[column].startswith(f"{values[1]:.3g}")
    assert float(gap[column].replace("\N{MINUS SIGN}", "-")) == pytest.approx(values[0] - values[1], rel=0.01)
    words = [text.get_text() for text in draw(figure).texts]
    assert {"A", "B", "A \N{MINUS SIGN} B", "Phantom"} <= set(words)
    bare = replace(figure, strain=tuple(StrainPanel(entry.title, entry.strain) for entry in figure.strain))
    assert numbers_table(bare) == []


def test_both_provenances_are_in_the_file_and_both_maps_in_the_caption(figure: FigureContent, tmp_path: Path) -> None:
    save_figure(figure, tmp_path / "c.png", dpi=60)
    with Image.open(tmp_path / "c.png") as image:
        text = image.info["Description"]
        pixels = np.asarray(image.convert("L"))
    assert text.startswith("A: program: strainscope 0.1.0; method: ncc")
    assert "B: program: strainscope 0.1.0; method: glue" in text
    for edge in (pixels[:3], pixels[-3:], pixels[:, :3], pixels[:, -3:]):
        assert edge.min() == 255
    small = " ".join(entry.get_text() for entry in draw(figure).texts)
    assert "A: NCC, frame 1 against 0; B: GLUE, frame 1 against 0." in small


@pytest.mark.parametrize("suffix", [".pdf", ".svg", ".tif"])
def test_every_format_is_written(figure: FigureContent, tmp_path: Path, suffix: str) -> None:
    save_figure(figure, tmp_path / f"c{suffix}", dpi=50)
    assert (tmp_path / f"c{suffix}").stat().st_size > 2000


def test_equal_maps_have_limits_too(figure: FigureContent) -> None:
    same = replace(figure, strain=(figure.strain[0],) * 2)
    assert difference_of(same).limits == (-1.0, 1.0)
    draw(same)


def test_a_comparison_is_of_two_maps_of_one_grid(figure: FigureContent) -> None:
    with pytest.raises(ParameterError, match="of two maps"):
        replace(figure, strain=figure.strain[:1])
    with pytest.raises(ParameterError, match="one shape"):
        replace(figure, strain=(figure.strain[0], StrainPanel("other", np.zeros((3, 3), np.float32))))
