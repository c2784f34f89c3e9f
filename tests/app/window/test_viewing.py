"""What is seen: geometry on screen, linked zoom, cursor, display settings, time line, playing, graph."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPointF, QRectF, Qt
from pytestqt.qtbot import QtBot

from app.panels.graphs import GraphsPanel
from app.panels.measurements import MeasurementsPanel
from app.state import Display, FrameMeasurements
from app.state.image_grid import ImageGrid
from app.state.raster import (
    NO_ESTIMATE,
    Limits,
    bmode_decibel,
    bmode_index,
    color_table,
    grey_table,
    limits_of,
    strain_index,
    tidy_limits,
)
from app.views.dual_view import better_stacked
from app.window.main_window import MainWindow
from engine.metrics.base import Measurement
from engine.metrics.number_text import DASH
from engine.reliability.frame import FrameReliability
from engine.types import Geometry, Sector

from .conftest import FRAMES

ONE_WINDOW = True

GEOMETRY = Geometry(sampling_hz=40e6, center_hz=7e6, sound_speed_m_s=1540.0, pitch_m=0.3e-3, start_depth_m=2e-3)


def test_image_edges_lie_half_a_pixel_beyond_the_outer_centres() -> None:
    extent = QRectF(*(1e3 * edge for edge in ImageGrid(GEOMETRY, (100, 10)).edges_m()))
    spacing = 1e3 * GEOMETRY.axial_spacing_m
    laterals, depths = 1e3 * GEOMETRY.laterals_m(10), 1e3 * GEOMETRY.depths_m(100)
    assert extent.left() == pytest.approx(laterals[0] - 0.15)
    assert extent.right() == pytest.approx(laterals[-1] + 0.15)
    assert extent.top() == pytest.approx(depths[0] - spacing / 2)
    assert extent.bottom() == pytest.approx(depths[-1] + spacing / 2)


def test_fanned_lines_are_shown_where_they_lie() -> None:
    sector = Sector(apex_radius_m=40e-3, angle_step_rad=np.radians(0.5))
    shape = (1000, 101)
    grid = ImageGrid(Geometry(40e6, 5e6, 1540.0, 0.4e-3, sector=sector), shape)
    depth = np.broadcast_to(np.arange(shape[0], dtype=np.float32)[:, None], shape).copy()
    shown = grid.convert(depth)
    assert shown.shape == (len(grid.depths_m), len(grid.laterals_m))
    row, column = grid.pixel_at(0.0, 10e-3)
    assert shown[row, column] == pytest.approx(10e-3 / grid.geometry.axial_spacing_m, abs=4)
    left, top, width, _ = grid.edges_m()
    assert left == pytest.approx(-width / 2, abs=2 * grid.spacing_m[0])
    assert top < 0.5e-3
    assert width == pytest.approx(2 * (40e-3 + 19.23e-3) * np.sin(np.radians(25)), rel=0.01)
    assert np.isnan(shown[0, 0])


def test_aspect_is_locked_and_depth_points_down(opened: MainWindow) -> None:
    for pane in opened.central.view.panes:
        box = pane.plot.box
        across, down = box.viewPixelSize()
        assert across == pytest.approx(down, rel=1e-3)
        assert box.mapViewToScene(QPointF(0, 5)).y() > box.mapViewToScene(QPointF(0, 1)).y()


def test_zoom_is_linked_and_fit_shows_all(opened: MainWindow, qtbot: QtBot) -> None:
    view = opened.central.view
    view.bmode.plot.box.scaleBy((0.5, 0.5))
    qtbot.wait(10)
    near = view.bmode.plot.box.viewRect(), view.strain.plot.box.viewRect()
    assert near[0].center().y() == pytest.approx(near[1].center().y(), abs=0.05)
    assert near[0].height() == pytest.approx(near[1].height(), rel=0.02)
    opened.commands.playback.show_frame(4)
    qtbot.waitUntil(lambda: opened.state.picture is not None and opened.state.picture.frame == 4)
    assert view.bmode.plot.box.viewRect().height() == pytest.approx(near[0].height())
    qtbot.keyClick(opened, Qt.Key.Key_F)
    assert view.strain.plot.box.viewRect().height() > 1.5 * near[0].height()


def test_cursor_reads_position_strain_and_quality(opened: MainWindow) -> None:
    opened.state.set_cursor((2e-3, 3e-3))
    text = opened.status.words.text()
    assert "lateral +2.00 mm" in text
    assert "depth 3.00 mm" in text
    assert "strain 11." in text
    assert "quality 0.90" in text
    assert opened.central.view.bmode.plot._crosshair[0].isVisible()
    opened.state.set_cursor(None)
    assert "lateral" not in opened.status.words.text()


def test_bmode_survives_storage_within_half_a_step() -> None:
    decibel = np.array([[0.0, -10.0, -59.9, -99.0, -120.0]], np.float32)
    stored = bmode_index(decibel)
    back = [bmode_decibel(int(value)) for value in stored[0]]
    assert back[:4] == pytest.approx(list(decibel[0, :4]), abs=0.4)
    assert back[4] == pytest.approx(-100)


def test_dynamic_range_blackens_what_lies_below() -> None:
    table = grey_table(40.0)
    dark = int(bmode_index(np.array([[-41.0]], np.float32))[0, 0])
    assert tuple(table[dark, :3]) == (0, 0, 0)
    assert tuple(table[255, :3]) == (255, 255, 255)


def test_strain_indices_hide_what_has_no_estimate() -> None:
    percent = np.array([[0.0, 1.0, 2.0, np.nan, 5.0, -1.0]], np.float32)
    quality = np.array([[0.9, 0.2, 0.9, 0.9, 0.9, 0.9]], np.float32)
    index = strain_index(percent, quality, Limits(0.0, 2.0), 0.5)
    assert index[0].tolist() == [1, NO_ESTIMATE, 255, NO_ESTIMATE, 255, 1]
    assert color_table("viridis", reverse=False)[NO_ESTIMATE, 3] == 0


def test_reverse_turns_the_colours_round() -> None:
    forward, backward = color_table("viridis", reverse=False), color_table("viridis", reverse=True)
    assert np.array_equal(forward[1:], backward[:0:-1])


def test_limits_are_round_and_hold_the_map() -> None:
    limits = tidy_limits(0.123, 2.345, symmetric=False)
    assert limits.low_percent <= 0.123
    assert limits.high_percent >= 2.345
    assert tidy_limits(-0.3, 1.1, symmetric=True).low_percent == -tidy_limits(-0.3, 1.1, symmetric=True).high_percent
    shown = limits_of((-0.021, 0.004), Display())
    assert shown.low_percent <= -0.4
    assert shown.high_percent >= 2.1
    assert limits_of((-0.021, 0.004), Display(quantity="magnitude")).low_percent == 0


def test_bar_says_sign_unit_and_limits(opened: MainWindow) -> None:
    bar = opened.central.view.strain.bar
    assert "Compressive strain (%)" in bar.accessibleName()
    assert "low strain" in bar.accessibleDescription()
    opened.commands.change_display(quantity="signed")
    assert "elongation" in bar.accessibleName()


def test_manual_limits_hold(opened: MainWindow) -> None:
    opened.commands.change_display(limits="manual", low_percent=-1.0, high_percent=3.0)
    assert opened.central.view.limits == Limits(-1.0, 3.0)


def test_limits_over_the_recording_hold_all_frames(opened: MainWindow) -> None:
    opened.commands.change_display(limits="recording")
    limits = opened.central.view.limits
    assert limits is not None
    assert limits.low_percent <= 11.1
    assert limits.high_percent >= 11.5


def test_overlay_and_quality_mask(opened: MainWindow, qtbot: QtBot) -> None:
    view = opened.central.view
    assert not view.bmode.overlay.has_image()
    qtbot.keyClick(opened, Qt.Key.Key_O)
    assert view.bmode.overlay.has_image()
    opened.commands.change_display(quality_threshold=0.5)
    indices = view.strain.image._indices
    assert indices is not None
    assert (indices[:, :8] == NO_ESTIMATE).all()
    assert (indices[:, 8:] != NO_ESTIMATE).all()


def test_keys_step_jump_and_play(opened: MainWindow, qtbot: QtBot) -> None:
    for key, frame in (
        (Qt.Key.Key_Right, 2),
        (Qt.Key.Key_Left, 1),
        (Qt.Key.Key_End, FRAMES - 1),
        (Qt.Key.Key_Right, FRAMES - 1),
        (Qt.Key.Key_Home, 0),
    ):
        qtbot.keyClick(opened, key)
        assert opened.state.frame == frame
    qtbot.keyClick(opened, Qt.Key.Key_Space)
    assert opened.state.playing
    qtbot.waitUntil(lambda: opened.state.frame >= 2)
    qtbot.keyClick(opened, Qt.Key.Key_Space)
    assert not opened.state.playing


def test_the_best_frame_is_the_most_reliable_one(
    opened: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = opened.state.run
    assert run is not None
    found = {frame: run.store.summary(frame) for frame in run.store.frames()}

    def judge(**shares: float) -> None:
        judged = {
            frame: replace(entry, reliability=FrameReliability(frame, 0, shares.get(f"f{frame}", 0.1), 0.9, math.nan))
            for frame, entry in found.items()
        }
        monkeypatch.setattr(run.store, "summary", judged.__getitem__)

    judge(f2=0.6, f4=0.9)
    qtbot.keyClick(opened, Qt.Key.Key_G)
    assert opened.state.frame == 4
    judge()
    opened.commands.playback.first()
    qtbot.keyClick(opened, Qt.Key.Key_G)
    assert opened.state.frame == 0
    assert "relied on" in opened.state.notice


def test_the_frame_of_the_highest_contrast_is_offered_too(opened: MainWindow) -> None:
    def measured(frame: int, value: float) -> FrameMeasurements:
        missing = Measurement("cnr", float("nan"), reason="too_few")
        return FrameMeasurements(
            frame, {"cnr": Measurement("cnr", value) if value else missing, "snre": Measurement("snre", 5.0 - frame)}
        )

    opened.state.set_history({frame: measured(frame, value) for frame, value in ((1, 2.0), (3, 7.0), (4, 0.0))})
    opened.actions_by_name["best_contrast"].trigger()
    assert opened.state.frame == 3
    opened.state.set_history({frame: measured(frame, 0.0) for frame in (2, 4)})
    opened.actions_by_name["best_contrast"].trigger()
    assert opened.state.frame == 2


def test_playing_keeps_real_time_and_loops_past_the_blank_reference(
    opened: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    playback, clock = opened.commands.playback, [100.0]
    monkeypatch.setattr("app.controllers.playback.time.monotonic", lambda: clock[0])
    playback.first()
    playback.toggle()
    for seconds, frame in ((0.0, 0), (0.06, 1), (0.26, 5), (0.31, 5), (0.36, 1)):
        clock[0] = 100.0 + seconds
        playback._tick()
        assert opened.state.frame == frame
    playback.set_speed(0.5)
    clock[0] += 0.21
    playback._tick()
    assert opened.state.frame == 3
    playback.pause()


def test_time_line_shows_and_asks(opened: MainWindow, qtbot: QtBot) -> None:
    line = opened.central.play_bar.time_line
    assert "mean quality 0.7" in line.describe(2)
    assert "reference" in line.describe(0)
    x = line.width() * 0.9
    qtbot.mouseClick(line, Qt.MouseButton.LeftButton, pos=QPointF(x, 20).toPoint())
    assert opened.state.frame == line.frame_at(x) == 5
    assert opened.central.play_bar.position.text() == "Frame 5 of 0\N{EN DASH}5"


def test_reference_frame_says_why_it_is_empty(opened: MainWindow, qtbot: QtBot) -> None:
    opened.commands.playback.first()
    qtbot.waitUntil(lambda: "reference frame" in opened.central.view.strain.message())
    panel = opened.findChild(MeasurementsPanel)
    assert isinstance(panel, MeasurementsPanel)
    assert panel.values["cnr"].text() == DASH
    opened.commands.change_display(bmode_frame="reference")
    opened.commands.playback.show_frame(3)
    qtbot.waitUntil(lambda: opened.state.picture is not None and opened.state.picture.frame == 3)
    assert opened.state.picture is not None
    assert opened.state.picture.bmode_frame == 0


def test_numbers_follow_the_regions_and_say_why_not(opened: MainWindow) -> None:
    panel = opened.findChild(MeasurementsPanel)
    assert isinstance(panel, MeasurementsPanel)
    assert panel.values["snr_target"].text() != DASH
    assert panel.decibels["snr_target"].text() not in {DASH, ""}
    opened.commands.regions.clear()
    assert panel.values["snr_target"].text() == DASH
    assert "Draw the target and the background" in panel.words.text()
    assert "not been drawn" in panel.values["snr_target"].toolTip()


def test_graph_holds_every_frame(opened: MainWindow, qtbot: QtBot) -> None:
    panel = opened.findChild(GraphsPanel)
    assert isinstance(panel, GraphsPanel)
    qtbot.waitUntil(lambda: len(opened.state.history) == FRAMES - 1)
    qtbot.waitUntil(lambda: "5 of 5" in panel.words.text())
    opened.commands.regions.clear()
    qtbot.waitUntil(lambda: "0 of 5" in panel.words.text())


@pytest.mark.parametrize(
    ("space", "image", "stacked"),
    [((1000, 700), (25.6, 40.0), False), ((700, 900), (60.0, 20.0), True), ((1900, 900), (32.0, 23.0), False)],
)
def test_panes_are_stacked_only_where_much_is_gained(
    space: tuple[int, int], image: tuple[float, float], stacked: bool
) -> None:
    assert better_stacked(space, image) is stacked


def test_layout_can_be_chosen(opened: MainWindow, qtbot: QtBot) -> None:
    view = opened.central.view
    view.set_layout("stacked")
    qtbot.waitUntil(lambda: view.strain.y() > view.bmode.y())
    assert view.bmode.plot.width() == view.strain.plot.width()
    view.set_layout("side by side")
    qtbot.waitUntil(lambda: view.strain.x() > view.bmode.x() and view.strain.y() == view.bmode.y())


def test_every_control_has_an_accessible_name(opened: MainWindow) -> None:
    from PySide6.QtWidgets import QAbstractSlider, QAbstractSpinBox, QComboBox, QLineEdit, QScrollBar, QToolButton

    bare = []
    for kind in (QAbstractSlider, QAbstractSpinBox, QComboBox, QLineEdit, QToolButton):
        for widget in opened.findChildren(kind):
            inner = isinstance(widget.parentWidget(), QAbstractSpinBox | QComboBox) or isinstance(widget, QScrollBar)
            named = widget.accessibleName() or (isinstance(widget, QToolButton) and widget.text())
            if not inner and not named and not widget.objectName().startswith("qt_"):
                bare.append(f"{type(widget).__name__} {widget.toolTip()}")
    assert not bare


def test_both_themes_dress_every_view(opened: MainWindow) -> None:
    for name in ("light", "dark"):
        opened.set_theme(name)  # type: ignore[arg-type]
        picture = opened.grab()
        assert picture.width() >= 1200
        middle = opened.central.play_bar.grab().toImage().pixelColor(4, 4)
        assert (middle.lightness() > 128) == (name == "light")


@pytest.mark.usefixtures("window")
def test_preferences_come_back(opened: MainWindow, tmp_path: Path) -> None:
    from app.preferences import load_preferences

    opened.commands.change_display(colormap="magma", dynamic_range_db=45.0)
    opened.close()
    again = load_preferences()
    assert again.display["colormap"] == "magma"
    assert again.method == "first"
    (tmp_path / "config" / "preferences.json").write_text("{ damaged")
    assert load_preferences().display == {}
