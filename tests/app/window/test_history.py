"""Undo and redo give back exactly what was there, whatever is done while a region or the line is dragged."""

import pytest

from app.features.profile.controller import ProfileController
from app.features.profile.state import ProfileState
from app.state import Regions, Role, Tool
from app.window.main_window import MainWindow
from engine.metrics.profile import ProfileLine
from engine.types import Ellipse

ONE_WINDOW = True

PLACES = [Ellipse(1e-4 * step, 3e-3, 1e-3, 1e-3) for step in range(4)]
LINES = [ProfileLine(-2e-3, 1e-3 * step, 2e-3, 1e-3 * step) for step in range(1, 4)]


def drawn(window: MainWindow) -> tuple[Regions, ProfileLine | None]:
    return window.state.regions, window.state.slice(ProfileState).line


def assert_exact(window: MainWindow) -> None:
    """Go back to the beginning and forward again: the same things must appear in reverse order."""
    stack, history = window.commands.regions.undo_stack, window.commands.regions.history
    end, back, forth = drawn(window), [], []
    while stack.canUndo():
        back.append(drawn(window))
        history.undo()
    while stack.canRedo():
        history.redo()
        forth.append(drawn(window))
    assert drawn(window) == end
    assert forth == back[::-1]


def do(window: MainWindow, what: str) -> None:
    """One of the things that a key can do while the mouse drags."""
    regions = window.commands.regions
    match what:
        case "undo" | "redo" | "delete" | "clear" | "mirror":
            window.actions_by_name[what].trigger()
        case "nudge":
            regions.nudge(1, 0)
        case "other tool":
            regions.choose_tool(Tool.BACKGROUND)
            regions.choose_tool(Tool.PAN)
        case "line":
            window.commands.part(ProfileController).edit(LINES[0], finished=True)


@pytest.mark.parametrize("what", ["undo", "redo", "delete", "clear", "mirror", "nudge", "other tool", "line"])
def test_a_drag_in_which_something_else_is_done(opened: MainWindow, what: str) -> None:
    regions, start = opened.commands.regions, opened.state.regions
    regions.set_ellipse(Role.BACKGROUND, PLACES[3])
    regions.edit(Role.TARGET, PLACES[0], finished=False)
    do(opened, what)
    regions.edit(Role.TARGET, PLACES[1], finished=False)
    regions.edit(Role.TARGET, PLACES[2], finished=True)
    assert opened.state.regions.target == PLACES[2]
    assert_exact(opened)
    while regions.undo_stack.canUndo():
        opened.actions_by_name["undo"].trigger()
    assert opened.state.regions == start


def test_undo_in_a_drag_takes_back_the_drag_so_far(opened: MainWindow) -> None:
    regions = opened.commands.regions
    regions.set_ellipse(Role.TARGET, PLACES[0])
    regions.edit(Role.TARGET, PLACES[1], finished=False)
    opened.actions_by_name["undo"].trigger()
    assert opened.state.regions.target == PLACES[0]


def test_a_drag_that_another_tool_cuts_off_is_a_step_of_its_own(opened: MainWindow) -> None:
    regions, before = opened.commands.regions, opened.state.regions
    regions.choose_tool(Tool.TARGET)
    regions.draw(PLACES[0], finished=False)
    regions.choose_tool(Tool.PAN)
    regions.edit(Role.BACKGROUND, PLACES[1], finished=True)
    assert regions.undo_stack.count() == 2
    opened.actions_by_name["undo"].trigger()
    assert opened.state.regions == before.replaced(Role.TARGET, PLACES[0])


@pytest.mark.parametrize("what", ["undo", "redo", "delete", "clear", "other tool"])
def test_a_drag_of_the_line_in_which_something_else_is_done(opened: MainWindow, what: str) -> None:
    profile = opened.commands.part(ProfileController)
    profile.edit(LINES[0], finished=True)
    profile.edit(LINES[1], finished=False)
    do(opened, what)
    profile.edit(LINES[2], finished=True)
    assert_exact(opened)
    while opened.commands.regions.undo_stack.canUndo():
        opened.actions_by_name["undo"].trigger()
    assert opened.state.slice(ProfileState).line is None
