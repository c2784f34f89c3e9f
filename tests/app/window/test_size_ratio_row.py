"""The lesion's own outline on the B-mode: drawn, shown in both views, compared with the target, exported."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.features.export.controller import ExportController
from app.panels.measurements import MeasurementsPanel
from app.state import Regions, Role, Tool
from app.window.main_window import MainWindow
from engine.metrics.number_text import DASH
from engine.types import Ellipse

from .conftest import shown_error

LESION = Ellipse(-2e-3, 3e-3, 0.8e-3, 1.0e-3)
ROW = "eb_area_ratio"


def panel_of(window: MainWindow) -> MeasurementsPanel:
    panel = window.findChild(MeasurementsPanel)
    assert isinstance(panel, MeasurementsPanel)
    return panel


def test_the_row_says_what_to_do_until_both_are_drawn(opened: MainWindow) -> None:
    panel = panel_of(opened)
    assert panel.values[ROW].text() == DASH
    assert "press L" in panel.values[ROW].toolTip()
    assert "B-mode" not in panel.words.text(), "an outline that nobody asked for is no warning"
    opened.commands.regions.set_ellipse(Role.LESION, LESION)
    assert panel.values[ROW].text() == "1.50"
    tip = panel.values[ROW].toolTip()
    assert "3.8 mm\u00b2 over 2.5 mm\u00b2" in tip
    assert "2.4 mm over 2.0 mm, ratio 1.20" in tip
    opened.commands.regions.select(Role.TARGET)
    opened.commands.regions.delete_selected()
    assert panel.values[ROW].text() == DASH
    assert "has not been drawn" in panel.values[ROW].toolTip()


def test_it_is_drawn_and_edited_as_every_region_is(opened: MainWindow, qtbot: QtBot) -> None:
    qtbot.keyClick(opened, Qt.Key.Key_L)
    assert opened.state.tool is Tool.LESION
    opened.commands.regions.draw(LESION, finished=True)
    assert opened.state.selection is Role.LESION
    assert "Arrows move it" in panel_of(opened).buttons[Role.LESION].toolTip()
    for pane in opened.central.view.panes:
        assert pane.regions[Role.LESION].isVisible()
    qtbot.keyClick(opened, Qt.Key.Key_Right)
    qtbot.keyClick(opened, Qt.Key.Key_Right, Qt.KeyboardModifier.AltModifier)
    moved = opened.state.regions.lesion
    assert moved is not None
    assert moved.lateral_m == pytest.approx(LESION.lateral_m + 0.1e-3)
    assert moved.semi_lateral_m == pytest.approx(LESION.semi_lateral_m + 0.1e-3)
    for _ in range(3):
        opened.actions_by_name["undo"].trigger()
    assert opened.state.regions.lesion is None


def test_its_button_and_tool_draw_it(opened: MainWindow) -> None:
    button = panel_of(opened).buttons[Role.LESION]
    assert button.text() == "Lesion on B-mode (L)"
    assert "Outline the same lesion" in button.toolTip()
    button.click()
    assert opened.state.tool is Tool.LESION
    assert "Drag on an image" in button.toolTip()
    opened.actions_by_name["lesion"].trigger()
    assert opened.state.tool is Tool.PAN


def test_strain_metrics_pay_no_heed_to_it(opened: MainWindow) -> None:
    before = {name: entry for name, entry in opened.state.measurements.values.items() if not name.startswith("eb_")}
    opened.commands.regions.set_ellipse(Role.LESION, LESION)
    after = {name: entry for name, entry in opened.state.measurements.values.items() if not name.startswith("eb_")}
    assert before == after


def test_an_outline_that_leaves_the_image_is_warned_of(opened: MainWindow) -> None:
    panel = panel_of(opened)
    opened.commands.regions.set_ellipse(Role.LESION, LESION)
    assert "outline" not in panel.words.text()
    opened.commands.regions.set_ellipse(Role.LESION, replace(LESION, lateral_m=-4.5e-3))
    assert "Lesion: this outline reaches beyond the image" in panel.words.text()
    assert panel.values[ROW].text() == "1.50"  # sizes are those of the whole outlines
    opened.commands.regions.set_ellipse(Role.LESION, replace(LESION, lateral_m=-40e-3))
    assert "Lesion: this region lies outside the image" in panel.words.text()


def test_the_table_has_the_ratios_where_the_lesion_is_outlined(
    opened: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    opened.commands.regions.set_ellipse(Role.LESION, LESION)
    path = tmp_path / "metrics.csv"
    opened.commands.part(ExportController).save_data("table", path)
    qtbot.waitUntil(lambda: not opened.commands.part(ExportController).is_running(), timeout=20_000)
    assert shown_error(opened) == ""
    text = path.read_text(encoding="utf-8")
    row = next(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))
    assert float(row["eb_area_ratio"]) == pytest.approx(1.5)
    assert float(row["eb_diameter_ratio"]) == pytest.approx(1.2)
    assert "# lesion: -2 3 0.8 1 mm" in text


def test_regions_are_replaced_by_role() -> None:
    regions = Regions().replaced(Role.LESION, LESION)
    assert regions == Regions(lesion=LESION)
    assert regions.get(Role.LESION) is LESION
    assert regions.get(Role.TARGET) is None
