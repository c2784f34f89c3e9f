"""The profile line: drawn and dragged with the mouse in either view, moved by keys, undone, sampled, exported."""

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QMenu
from pytestqt.qtbot import QtBot

from app.features.profile.controller import ProfileController
from app.features.profile.feature import ProfileFeature
from app.features.profile.item import ProfileItem, dragged
from app.features.profile.panel import ProfilePanel
from app.features.profile.state import ProfileState
from app.state import Role, Tool
from app.state.image_grid import ImageGrid
from app.window.main_window import MainWindow
from engine.metrics.profile import ProfileLine, profile
from engine.types import Geometry, Sector

from .conftest import drag, place

LINE = ProfileLine(-3e-3, 2e-3, 3e-3, 4e-3)


@pytest.fixture(name="lined")
def fixture_lined(opened: MainWindow) -> MainWindow:
    """A window with a profile line."""
    opened.commands.part(ProfileController).edit(LINE, finished=True)
    return opened


def items(window: MainWindow) -> list[ProfileItem]:
    return window.findChild(ProfileFeature).items


def test_drawing_in_either_view_shows_in_both_and_opens_the_graph(opened: MainWindow, qtbot: QtBot) -> None:
    profiles = opened.state.slice(ProfileState)
    for which, end_mm in enumerate((2.0, 3.0)):
        opened.actions_by_name["profile"].trigger()
        assert opened.state.tool is Tool.PROFILE
        pane = opened.central.view.panes[which]
        drag(pane, place(pane, -3, 1), place(pane, end_mm, 4), qtbot)
        line = profiles.line
        assert line is not None
        pixel_m = 1e-3 * pane.plot.box.viewPixelSize()[0]
        ends = (line.start_lateral_m, line.start_depth_m, line.end_lateral_m, line.end_depth_m)
        assert ends == pytest.approx((-3e-3, 1e-3, 1e-3 * end_mm, 4e-3), abs=2 * pixel_m)
        assert opened.state.tool is Tool.PAN
        assert profiles.selected
        for item in items(opened):
            assert item.isVisible()
            assert item.end_position("end").x() == pytest.approx(1e3 * line.end_lateral_m)
    assert opened.findChild(ProfilePanel).isVisible()
    assert opened.state.regions.target is not None, "drawing a line draws no ellipse"


def test_a_right_click_on_the_line_offers_what_can_be_done_with_it(lined: MainWindow, qtbot: QtBot) -> None:
    pane = lined.central.view.panes[1]
    qtbot.mouseClick(pane.plot.viewport(), Qt.MouseButton.RightButton, pos=place(pane, 0.0, 3.0))
    (menu,) = (menu for menu in lined.findChildren(QMenu) if menu.isVisible())
    actions = {action.text().replace("&", ""): action for action in menu.actions()}
    assert list(actions) == ["Copy values", "Export profile\u2026", "Remove profile line"]
    assert lined.state.slice(ProfileState).selected
    actions["Copy values"].trigger()
    assert QGuiApplication.clipboard().text() == "--line=-3,2,3,4"
    actions["Remove profile line"].trigger()
    assert lined.state.slice(ProfileState).line is None
    menu.close()


def test_ends_and_line_can_be_dragged_and_each_drag_is_one_undo(lined: MainWindow, qtbot: QtBot) -> None:
    lined.commands.regions.clear()
    profiles, stack = lined.state.slice(ProfileState), lined.commands.regions.undo_stack
    count = stack.count()
    pane = lined.central.view.strain
    drag(pane, place(pane, 3, 4), place(pane, 3, 5), qtbot)
    pulled = profiles.line
    assert pulled is not None
    assert pulled.start_depth_m == LINE.start_depth_m
    assert pulled.end_depth_m == pytest.approx(5e-3, abs=0.1e-3)
    drag(pane, place(pane, 0, 3.5), place(pane, 0.5, 3), qtbot)
    moved = profiles.line
    assert moved is not None
    assert moved.length_m == pytest.approx(pulled.length_m)
    assert moved.start_lateral_m == pytest.approx(-2.5e-3, abs=0.1e-3)
    assert stack.count() == count + 2
    lined.actions_by_name["undo"].trigger()
    assert profiles.line == pulled
    lined.actions_by_name["undo"].trigger()
    assert profiles.line == LINE
    lined.actions_by_name["redo"].trigger()
    assert profiles.line == pulled


def test_keys_select_move_turn_resize_and_delete(lined: MainWindow, qtbot: QtBot) -> None:
    profiles = lined.state.slice(ProfileState)
    lined.commands.regions.select(Role.TARGET)
    assert not profiles.selected
    qtbot.keyClick(lined, Qt.Key.Key_P)
    assert profiles.selected
    assert lined.state.selection is None
    for _ in range(3):
        qtbot.keyClick(lined, Qt.Key.Key_Down)
    assert profiles.line is not None
    assert profiles.line.start_depth_m == pytest.approx(2.3e-3)
    qtbot.keyClick(lined, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert profiles.line.length_m == pytest.approx(LINE.length_m + 0.2e-3)
    qtbot.keyClick(lined, Qt.Key.Key_BracketRight)
    assert profiles.line.angle_deg == pytest.approx(LINE.angle_deg + 1)
    qtbot.keyClick(lined, Qt.Key.Key_Escape)
    assert not profiles.selected
    qtbot.keyClick(lined, Qt.Key.Key_P)
    qtbot.keyClick(lined, Qt.Key.Key_Delete)
    assert profiles.line is None
    assert lined.state.regions.target is not None
    lined.actions_by_name["undo"].trigger()
    assert profiles.line is not None


def test_return_puts_a_line_into_the_middle(opened: MainWindow, qtbot: QtBot) -> None:
    qtbot.keyClick(opened, Qt.Key.Key_P)
    qtbot.keyClick(opened, Qt.Key.Key_Return)
    line, recording = opened.state.slice(ProfileState).line, opened.state.recording
    assert line is not None
    assert recording is not None
    left, top, width, height = recording.grid.edges_m()
    assert line.at(line.length_m / 2) == pytest.approx((left + width / 2, top + height / 2))
    assert opened.state.tool is Tool.PAN


def test_the_profile_is_of_the_shown_frame(lined: MainWindow, qtbot: QtBot) -> None:
    profiles, state = lined.state.slice(ProfileState), lined.state
    for frame in (2, 4):
        lined.commands.playback.show_frame(frame)
        qtbot.waitUntil(lambda frame=frame: state.picture is not None and state.picture.frame == frame)
        shown, picture, recording = profiles.profile, state.picture, state.recording
        assert shown is not None
        assert picture is not None
        assert picture.strain is not None
        assert recording is not None
        assert shown.frame == frame
        assert shown.values is not None
        geometry = recording.sequence.geometry
        assert np.array_equal(shown.values, profile(picture.strain, geometry, LINE), equal_nan=True)
        row, column = recording.grid.pixel_at(LINE.start_lateral_m, LINE.start_depth_m)
        near = picture.bmode[row - 1 : row + 2, column - 1 : column + 2].astype(float)
        assert (near.min() - 255) * 100 / 255 <= shown.bmode_db[0] <= (near.max() - 255) * 100 / 255
    lined.commands.playback.show_frame(0)
    qtbot.waitUntil(lambda: profiles.profile is not None and profiles.profile.values is None)
    panel = lined.findChild(ProfilePanel)
    lined.docks.show("profile")
    qtbot.waitUntil(lambda: "No strain in frame 0" in panel.words.text())


def test_the_graph_shows_the_sign_of_the_display_and_marks_places(lined: MainWindow, qtbot: QtBot) -> None:
    lined.docks.show("profile")
    panel = lined.findChild(ProfilePanel)
    panel.refresh()
    _, compressive = panel.graph.curve.getData()
    assert np.nanmean(compressive) > 0
    lined.commands.change_display(quantity="signed")
    qtbot.waitUntil(lambda: float(np.nanmean(panel.graph.curve.getData()[1])) < 0)
    panel.graph.place_pointed.emit(1e3 * LINE.length_m)
    assert lined.state.cursor == pytest.approx((LINE.end_lateral_m, LINE.end_depth_m))
    panel.graph.place_pointed.emit(None)
    assert lined.state.cursor is None
    panel.bmode.click()
    assert panel.graph.bmode.getData()[0] is None or not len(panel.graph.bmode.getData()[0])


def test_buttons_draw_and_remove(opened: MainWindow) -> None:
    opened.docks.show("profile")
    panel, profiles = opened.findChild(ProfilePanel), opened.state.slice(ProfileState)
    assert not panel.remove.isEnabled()
    panel.draw.click()
    assert opened.state.tool is Tool.PROFILE
    panel.draw.click()
    assert opened.state.tool is Tool.PAN
    opened.commands.part(ProfileController).edit(LINE, finished=True)
    panel.remove.click()
    assert profiles.line is None
    assert "Press P" in panel.words.text()
    assert not opened.actions_by_name["remove_profile"].isEnabled()


def test_the_line_goes_with_the_recording(lined: MainWindow) -> None:
    lined.state.set_recording(None)
    assert lined.state.slice(ProfileState).line is None
    assert lined.state.slice(ProfileState).profile is None
    assert not lined.actions_by_name["export_profile"].isEnabled()


def test_export_writes_what_is_shown(
    lined: MainWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "profile"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), "Table (*.csv)"))
    lined.actions_by_name["export_profile"].trigger()
    written = path.with_suffix(".csv")
    qtbot.waitUntil(written.exists, timeout=20_000)
    qtbot.waitUntil(lambda: lined.state.activity is None)
    shown = lined.state.slice(ProfileState).profile
    assert shown is not None
    assert shown.values is not None
    lines = [line for line in written.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    table = np.genfromtxt(lines, delimiter=",", names=True)
    assert table["distance_mm"] == pytest.approx(1e3 * shown.distances_m)
    assert table["compressive_strain_percent"] == pytest.approx(-100 * shown.values, nan_ok=True)
    assert np.corrcoef(table["bmode_db"], shown.bmode_db)[0, 1] > 0.9  # the table is of the RF, not of the screen
    assert "# method: first" in written.read_text(encoding="utf-8")


@pytest.mark.parametrize("sector", [None, Sector(apex_radius_m=20e-3, angle_step_rad=0.02)])
def test_places_on_the_screen_are_those_of_its_pixels(sector: Sector | None) -> None:
    geometry = Geometry(sampling_hz=40e6, center_hz=7e6, sound_speed_m_s=1540.0, pitch_m=0.3e-3, sector=sector)
    grid = ImageGrid(geometry, (300, 32))
    rows, columns = grid.places(grid.laterals_m[3:9], grid.depths_m[3:9])
    assert rows == pytest.approx(np.arange(3, 9))
    assert columns == pytest.approx(np.arange(3, 9))


def test_the_mouse_over_the_graph_marks_the_place_on_the_images(lined: MainWindow, qtbot: QtBot) -> None:
    lined.docks.show("profile")
    graph = lined.findChild(ProfilePanel).graph
    qtbot.waitUntil(graph.isVisible)
    lined.findChild(ProfilePanel).refresh()
    qtbot.wait(50)
    box = graph.getPlotItem().getViewBox()
    middle = box.viewRect().center()
    qtbot.mouseMove(graph.viewport(), graph.mapFromScene(box.mapViewToScene(QPointF(2.0, middle.y()))))
    qtbot.waitUntil(lambda: lined.state.cursor is not None)
    assert lined.state.cursor == pytest.approx(LINE.at(2e-3), abs=0.1e-3)


def test_ends_never_meet() -> None:
    start = QPointF(3, 4)
    assert dragged(LINE, "end", start, QPointF(-3, 2)) is None
    whole = dragged(LINE, "line", start, QPointF(4, 6))
    assert whole is not None
    assert (whole.start_lateral_m, whole.start_depth_m) == pytest.approx((-2e-3, 4e-3))
    assert whole.length_m == pytest.approx(LINE.length_m)


@pytest.mark.parametrize("end_mm", [-4.6, 4.6])
def test_its_length_is_read_within_the_image(opened: MainWindow, end_mm: float) -> None:
    line = ProfileLine(0.0, 3e-3, 1e-3 * end_mm, 3e-3)
    opened.commands.part(ProfileController).edit(line, finished=True)
    for item in items(opened):
        view = item.getViewBox().viewRect()
        for label in item._labels.values():
            half = 0.5 * label.boundingRect().width() * item.pixel_mm()
            assert view.left() - 1e-6 <= label.pos().x() - half
            assert label.pos().x() + half <= view.right() + 1e-6
