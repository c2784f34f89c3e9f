"""Features make the menus, the tool bar and the keys; none of them may get in another's way."""

import gc
from collections import Counter

from PySide6.QtCore import QObject
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QMenu, QToolBar
from pytestqt.qtbot import QtBot

from app.controllers.commands import Commands
from app.panels.base import PANELS
from app.state import ViewerState
from app.window.feature import FEATURES
from app.window.main_window import MainWindow


def titles(window: MainWindow) -> list[str]:
    return [action.text().replace("&", "") for action in window.menuBar().actions()]


def test_every_feature_and_panel_can_be_imported() -> None:
    assert FEATURES.failures() == {}
    assert PANELS.failures() == {}


def test_menus_follow_the_places(window: MainWindow) -> None:
    assert titles(window)[0] == "File"
    assert titles(window)[-1] == "Help"
    file_menu = next(menu for menu in window.menuBar().findChildren(QMenu) if menu.title().strip("&") == "File")
    names = [action.objectName() or action.text() for action in file_menu.actions()]
    assert names[0] == "open"
    assert names[-1] == "quit"
    assert names.index("figure") < names.index("table") < names.index("quit")
    assert any(action.isSeparator() for action in file_menu.actions())


def test_the_tool_bar_holds_what_asks_for_it(window: MainWindow) -> None:
    bar = window.findChild(QToolBar, "tools")
    names = [action.objectName() for action in bar.actions() if action.objectName()]
    assert names[0] == "open"
    assert names.index("pan") < names.index("target") < names.index("background")


def test_no_key_has_two_meanings(window: MainWindow) -> None:
    keys = Counter(key.toString() for action in window.actions() for key in action.shortcuts())
    plain = Counter(QKeySequence(key).toString() for info in window.infos for key in info.plain_keys)
    assert [key for key, count in (keys + plain).items() if count > 1] == []


def test_every_key_is_in_the_list_of_keys(window: MainWindow) -> None:
    listed = " ".join(keys for keys, _ in window.key_rows())
    for action in window.actions():
        assert action.shortcut().toString() in listed
    assert "Space" in listed


def test_every_action_says_what_it_does(window: MainWindow) -> None:
    assert all(action.toolTip() and action.text() for action in window.actions())


class Counting(QObject):
    """A slice of the state, or a controller, that counts its makers."""

    made = 0

    def __init__(self, _owner: ViewerState | Commands) -> None:
        super().__init__()
        Counting.made += 1
        self.cancels = 0
        self.busy = True

    def is_running(self) -> bool:
        return self.busy

    def cancel(self) -> None:
        self.cancels += 1
        self.busy = False


def test_a_features_own_state_and_controller_are_made_once(window: MainWindow) -> None:
    Counting.made = 0
    assert window.state.slice(Counting) is window.state.slice(Counting)
    assert window.commands.part(Counting) is window.commands.part(Counting)
    assert Counting.made == 2


def test_cancel_reaches_the_jobs_of_a_feature(window: MainWindow) -> None:
    part = window.commands.part(Counting)
    window.commands.processing.cancel()
    assert window.commands.can_cancel()
    window.commands.cancel()
    assert part.cancels == 1
    assert not window.commands.can_cancel()


def test_garbage_collection_passes_over_what_was_loaded(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: gc.get_freeze_count() > 0, timeout=30_000)
