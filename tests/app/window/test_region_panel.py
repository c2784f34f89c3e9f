"""A region's numbers are read and typed in the window, as the command line takes them."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.panels.region import RegionPanel
from app.state import Regions, Role
from app.window.main_window import MainWindow
from engine.types import Ellipse

START = Ellipse(-2e-3, 3e-3, 1e-3, 0.8e-3, 10.0)


@pytest.fixture(name="panel")
def fixture_panel(opened: MainWindow) -> RegionPanel:
    opened.activateWindow()
    opened.commands.regions.place(Regions(target=START))
    opened.docks.show("region")
    panel = opened.findChild(RegionPanel)
    assert isinstance(panel, RegionPanel)
    return panel


def test_the_numbers_of_a_region_are_shown(panel: RegionPanel) -> None:
    assert [editor.value() for editor in panel.editors.values()] == pytest.approx([-2.0, 3.0, 1.0, 0.8, 10.0])
    assert "Area 2.51 mm\u00b2" in panel.facts.text()
    assert "--target=-2,3,1,0.8,10" in panel.facts.text()


def test_a_typed_number_moves_the_region_and_can_be_undone(opened: MainWindow, panel: RegionPanel) -> None:
    depth = panel.editors["depth_m"]
    depth.setFocus()
    depth.selectAll()
    QTest.keyClicks(depth, "4.25")
    QTest.keyClick(depth, Qt.Key.Key_Return)
    target = opened.state.regions.target
    assert target is not None
    assert target.depth_m == pytest.approx(4.25e-3)
    assert target.lateral_m == START.lateral_m
    opened.actions_by_name["undo"].trigger()
    assert opened.state.regions.target == START
    assert depth.value() == pytest.approx(3.0)


def test_without_a_region_the_fields_are_off(opened: MainWindow, panel: RegionPanel) -> None:
    opened.commands.regions.clear()
    assert not any(editor.isEnabled() for editor in panel.editors.values())
    opened.commands.regions.place(Regions(background=START))
    opened.commands.regions.select(Role.BACKGROUND)
    assert panel.heading.text() == Role.BACKGROUND.label
