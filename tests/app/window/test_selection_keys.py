"""Keys work on what is selected, wherever the focus was, and each run of one key is one step of undo."""

from itertools import pairwise

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.panels.measurements import MeasurementsPanel
from app.state import Regions, Role, Tool
from app.state.regions import SMALLEST_SEMI_AXIS_M
from app.window.main_window import MainWindow
from engine.types import Ellipse

ONE_WINDOW = True

ALT, SHIFT = Qt.KeyboardModifier.AltModifier, Qt.KeyboardModifier.ShiftModifier
START = Ellipse(0.0, 3e-3, 1e-3, 0.8e-3, 0.0)


def selected(window: MainWindow, role: Role) -> Ellipse:
    ellipse = window.state.regions.get(role)
    assert ellipse is not None
    return ellipse


@pytest.fixture(name="drawn", params=list(Role))
def fixture_drawn(opened: MainWindow, request: pytest.FixtureRequest) -> tuple[MainWindow, Role]:
    """A window in which a region of each role is selected."""
    opened.commands.regions.place(Regions().replaced(request.param, START))
    opened.commands.regions.select(request.param)
    return opened, request.param


def test_every_region_is_moved_resized_and_turned(drawn: tuple[MainWindow, Role], qtbot: QtBot) -> None:
    window, role = drawn
    qtbot.keyClick(window, Qt.Key.Key_Left)
    qtbot.keyClick(window, Qt.Key.Key_Down, SHIFT)
    assert selected(window, role).lateral_m == pytest.approx(-0.1e-3)
    assert selected(window, role).depth_m == pytest.approx(4e-3)
    qtbot.keyClick(window, Qt.Key.Key_Right, ALT)
    qtbot.keyClick(window, Qt.Key.Key_Up, ALT | SHIFT)
    assert selected(window, role).semi_lateral_m == pytest.approx(1.1e-3)
    assert selected(window, role).semi_axial_m == pytest.approx(1.8e-3)
    qtbot.keyClick(window, Qt.Key.Key_BracketRight)
    qtbot.keyClick(window, Qt.Key.Key_BraceRight, SHIFT)
    qtbot.keyClick(window, Qt.Key.Key_R)
    assert selected(window, role).angle_deg == pytest.approx(16)
    qtbot.keyClick(window, Qt.Key.Key_R, SHIFT)
    qtbot.keyClick(window, Qt.Key.Key_BracketLeft)
    assert selected(window, role).angle_deg == pytest.approx(10)
    stack = window.commands.regions.undo_stack
    assert stack.count() == 3, "moves, resizings and turns are one step each"
    for _ in range(3):
        stack.undo()
    assert selected(window, role) == START
    qtbot.keyClick(window, Qt.Key.Key_Delete)
    assert window.state.regions == Regions()


def test_it_never_shrinks_to_nothing(opened: MainWindow, qtbot: QtBot) -> None:
    opened.commands.regions.select(Role.TARGET)
    for _ in range(3):
        qtbot.keyClick(opened, Qt.Key.Key_Left, ALT | SHIFT)
    assert selected(opened, Role.TARGET).semi_lateral_m == SMALLEST_SEMI_AXIS_M


def test_without_a_selection_arrows_go_through_the_frames(opened: MainWindow, qtbot: QtBot) -> None:
    regions, frame = opened.state.regions, opened.state.frame
    qtbot.keyClick(opened, Qt.Key.Key_Right)
    qtbot.keyClick(opened, Qt.Key.Key_R)
    assert opened.state.frame == frame + 1
    assert opened.state.regions == regions


def test_selecting_by_button_gives_the_keys_to_the_images(opened: MainWindow, qtbot: QtBot) -> None:
    panel = opened.findChild(MeasurementsPanel)
    assert isinstance(panel, MeasurementsPanel)
    button = panel.buttons[Role.TARGET]
    opened.activateWindow()
    qtbot.waitUntil(lambda: QApplication.activeWindow() is opened)
    button.setFocus()
    button.click()
    before = selected(opened, Role.TARGET)
    focus = opened.focusWidget()
    assert opened.central.view.isAncestorOf(focus)
    qtbot.keyClick(focus, Qt.Key.Key_Right)
    assert selected(opened, Role.TARGET).lateral_m == pytest.approx(before.lateral_m + 0.1e-3)


@pytest.mark.parametrize("role", list(Role))
def test_return_draws_without_a_mouse(opened: MainWindow, qtbot: QtBot, role: Role) -> None:
    opened.commands.regions.clear()
    qtbot.keyClick(opened, getattr(Qt.Key, f"Key_{role.letter}"))
    assert opened.state.tool is Tool(role.value)
    qtbot.keyClick(opened, Qt.Key.Key_Return)
    recording = opened.state.recording
    assert recording is not None
    left, top, width, height = recording.grid.edges_m()
    placed = selected(opened, role)
    assert (placed.lateral_m, placed.depth_m) == pytest.approx((left + width / 2, top + height / 2))
    assert opened.state.selection is role
    qtbot.keyClick(opened, Qt.Key.Key_Return)
    assert selected(opened, role) == placed


def test_the_keys_are_listed_in_one_place(opened: MainWindow) -> None:
    keys = [keys for keys, _ in opened.key_rows()]
    for wanted in ("Arrows", "Alt + arrows", "[ and ]", "R, Shift+R", "Return"):
        assert wanted in keys
    places = [keys.index(wanted) for wanted in ("Arrows", "Alt + arrows", "[ and ]")]
    assert all(later == earlier + 1 for earlier, later in pairwise(places))
