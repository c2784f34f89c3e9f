"""Regions and maps follow the tissue: known motions, chains of pairs, and what cannot be followed."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.export.table import measure_result
from engine.figures.compose import Choices, compose, compose_comparison, compose_frames, compose_sheet
from engine.figures.content import Marks
from engine.figures.draw import draw
from engine.figures.options import FigureOptions, Shown
from engine.figures.save import save_figure, settings_text
from engine.following import DeformedShape, Tissue, TissuePoints, carried
from engine.types import Displacement, Ellipse, FrameEstimate, Geometry, Provenance, Result, Sector, Strain

GEOMETRY = Geometry(40e6, 5e6, 1540.0, 0.3e-3)
SHAPE = (800, 64)
REGION = Ellipse(2e-3, 6e-3, 2e-3, 1.5e-3, 10.0)
Motion = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def shrink(z: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Axial and lateral motion of 2 % compression that keeps its area."""
    return -0.02 * z, 0.02 * x


def displacement(motion: Motion, geometry: Geometry = GEOMETRY) -> Displacement:
    z, x = np.meshgrid(geometry.depths_m(SHAPE[0]), geometry.laterals_m(SHAPE[1]), indexing="ij")
    axial, lateral = (np.asarray(entry + 0 * z, np.float32) for entry in motion(z, x))
    return Displacement(axial, lateral, geometry)


def result_of(motion: Motion, pairing: str, frames: tuple[int, ...], geometry: Geometry = GEOMETRY) -> Result:
    """Make a result whose every pair moves alike; strain is its depth, so that regions tell where they lie."""
    moved = displacement(motion, geometry)
    depth = np.repeat(-1e-3 * geometry.depths_m(SHAPE[0])[:, None] / 1e-3, SHAPE[1], axis=1).astype(np.float32)

    def read(row: int) -> FrameEstimate:
        frame = frames[row]
        reference = 0 if pairing in {"fixed", "sliding added up"} else frame - 1
        return FrameEstimate(reference, frame, moved, Strain(depth, geometry, 2e-3), np.ones(SHAPE, np.float32))

    made = Provenance("ncc", {"preparation": {"pairing": pairing}}, "", "1", "abc")
    return Result((len(frames), *SHAPE), geometry, 0, frames, made, read)


def test_an_ellipse_moves_with_an_affine_motion_and_back() -> None:
    points = Tissue.of(result_of(shrink, "fixed", (1, 2))).in_frame(2)
    assert points is not None
    moved = points.carried(REGION)
    assert (moved.lateral_m, moved.depth_m) == pytest.approx((1.02 * 2e-3, 0.98 * 6e-3), abs=1e-7)
    assert moved.area_m2 == pytest.approx(1.02 * 0.98 * REGION.area_m2, rel=1e-4)
    rim = np.linspace(0, 2 * np.pi, 40)
    turn = np.radians(REGION.angle_deg)
    x = REGION.lateral_m + 2e-3 * np.cos(rim) * np.cos(turn) - 1.5e-3 * np.sin(rim) * np.sin(turn)
    z = REGION.depth_m + 2e-3 * np.cos(rim) * np.sin(turn) + 1.5e-3 * np.sin(rim) * np.cos(turn)
    for size, inside in ((0.995, True), (1.005, False)):  # the moved rim is the rim of the moved ellipse
        away = moved.lateral_m + size * (1.02 * x - moved.lateral_m), moved.depth_m + size * (0.98 * z - moved.depth_m)
        assert moved.contains(*away).all() == inside
    back = points.brought_back(moved)
    for name in ("lateral_m", "depth_m", "semi_lateral_m", "semi_axial_m"):
        assert getattr(back, name) == pytest.approx(getattr(REGION, name), abs=2e-6)
    assert back.angle_deg == pytest.approx(10.0, abs=0.3)


def test_a_turn_turns_the_ellipse() -> None:
    turn = np.radians(5.0)

    def rotate(z: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.sin(turn) * x + (np.cos(turn) - 1) * z, (np.cos(turn) - 1) * x - np.sin(turn) * z

    points = Tissue.of(result_of(rotate, "fixed", (1,))).in_frame(1)
    assert points is not None
    upright = replace(REGION, semi_lateral_m=1e-3, semi_axial_m=2.5e-3)
    for region in (REGION, upright):
        moved = points.carried(region)
        assert moved.angle_deg == pytest.approx(15.0, abs=0.05)
        assert (moved.semi_lateral_m, moved.semi_axial_m) == pytest.approx(
            (region.semi_lateral_m, region.semi_axial_m), rel=1e-3
        )


def test_sliding_pairs_are_followed_step_by_step_and_gaps_are_not() -> None:
    tissue = Tissue.of(result_of(shrink, "sliding", (1, 2, 3, 5)))
    assert tissue.home == 0
    under, there = tissue.under(3), tissue.in_frame(3)
    assert under is not None
    assert there is not None
    assert under.carried(REGION).depth_m == pytest.approx(0.98**2 * 6e-3, abs=1e-7)
    assert there.carried(REGION).depth_m == pytest.approx(0.98**3 * 6e-3, abs=1e-7)
    assert tissue.in_frame(5) is None
    assert Tissue.of(result_of(shrink, "sliding", (4, 5))).home == 3


def test_regions_without_known_tissue_stay_and_small_ones_take_what_lies_around() -> None:
    nowhere = TissuePoints(np.full((50, 2), np.nan), np.full((50, 2), np.nan))
    assert nowhere.carried(REGION) == REGION
    assert carried((REGION, None, None), None) == (REGION, None, None)
    points = Tissue.of(result_of(shrink, "fixed", (1,))).in_frame(1)
    assert points is not None
    assert points.carried(replace(REGION, semi_lateral_m=2e-4, semi_axial_m=2e-4)).depth_m == pytest.approx(
        0.98 * 6e-3, abs=1e-7
    )


def test_lines_that_fan_out_are_followed_where_they_lie() -> None:
    geometry = replace(GEOMETRY, sector=Sector(40e-3, 0.3e-3 / 45e-3))
    points = Tissue.of(result_of(lambda z, x: (-0.02 * z, 0 * x), "fixed", (1,), geometry)).in_frame(1)
    assert points is not None
    moved = points.carried(Ellipse(0.0, 8e-3, 1e-3, 1e-3))
    assert (moved.lateral_m, moved.depth_m) == pytest.approx((0.0, 0.98 * 8e-3), abs=2e-6)


def test_a_map_in_deformed_shape_lies_where_its_tissue_is() -> None:
    moved = displacement(shrink)
    depths, laterals = GEOMETRY.depths_m(SHAPE[0]), GEOMETRY.laterals_m(SHAPE[1])
    values = (depths[:, None] + 2 * laterals[None, :]).astype(np.float32)
    shown = DeformedShape(moved).shown(values)
    expected = depths[:, None] / 0.98 + 2 * laterals[None, :] / 1.02
    inside = (depths[:, None] / 0.98 < depths[-1]) & (np.abs(laterals) < 0.9 * laterals[-1])
    assert np.abs(shown - expected)[inside].max() < 2e-6
    assert np.isnan(shown[-10:]).all(), "tissue from beyond the frame has no value"
    holed = values.copy()
    holed[300:400, 20:40] = np.nan
    assert np.isnan(DeformedShape(moved).shown(holed)[343, 30])


def test_numbers_are_of_the_tissue_and_say_so() -> None:
    made = result_of(shrink, "sliding", (1, 2, 3))
    followed, left = (measure_result(made, REGION, None, follow=follow) for follow in (True, False))
    name = "mean_target_percent"
    assert followed[2][name] == pytest.approx(0.98**2 * left[2][name], rel=2e-3)
    assert followed[0][name] == left[0][name]
    assert "follow the tissue from frame 0" in str(followed.provenance.parameters)
    torn = measure_result(result_of(shrink, "sliding", (1, 2, 3, 5)), REGION, None, follow=True)
    assert ["not_followed" in {entry.reason for entry in row.warnings} for row in torn.rows] == [False] * 3 + [True]
    fixed = result_of(shrink, "fixed", (1, 2, 3))
    assert measure_result(fixed, REGION, None, follow=True)[2] == measure_result(fixed, REGION, None)[2]


def test_figures_carry_regions_and_maps(tmp_path: Path) -> None:
    made, marks = result_of(shrink, "sliding", (1, 2, 3)), Marks(target=REGION)
    rf = np.random.default_rng(0).standard_normal(SHAPE).astype(np.float32)
    choices = Choices(Shown(follow=True), marks=marks)
    content = compose(made, 3, choices, read_rf=lambda _frame: rf)
    (panel,) = content.strain
    assert panel.marks is not None
    assert panel.marks.target is not None
    assert content.bmode is not None
    assert content.bmode.marks is not None
    assert content.bmode.marks.target is not None
    assert panel.marks.target.depth_m == pytest.approx(0.98**2 * 6e-3, abs=1e-7)
    assert content.bmode.marks.target.depth_m == pytest.approx(0.98**3 * 6e-3, abs=1e-7)
    assert "Regions follow the tissue from frame 0." in content.remarks
    assert "follow the tissue from frame 0" in settings_text(content)
    deformed = compose(made, 3, replace(choices, shown=Shown(deformed=True, overlay=True)), read_rf=lambda _frame: rf)
    assert deformed.strain[0].marks == deformed.bmode.marks  # type: ignore[union-attr]
    assert deformed.strain[0].metrics == content.strain[0].metrics
    assert np.nanmax(np.abs(deformed.strain[0].strain - panel.strain)) > 1e-4
    assert "Drawn in the shape of frame 3." in deformed.remarks
    drawn = [[image.get_alpha() for image in axes.images] for axes in draw(deformed).axes]
    assert [None, 0.5] in drawn, "the map lies over the B-mode"
    reference = Shown(deformed=True, bmode_frame="reference")
    assert compose(made, 3, replace(choices, shown=reference)).strain[0].marks is None
    save_figure(deformed, tmp_path / "deformed.png", dpi=50)


def test_series_and_comparisons_carry_them_too() -> None:
    made = result_of(shrink, "sliding", (1, 2, 3))
    choices = Choices(Shown(deformed=True), marks=Marks(target=REGION), options=FigureOptions(numbers=False))
    first, _, last = compose_frames(made, choices)
    assert first.strain[0].marks != last.strain[0].marks
    assert "Regions follow the tissue from frame 0." in last.remarks
    assert [panel.marks for panel in compose_sheet(made, choices).strain][2] == last.strain[0].marks
    both = compose_comparison(made, 1, made, 3, choices)
    assert [panel.marks for panel in both.strain] == [first.strain[0].marks, last.strain[0].marks]
    broken = compose(result_of(shrink, "sliding", (1, 3)), 3, choices)
    assert any("no chain of pairs" in words for words in broken.remarks)
