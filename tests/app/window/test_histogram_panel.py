"""The histogram panel: the numbers of the table, drags, frames and signs, and what to do where there is nothing."""

from dataclasses import replace

import pytest
from pytestqt.qtbot import QtBot

from app.panels.histogram import HistogramPanel
from app.state import Role
from app.window.main_window import MainWindow


@pytest.fixture(name="panel")
def fixture_panel(opened: MainWindow) -> HistogramPanel:
    opened.docks.show("histogram")
    panel = opened.findChild(HistogramPanel)
    assert isinstance(panel, HistogramPanel)
    panel.refresh()
    return panel


def mean_of(window: MainWindow, role: Role) -> float:
    return window.state.measurements.values[f"mean_{role.value}"].value


def test_it_shows_the_means_of_the_table(opened: MainWindow, panel: HistogramPanel) -> None:
    for role in (Role.TARGET, Role.BACKGROUND):
        assert panel.graph.means[role].value() == mean_of(opened, role)
        assert panel.legends[role].isVisibleTo(panel)
        assert "px" in panel.legends[role].text()
    assert not panel.words.text()


def test_it_follows_frames_drags_and_the_sign(opened: MainWindow, panel: HistogramPanel, qtbot: QtBot) -> None:
    opened.commands.playback.show_frame(4)
    qtbot.waitUntil(lambda: opened.state.picture is not None and opened.state.picture.frame == 4)
    line = panel.graph.means[Role.TARGET]
    qtbot.waitUntil(lambda: line.value() == mean_of(opened, Role.TARGET))
    before = panel.legends[Role.TARGET].text()
    target = opened.state.regions.target
    assert target is not None
    opened.commands.regions.edit(Role.TARGET, replace(target, semi_axial_m=1.5e-3), finished=False)
    qtbot.waitUntil(lambda: panel.legends[Role.TARGET].text() != before)
    compressive = line.value()
    opened.commands.change_display(quantity="signed")
    qtbot.waitUntil(lambda: line.value() == -compressive)


def test_without_strain_or_regions_it_says_what_to_do(opened: MainWindow, panel: HistogramPanel, qtbot: QtBot) -> None:
    opened.commands.regions.clear()
    qtbot.waitUntil(lambda: "Draw a target (T)" in panel.words.text())
    assert panel.graph.isHidden()
    opened.commands.regions.undo_stack.undo()
    opened.commands.regions.select(Role.BACKGROUND)
    opened.commands.regions.delete_selected()
    qtbot.waitUntil(lambda: "has not been drawn" in panel.legends[Role.BACKGROUND].text())
    assert not panel.graph.isHidden()
    opened.commands.playback.show_frame(0)
    qtbot.waitUntil(lambda: panel.words.text() == "No strain in this frame.")


def test_a_hidden_panel_computes_nothing(opened: MainWindow, panel: HistogramPanel, qtbot: QtBot) -> None:
    opened.docks.show("graphs")
    qtbot.waitUntil(lambda: not panel.isVisible())
    before = panel.graph.means[Role.TARGET].value()
    opened.commands.playback.show_frame(4)
    qtbot.waitUntil(lambda: opened.state.measurements.frame == 4)
    qtbot.wait(100)
    assert panel.graph.means[Role.TARGET].value() == before
    opened.docks.show("histogram")
    qtbot.waitUntil(lambda: panel.graph.means[Role.TARGET].value() == mean_of(opened, Role.TARGET))


def test_it_takes_the_colours_of_both_themes(opened: MainWindow, panel: HistogramPanel) -> None:
    dark = panel.grab().toImage()
    opened.set_theme("light")
    assert panel.grab().toImage() != dark


def test_numbers_below_one_are_not_scaled_when_the_theme_changes(opened: MainWindow, panel: HistogramPanel) -> None:
    axis = panel.graph.getPlotItem().getAxis("bottom")
    panel.graph.setXRange(0.2, 0.8)
    for theme in ("light", "dark"):
        opened.set_theme(theme)
        assert axis.autoSIPrefixScale == 1
