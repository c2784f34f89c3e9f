"""Ellipses: drawn, moved, resized and rotated with the mouse in either view, mirrored, undone, nudged."""

import math

import pytest
from PySide6.QtCore import QPointF, Qt
from pytestqt.qtbot import QtBot

from app.state import Regions, Role, Tool
from app.views.region_item import Grip, dragged, drawn
from app.window.main_window import MainWindow
from engine.types import Ellipse

from .conftest import drag, place

ONE_WINDOW = True

ELLIPSE = Ellipse(1e-3, 3e-3, 1.5e-3, 0.8e-3, 0.0)


@pytest.mark.parametrize("which", [0, 1])
def test_drawing_in_either_view_shows_in_both(opened: MainWindow, qtbot: QtBot, which: int) -> None:
    opened.commands.regions.clear()
    opened.commands.regions.choose_tool(Tool.TARGET)
    pane = opened.central.view.panes[which]
    drag(pane, place(pane, -3, 1), place(pane, 1, 4), qtbot)
    target = opened.state.regions.target
    assert target is not None
    pixel_m = 1e-3 * pane.plot.box.viewPixelSize()[0]
    assert target.lateral_m == pytest.approx(-1e-3, abs=2 * pixel_m)
    assert target.depth_m == pytest.approx(2.5e-3, abs=2 * pixel_m)
    assert target.semi_lateral_m == pytest.approx(2e-3, abs=2 * pixel_m)
    assert target.semi_axial_m == pytest.approx(1.5e-3, abs=2 * pixel_m)
    assert opened.state.tool is Tool.PAN
    for other in opened.central.view.panes:
        item = other.regions[Role.TARGET]
        assert item.isVisible()
        assert item.grip_position(Grip.BODY).x() == pytest.approx(1e3 * target.lateral_m)


@pytest.mark.parametrize("which", [0, 1])
def test_dragging_the_body_moves_both_and_is_one_undo(opened: MainWindow, qtbot: QtBot, which: int) -> None:
    before = opened.state.regions
    assert before.target is not None
    pane = opened.central.view.panes[which]
    start = place(pane, -2, 3)
    drag(pane, start, place(pane, -1, 3.5), qtbot)
    after = opened.state.regions.target
    assert after is not None
    pixel_m = 1e-3 * pane.plot.box.viewPixelSize()[0]
    assert after.lateral_m == pytest.approx(-1e-3, abs=2 * pixel_m)
    assert after.depth_m == pytest.approx(3.5e-3, abs=2 * pixel_m)
    assert after.semi_lateral_m == before.target.semi_lateral_m
    assert opened.commands.regions.undo_stack.count() == 1
    opened.actions_by_name["undo"].trigger()
    assert opened.state.regions == before
    opened.actions_by_name["redo"].trigger()
    assert opened.state.regions.target == after


def test_grips_resize_and_rotate_with_the_mouse(opened: MainWindow, qtbot: QtBot) -> None:
    opened.commands.regions.select(Role.TARGET)
    pane = opened.central.view.strain
    item = pane.regions[Role.TARGET]
    corner = item.grip_position(Grip.LATERAL_FAR)
    drag(pane, place(pane, corner.x(), corner.y()), place(pane, corner.x() + 0.5, corner.y()), qtbot)
    target = opened.state.regions.target
    assert target is not None
    assert target.semi_lateral_m == pytest.approx(1.5e-3, abs=0.15e-3)
    turn = item.grip_position(Grip.ROTATE)
    drag(pane, place(pane, turn.x(), turn.y()), place(pane, -2, 3 + 3), qtbot)
    target = opened.state.regions.target
    assert target is not None
    assert target.angle_deg == pytest.approx(90, abs=3)


def test_drag_on_the_image_pans_both_and_leaves_regions(opened: MainWindow, qtbot: QtBot) -> None:
    view, regions = opened.central.view, opened.state.regions
    view.strain.plot.box.scaleBy((0.8, 0.8))  # the whole image has nowhere to go
    before = view.bmode.plot.box.viewRect()
    drag(view.strain, place(view.strain, 0, 5), place(view.strain, 1, 5), qtbot)
    shifted = view.bmode.plot.box.viewRect()
    assert shifted.left() == pytest.approx(before.left() - 1, abs=0.1)
    assert shifted.center().x() == pytest.approx(view.strain.plot.box.viewRect().center().x(), abs=0.05)
    assert opened.state.regions == regions


def test_nudging_moves_by_a_tenth_of_a_millimetre_and_merges(opened: MainWindow, qtbot: QtBot) -> None:
    opened.commands.regions.select(Role.BACKGROUND)
    before = opened.state.regions.background
    assert before is not None
    for _ in range(3):
        qtbot.keyClick(opened, Qt.Key.Key_Right)
    qtbot.keyClick(opened, Qt.Key.Key_Up, Qt.KeyboardModifier.ShiftModifier)
    after = opened.state.regions.background
    assert after is not None
    assert after.lateral_m == pytest.approx(before.lateral_m + 0.3e-3)
    assert after.depth_m == pytest.approx(before.depth_m - 1e-3)
    assert opened.commands.regions.undo_stack.count() == 1
    opened.commands.regions.undo_stack.undo()
    assert opened.state.regions.background == before


def test_keys_select_draw_and_delete(opened: MainWindow, qtbot: QtBot) -> None:
    qtbot.keyClick(opened, Qt.Key.Key_T)
    assert opened.state.selection is Role.TARGET
    assert opened.state.tool is Tool.PAN
    qtbot.keyClick(opened, Qt.Key.Key_T)
    assert opened.state.tool is Tool.TARGET
    qtbot.keyClick(opened, Qt.Key.Key_Escape)
    assert opened.state.tool is Tool.PAN
    qtbot.keyClick(opened, Qt.Key.Key_Delete)
    assert opened.state.regions.target is None
    assert opened.state.selection is None
    qtbot.keyClick(opened, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert opened.state.regions.target is not None


def test_mirrored_background_lies_at_the_same_depth(opened: MainWindow) -> None:
    opened.commands.regions.mirror_background()
    target, background = opened.state.regions.target, opened.state.regions.background
    assert target is not None
    assert background is not None
    assert background.depth_m == target.depth_m
    assert background.area_m2 == pytest.approx(target.area_m2)
    assert abs(background.lateral_m - target.lateral_m) > 2 * target.semi_lateral_m


def test_regions_go_with_the_recording(opened: MainWindow) -> None:
    opened.state.set_recording(None)
    assert opened.state.regions == Regions()
    assert not opened.commands.regions.undo_stack.canUndo()


def test_dragged_keeps_what_the_grip_does_not_change() -> None:
    start = QPointF(2.5, 3.0)
    wider = dragged(ELLIPSE, Grip.LATERAL_FAR, start, QPointF(3.5, 3.2))
    assert wider.semi_lateral_m == pytest.approx(2.5e-3)
    assert wider.semi_axial_m == ELLIPSE.semi_axial_m
    taller = dragged(ELLIPSE, Grip.AXIAL_NEAR, QPointF(1, 2.2), QPointF(1, 1.0))
    assert taller.semi_axial_m == pytest.approx(2e-3)
    moved = dragged(ELLIPSE, Grip.BODY, QPointF(0, 0), QPointF(-1, 2))
    assert (moved.lateral_m, moved.depth_m) == (pytest.approx(0.0), pytest.approx(5e-3))


@pytest.mark.parametrize("angle", [0.0, 30.0, 90.0, 135.0, -60.0])
def test_rotation_turns_the_lateral_end_towards_depth(angle: float) -> None:
    turn = math.radians(angle)
    now = QPointF(1 + 5 * math.cos(turn), 3 + 5 * math.sin(turn))
    turned = dragged(ELLIPSE, Grip.ROTATE, QPointF(3, 3), now)
    assert turned.angle_deg == pytest.approx(angle)


def test_an_ellipse_never_shrinks_to_nothing() -> None:
    tiny = dragged(ELLIPSE, Grip.LATERAL_FAR, QPointF(2.5, 3), QPointF(1.0, 3.0))
    assert tiny.semi_lateral_m > 0
    assert drawn(QPointF(1, 1), QPointF(1, 1)).area_m2 > 0
