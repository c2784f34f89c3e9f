"""Templates in the window: kept by name, applied to another recording in one step, deleted."""

from pathlib import Path

import pytest
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QInputDialog, QMenu
from pytestqt.qtbot import QtBot

from app.features.templates.controller import TemplatesController
from app.features.templates.storage import templates_path
from app.state import Regions, Role
from app.window.main_window import MainWindow
from engine.types import Ellipse

from .conftest import open_and_wait, shown_error


def menu_of(window: MainWindow, text: str) -> list[QAction]:
    """Entries of a menu that is filled when it opens."""
    menus = [menu for menu in window.findChildren(QMenu) if menu.title().replace("&", "") == text]
    assert len(menus) == 1
    menus[0].aboutToShow.emit()
    return menus[0].actions()


def save_as(window: MainWindow, name: str) -> None:
    window.actions_by_name["save_template"].trigger()
    dialog = window.findChild(QInputDialog)
    assert dialog is not None
    dialog.setTextValue(name)
    dialog.accept()


def test_kept_regions_go_onto_another_recording_in_one_step(opened: MainWindow, other_path: Path, qtbot: QtBot) -> None:
    regions = opened.state.regions
    assert not menu_of(opened, "Apply template")[0].isEnabled()
    save_as(opened, "phantom")
    assert "phantom" in opened.state.notice
    open_and_wait(opened, (other_path,), qtbot)
    assert opened.state.regions == Regions()
    (entry,) = menu_of(opened, "Apply template")
    assert entry.text() == "phantom"
    assert "Target: 2.0 x 2.4 mm" in entry.toolTip()
    entry.trigger()
    for role in (Role.TARGET, Role.BACKGROUND):
        applied, wanted = opened.state.regions.get(role), regions.get(role)
        assert applied is not None
        assert wanted is not None
        assert vars(applied) == pytest.approx(vars(wanted))
    assert opened.commands.regions.undo_stack.count() == 1
    opened.actions_by_name["undo"].trigger()
    assert opened.state.regions == Regions()
    menu_of(opened, "Delete template")[0].trigger()
    assert menu_of(opened, "Apply template")[0].text() == "No template kept yet"


def test_regions_beyond_the_image_are_shifted_into_it_and_others_stay(opened: MainWindow) -> None:
    background = opened.state.regions.background
    opened.commands.regions.replace_all(Regions(Ellipse(50e-3, 80e-3, 1e-3, 1e-3)), "test")
    save_as(opened, "far off")
    opened.actions_by_name["undo"].trigger()
    opened.commands.part(TemplatesController).apply("far off")
    target, recording = opened.state.regions.target, opened.state.recording
    assert target is not None
    assert recording is not None
    left, top, width, height = recording.grid.edges_m()
    assert target.lateral_m == pytest.approx(left + width - 1e-3)
    assert target.depth_m == pytest.approx(top + height - 1e-3)
    assert opened.state.regions.background == background
    assert "moved or made smaller" in opened.state.notice


def test_a_damaged_file_is_told_and_kept(opened: MainWindow) -> None:
    templates_path().parent.mkdir(parents=True, exist_ok=True)
    templates_path().write_text("damaged", encoding="utf-8")
    assert "cannot be read" in menu_of(opened, "Apply template")[0].text()
    opened.actions_by_name["save_template"].trigger()
    assert "no JSON text" in shown_error(opened)
    assert templates_path().read_text(encoding="utf-8") == "damaged"


def test_without_regions_there_is_nothing_to_keep(opened: MainWindow) -> None:
    opened.commands.regions.clear()
    assert not opened.actions_by_name["save_template"].isEnabled()
