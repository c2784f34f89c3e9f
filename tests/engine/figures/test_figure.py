import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib import colors
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.patches import Ellipse as EllipsePatch
from PIL import Image

from engine.errors import ParameterError, WriteError
from engine.figures.content import BmodePanel, ColorScale, FigureContent, Marks, StrainPanel, suggest_limits
from engine.figures.draw import draw
from engine.figures.options import FigureOptions
from engine.figures.panels import bar_ticks
from engine.figures.save import save_figure
from engine.metrics.contrast import region_metrics
from engine.metrics.profile import ProfileLine
from engine.quantity import QUANTITIES
from engine.types import Ellipse, Geometry, Map, Provenance, Sector

GEOMETRY = Geometry(40e6, 5e6, 1540.0, 0.3e-3, start_depth_m=2e-3)
SHAPE = (500, 60)
TARGET = Ellipse(-3e-3, 7e-3, 2e-3, 1.5e-3, 20.0)
BACKGROUND = Ellipse(4e-3, 7e-3, 2e-3, 2e-3)
PROVENANCE = Provenance("ncc", {"method": {"levels": 3}}, "", "0.1.0", "ab" * 32)


def strain_map() -> Map:
    random = np.random.default_rng(0)
    strain = -0.02 + 1e-3 * random.standard_normal(SHAPE)
    strain[TARGET.mask(SHAPE, GEOMETRY)] += 0.012
    strain[:20] = np.nan
    return strain.astype(np.float32)


def with_options(content: FigureContent, **options: object) -> FigureContent:
    return replace(content, options=replace(content.options, **options))  # type: ignore[arg-type]


@pytest.fixture(name="content")
def fixture_content() -> FigureContent:
    strain = strain_map()
    bmode = np.linspace(-60, 0, strain.size, dtype=np.float32).reshape(SHAPE)
    numbers = region_metrics(strain, GEOMETRY, TARGET, BACKGROUND)
    return FigureContent(
        (StrainPanel("NCC", strain, numbers, "NCC, 2 mm least-squares window, frame 9 against 0", PROVENANCE),),
        GEOMETRY,
        BmodePanel(bmode),
        ColorScale(limits=(0.0, 2.5)),
        Marks(TARGET, BACKGROUND),
        FigureOptions(title="Phantom"),
    )


@pytest.mark.parametrize("suffix", [".png", ".pdf", ".svg", ".tif"])
def test_every_format_is_written_and_twice_the_same(content: FigureContent, tmp_path: Path, suffix: str) -> None:
    for name in ("one", "two"):
        save_figure(content, tmp_path / f"{name}{suffix}", dpi=50)
    first, second = ((tmp_path / f"{name}{suffix}").read_bytes() for name in ("one", "two"))
    assert first == second
    magic = {".png": b"\x89PNG", ".pdf": b"%PDF", ".svg": b"<?xml", ".tif": b"II*\0"}
    assert first.startswith(magic[suffix])


def test_the_resolution_and_the_provenance_are_in_the_file(content: FigureContent, tmp_path: Path) -> None:
    save_figure(content, tmp_path / "f.png", dpi=100)
    with Image.open(tmp_path / "f.png") as image:
        assert image.info["dpi"] == pytest.approx((100, 100), abs=0.1)
        assert "method: ncc" in image.info["Description"]
        assert "ab" * 32 in image.info["Description"]
    save_figure(content, tmp_path / "f.tif", dpi=100)
    with Image.open(tmp_path / "f.tif") as image:
        assert image.info["dpi"] == pytest.approx((100, 100), abs=0.1)
        assert "method: ncc" in image.tag_v2[270]


def test_images_reach_half_a_pixel_beyond_the_outer_centres_in_true_proportions(content: FigureContent) -> None:
    figure = draw(content)
    axes = [entry for entry in figure.axes if entry.get_title(loc="left") in {"B-mode", "NCC"}]
    assert len(axes) == 2
    for entry in axes:
        left, right = entry.get_xlim()
        bottom, top = entry.get_ylim()
        assert (left, right) == pytest.approx((-9.0, 9.0))
        spacing = 1540 / 80e6 * 1e3
        assert (top, bottom) == pytest.approx((2 - spacing / 2, 2 + 499.5 * spacing))
        box = entry.get_position()
        size = box.width * figure.get_figwidth(), box.height * figure.get_figheight()
        assert size[0] / size[1] == pytest.approx((right - left) / (bottom - top), rel=1e-6)


def test_both_views_carry_both_ellipses_told_apart_by_line_and_letter(content: FigureContent) -> None:
    for axes in draw(content).axes:
        if axes.get_title(loc="left") not in {"B-mode", "NCC"}:
            continue
        target, background = [patch for patch in axes.patches if isinstance(patch, EllipsePatch)]
        assert target.get_center() == pytest.approx((-3.0, 7.0))
        assert (target.width, target.height, target.angle) == pytest.approx((4.0, 3.0, 20.0))
        assert target.get_linestyle() != background.get_linestyle()
        assert [text.get_text() for text in axes.texts] == ["T", "B"]


def test_the_drawn_ellipse_covers_the_masked_pixels(content: FigureContent) -> None:
    """Matplotlib and the mask must turn the same way: depth grows downwards in both."""
    axes = draw(content).axes[0]
    patch = next(entry for entry in axes.patches if isinstance(entry, EllipsePatch))
    rows, lines = np.nonzero(TARGET.mask(SHAPE, GEOMETRY))
    points = np.stack([GEOMETRY.laterals_m(60)[lines], GEOMETRY.depths_m(500)[rows]], axis=1) * 1e3
    inside = patch.get_path().contains_points(patch.get_patch_transform().inverted().transform(points), radius=1e-3)
    assert inside.mean() > 0.99


def test_a_profile_line_is_drawn_on_the_strain_alone(content: FigureContent) -> None:
    plain = draw(content)
    line = ProfileLine(-3e-3, 10e-3, 3e-3, 18e-3)
    for before, axes in zip(
        plain.axes, draw(replace(content, marks=replace(content.marks, profile=line))).axes, strict=True
    ):
        drawn = [entry.get_xydata() for entry in axes.lines if len(np.asarray(entry.get_xydata())) == 2]
        on_strain = axes.get_title(loc="left") in {panel.title for panel in content.strain}
        assert len(drawn) == on_strain
        assert (axes.get_xlim(), axes.get_ylim()) == (before.get_xlim(), before.get_ylim())
        if on_strain:
            np.testing.assert_allclose(np.asarray(drawn[0]), [[-3, 10], [3, 18]])
            assert {"0", "10.0 mm"} <= {text.get_text() for text in axes.texts}


def test_the_colour_bar_says_unit_limits_and_direction(content: FigureContent) -> None:
    figure = draw(content)
    bar = next(axes for axes in figure.axes if axes.get_ylabel() == "Compressive strain (%)")
    assert bar.get_ylim() == pytest.approx((0.0, 2.5))
    words = " ".join(" ".join(text.get_text() for text in figure.texts).split())
    for wanted in ("soft / high strain", "stiff / low strain", "SNRt", "CNR", "dB", "no valid estimate", "Phantom"):
        assert wanted in words


def test_compression_is_shown_positive(content: FigureContent) -> None:
    axes = next(entry for entry in draw(content).axes if entry.get_title(loc="left") == "NCC")
    shown = axes.images[0].get_array()
    assert shown is not None
    assert float(np.ma.median(shown)) == pytest.approx(2.0, abs=0.1)


def test_missing_numbers_are_dashes_with_a_reason(content: FigureContent) -> None:
    tiny = replace(TARGET, semi_lateral_m=1e-4, semi_axial_m=1e-4)
    strain = strain_map()
    panel = StrainPanel("NCC", strain, region_metrics(strain, GEOMETRY, tiny, None))
    words = " ".join(text.get_text() for text in draw(replace(content, strain=(panel,))).texts)
    assert "–" in words
    assert "too few valid pixels" in words
    assert "SNR (B)" not in words


def test_a_scale_bar_replaces_the_axes(content: FigureContent) -> None:
    axes = draw(with_options(content, scale_bar=True)).axes[0]
    assert axes.get_xlabel() == ""
    assert len(axes.get_xticks()) == 0
    assert any(type(artist).__name__ == "ScaleBar" for artist in axes.artists)


def test_nothing_is_cut_off(content: FigureContent, tmp_path: Path) -> None:
    """The outermost pixels of every side stay white, in the widest and the narrowest figure."""
    bare = with_options(replace(content, bmode=None), caption=False)
    two = replace(content, strain=content.strain * 2)
    lined = replace(content, marks=Marks(TARGET, BACKGROUND, TARGET, ProfileLine(-8e-3, 4e-3, 8.9e-3, 11e-3)))
    narrow = [
        with_options(lined, width=width, font_size_pt=size) for width in ("column", "page") for size in (6.0, 11.0)
    ]
    fan = replace(content, geometry=replace(GEOMETRY, sector=Sector(40e-3, 0.01)))
    for index, each in enumerate((bare, two, with_options(fan, scale_bar=True), *narrow)):
        path = tmp_path / f"{index}.png"
        save_figure(each, path, dpi=50)
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("L"))
        for edge in (pixels[:3], pixels[-3:], pixels[:, :3], pixels[:, -3:]):
            assert edge.min() == 255, index


def test_other_colour_maps_and_reversed_ones(content: FigureContent) -> None:
    plain, turned = (
        draw(replace(content, scale=ColorScale(colormap=name))).axes[2].images[0].get_cmap()
        for name in ("viridis", "viridis_r")
    )
    assert isinstance(plain, colors.Colormap)
    assert plain(0.0) == pytest.approx(turned(1.0), abs=0.02)
    with pytest.raises(ParameterError, match="no colour map"):
        draw(replace(content, scale=ColorScale(colormap="nonsense")))


def test_impossible_figures_are_one_line(content: FigureContent, tmp_path: Path) -> None:
    with pytest.raises(WriteError, match=r"ends in .png"):
        save_figure(content, tmp_path / "f.bmp")
    with pytest.raises(ParameterError, match="dpi"):
        save_figure(content, tmp_path / "f.png", dpi=5000)
    with pytest.raises(ParameterError, match="one shape"):
        replace(content, bmode=BmodePanel(np.zeros((3, 3), np.float32)))
    with pytest.raises(ParameterError, match="lower limit"):
        ColorScale(limits=(2.0, 1.0))
    with pytest.raises(WriteError, match="folder"):
        save_figure(content, tmp_path / "absent" / "f.png")
    assert list(tmp_path.iterdir()) == []


def test_suggested_limits_are_round_and_hold_nearly_all() -> None:
    compressed = np.linspace(-0.02, -0.01, 1000, dtype=np.float32)[:, None]
    assert suggest_limits(compressed) == (1.0, 2.0)
    assert suggest_limits(-compressed) == (-2.0, -1.0)
    low, high = suggest_limits(-compressed, quantity=QUANTITIES["signed"])
    assert low == -high
    assert suggest_limits(np.full((5, 5), np.nan, np.float32)) == (0.0, 1.0)


def test_the_caption_is_in_words_and_the_settings_go_beside(content: FigureContent, tmp_path: Path) -> None:
    words = " ".join(text.get_text() for text in draw(content).texts)
    assert "NCC, 2 mm least-squares window, frame 9 against 0." in words
    assert "{" not in words
    assert "frame 9" not in " ".join(text.get_text() for text in draw(with_options(content, caption=False)).texts)
    save_figure(content, tmp_path / "f.png", dpi=50)
    assert [path.name for path in tmp_path.iterdir()] == ["f.png"]
    save_figure(with_options(content, settings=True), tmp_path / "f.png", dpi=50)
    told = json.loads((tmp_path / "f.json").read_text())
    assert told["maps"][0]["source"]["parameters"] == {"method": {"levels": 3}}
    assert told["scale"]["limits"] == [0.0, 2.5]
    assert told["marks"]["target"]["angle_deg"] == 20.0


def test_text_of_an_svg_stays_text(content: FigureContent, tmp_path: Path) -> None:
    save_figure(content, tmp_path / "f.svg")
    text = (tmp_path / "f.svg").read_text()
    assert text.count("<text") > 20
    assert ">Compressive strain (%)<" in text


@pytest.mark.parametrize("width", ["column", "page"])
def test_a_figure_is_as_wide_as_a_journal_wants(content: FigureContent, width: str) -> None:
    figure = draw(with_options(content, width=width))
    assert figure.get_figwidth() == pytest.approx({"column": 89 / 25.4, "page": 183 / 25.4}[width])
    panels = [axes.get_position() for axes in figure.axes if axes.get_title(loc="left") in {"B-mode", "NCC"}]
    stacked = panels[0].x0 == panels[1].x0
    assert stacked == (width == "column")
    for box in panels:
        assert box.x0 > 0
        assert box.x1 < 1


def test_labels_of_the_line_and_of_regions_stay_inside_their_panel(content: FigureContent) -> None:
    top = Ellipse(0.0, 2.5e-3, 2e-3, 0.8e-3)
    for ends in ((-8e-3, 4e-3, 8.9e-3, 11e-3), (8.9e-3, 11e-3, -8.9e-3, 2.1e-3), (0.0, 11e-3, 8.9e-3, 11.4e-3)):
        marked = replace(content, marks=Marks(top, None, top, ProfileLine(*ends)))
        figure = draw(marked)
        renderer = FigureCanvasAgg(figure).get_renderer()
        for axes in figure.axes:
            if axes.get_title(loc="left") != "NCC":
                continue
            panel = axes.get_window_extent(renderer)
            for text in axes.texts:
                box = text.get_window_extent(renderer)
                assert panel.x0 <= box.x0
                assert box.x1 <= panel.x1
                assert panel.y0 <= box.y0 + 1
                assert box.y1 <= panel.y1 + 1


def test_numbers_of_a_bar_do_not_crowd() -> None:
    for low, high in ((0.1, 0.83), (0.0, 1.0), (-1.0, 1.0), (0.12, 0.13), (-0.031, 2.4)):
        ticks = np.array(bar_ticks(low, high, 0.15))
        assert (ticks[0], ticks[-1]) == (low, high)
        assert np.diff(ticks).min() >= 0.15 * (high - low) * (1 - 1e-9)


def test_a_lesion_is_outlined_and_measured_only_where_there_is_one(content: FigureContent) -> None:
    strain = content.strain[0].strain
    for lesion in (None, Ellipse(-3e-3, 7e-3, 2.5e-3, 2e-3)):
        numbers = region_metrics(strain, GEOMETRY, TARGET, BACKGROUND, lesion=lesion)
        drawn = draw(
            replace(content, strain=(StrainPanel("NCC", strain, numbers),), marks=Marks(TARGET, BACKGROUND, lesion))
        )
        words = " ".join(text.get_text() for text in drawn.texts)
        letters = [text.get_text() for axes in drawn.axes for text in axes.texts]
        assert ("E/B" in words) == (lesion is not None)
        assert ("L" in letters) == (lesion is not None)


def test_a_long_note_below_a_narrow_figure_is_wrapped_into_it(content: FigureContent) -> None:
    note = "All values are the same, so there is no signal-to-noise ratio, and this note is as long as notes can be."
    narrow = draw(with_options(replace(content, bmode=None, remarks=(note,)), title=""))
    FigureCanvasAgg(narrow)
    lines = [text for text in narrow.texts if text.get_text() and text.get_text() in note]
    assert " ".join(line.get_text() for line in reversed(lines)) == note
    assert len(lines) > 1
    assert all(line.get_window_extent().x1 <= narrow.bbox.x1 for line in lines)
