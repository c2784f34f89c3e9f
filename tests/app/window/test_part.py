"""The part of the frame drawn by mouse: its text, its outline, and what is no part."""

import pytest
from PySide6.QtCore import QPointF
from PySide6.QtWidgets import QGraphicsRectItem
from pytestqt.qtbot import QtBot

from app.panels.method import MethodPanel
from app.state import Tool
from app.window.main_window import MainWindow

from .conftest import shown_error


def outlines(window: MainWindow) -> list[QGraphicsRectItem]:
    """Return the outlines of the part, one in each pane."""
    found = [
        item
        for pane in window.central.view.panes
        for item in pane.plot.getPlotItem().items
        if type(item) is QGraphicsRectItem
    ]
    assert len(found) == 2
    return found


def test_a_drag_chooses_the_part_and_the_menu_the_whole_frame(opened: MainWindow, qtbot: QtBot) -> None:
    panel = opened.findChild(MethodPanel)
    assert isinstance(panel, MethodPanel)
    panel.draw_part.click()
    assert opened.state.tool is Tool.PART
    box = opened.central.view.strain.plot.box
    start, end = QPointF(3.0, 4.5), QPointF(-2.5, 1.0)
    box.line_drawn.emit(start, QPointF(1.0, 3.0), False)
    assert all(entry.isVisible() for entry in outlines(opened))
    box.line_drawn.emit(start, end, True)
    assert opened.state.tool is Tool.PAN
    assert opened.state.settings.preparation.part == "1:4.5,-2.5:3"
    assert opened.state.regions.target is not None, "regions are not drawn by it"
    for entry in outlines(opened):
        assert entry.rect().getCoords() == pytest.approx((-2.5, 1.0, 3.0, 4.5))
    opened.actions_by_name["whole_frame"].trigger()
    assert opened.state.settings.preparation.part == ""
    assert not any(entry.isVisible() for entry in outlines(opened))


def test_a_part_that_is_too_small_is_refused(opened: MainWindow) -> None:
    opened.actions_by_name["draw_part"].trigger()
    opened.central.view.bmode.plot.box.line_drawn.emit(QPointF(0.0, 1.0), QPointF(0.1, 1.1), True)
    assert opened.state.settings.preparation.part == ""
    assert "the part of the frame holds" in shown_error(opened)
    assert not any(entry.isVisible() for entry in outlines(opened))
