"""Menus of a right click: regions, images, graphs, numbers."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from app.features.context_menus import ContextMenus
from app.panels.measurements import MeasurementsPanel
from app.state import Role
from app.views.graph import Graph
from app.window.main_window import MainWindow

from .conftest import place

ONE_WINDOW = True


def menus(window: MainWindow) -> ContextMenus:
    found = window.findChild(ContextMenus)
    assert isinstance(found, ContextMenus)
    return found


def press(menu: QMenu, text: str) -> None:
    next(action for action in menu.actions() if action.text() == text).trigger()


def texts(menu: QMenu) -> list[str]:
    return [action.text().split("\t")[0].replace("&", "") for action in menu.actions() if not action.isSeparator()]


def test_a_region_is_copied_centred_and_deleted_and_each_is_one_undo(opened: MainWindow) -> None:
    before = opened.state.regions
    press(menus(opened).region_menu(Role.TARGET), "Copy values")
    assert QGuiApplication.clipboard().text().startswith("--target=-2,3,1,1.2,")
    press(menus(opened).region_menu(Role.TARGET), "Put into the middle")
    assert opened.state.regions.target is not None
    assert opened.state.regions.target.lateral_m == pytest.approx(0.0, abs=1e-9)
    press(menus(opened).region_menu(Role.TARGET), "Delete")
    assert opened.state.regions.target is None
    opened.commands.regions.undo_stack.undo()
    opened.commands.regions.undo_stack.undo()
    assert opened.state.regions == before


@pytest.mark.parametrize(("at_mm", "first"), [((-2.0, 3.0), "Copy values"), ((3.9, 0.6), "Copy image")])
def test_a_right_click_opens_the_menu_of_what_lies_there(
    opened: MainWindow, qtbot: QtBot, at_mm: tuple[float, float], first: str
) -> None:
    pane = opened.central.view.panes[0]
    qtbot.mouseClick(pane.plot.viewport(), Qt.MouseButton.RightButton, pos=place(pane, *at_mm))
    shown = [menu for menu in opened.findChildren(QMenu) if menu.isVisible()]
    assert [texts(menu)[0] for menu in shown] == [first]
    shown[0].close()


def test_images_graphs_and_numbers_are_copied(opened: MainWindow) -> None:
    panel, graph = opened.findChild(MeasurementsPanel), opened.findChild(Graph)
    assert isinstance(panel, MeasurementsPanel)
    assert isinstance(graph, Graph)
    image = menus(opened).image_menu(opened.central.view.panes[1])
    assert texts(image) == ["Copy image", "Show the whole image", "Export figure\u2026"]
    for menu, text in ((image, "Copy image"), (menus(opened).graph_menu(graph), "Copy graph")):
        QGuiApplication.clipboard().clear()
        press(menu, text)
        assert not QGuiApplication.clipboard().pixmap().isNull()
    numbers = menus(opened).numbers_menu(panel)
    press(numbers, "Copy values")
    heads, first, *_ = QGuiApplication.clipboard().text().splitlines()
    assert heads.split("\t") == ["", "Value", "\u00b1", "dB"]
    name = next(iter(panel.values))
    assert first.split("\t")[:3] == ["SNRt", panel.values[name].text(), panel.sigmas[name].text()]
    assert "Export table\u2026" in texts(numbers)
