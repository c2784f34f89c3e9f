"""Relative strain: on screen, in the comparison, in every export, and never in the table's means."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtWidgets import QDoubleSpinBox
from pytestqt.qtbot import QtBot

from app.features.comparison.state import CompareState
from app.features.comparison.view import CompareView
from app.features.export.controller import ExportController, figure_content
from app.panels.display import DisplayPanel
from app.window.main_window import MainWindow
from engine.figures.compose import compose_frames
from engine.figures.options import FigureOptions


@pytest.fixture(name="relative")
def fixture_relative(opened: MainWindow) -> MainWindow:
    """A window that shows relative strain."""
    opened.actions_by_name["relative"].trigger()
    assert opened.state.display.relative
    return opened


def test_the_map_and_its_colour_bar(relative: MainWindow) -> None:
    view, picture = relative.central.view, relative.state.picture
    assert "no unit" in view.strain.bar.accessibleName()
    assert view.limits is not None
    assert 0.9 < view.limits.low_percent < view.limits.high_percent < 1.1
    assert picture is not None
    assert picture.mean_strain == pytest.approx(float(np.nanmean(picture.strain)), rel=1e-3)
    words = view.read_out((0.0, 3e-3))
    assert "relative 1.0" in words or "relative 0.99" in words
    assert " %" in words


def test_limits_of_all_frames_and_by_hand(relative: MainWindow) -> None:
    view = relative.central.view
    relative.commands.change_display(limits="recording")
    assert view.limits is not None
    assert view.limits.high_percent < 1.2
    panel = relative.findChild(DisplayPanel)
    assert isinstance(panel, DisplayPanel)
    relative.commands.change_display(limits="manual")
    high, high_percent = panel.form.editors["high_relative"], panel.form.editors["high_percent"]
    assert isinstance(high, QDoubleSpinBox)
    assert isinstance(high_percent, QDoubleSpinBox)
    high.setValue(3.5)
    assert relative.state.display.high_relative == 3.5
    assert relative.state.display.high_percent == 2.0
    assert high.suffix() == ""
    assert (high.isHidden(), high_percent.isHidden()) == (False, True)
    assert view.limits.high_percent == 3.5
    relative.commands.change_display(relative=False)
    assert high_percent.suffix() == " %"
    assert (high.isHidden(), high_percent.isHidden()) == (True, False)
    assert view.limits.high_percent == 2.0


def test_a_frame_that_was_hardly_compressed_says_so(relative: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    state = relative.state
    assert state.picture is not None
    state.set_picture(replace(state.picture, mean_strain=float("nan")))
    assert "hardly compressed" in relative.central.view.strain.message()
    relative.commands.change_display(relative=False)
    assert relative.central.view.strain.message() == ""


def test_the_numbers_stay_what_they_are(opened: MainWindow) -> None:
    before = dict(opened.state.measurements.values)
    opened.actions_by_name["relative"].trigger()
    assert dict(opened.state.measurements.values) == before
    assert before["mean_target"].unit == "%"


def test_a_figure_shows_the_same(relative: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    source = relative.commands.part(ExportController).figure_source(None)
    assert source is not None
    content = figure_content(source, FigureOptions())
    assert content.scale.quantity.name == "relative-compressive"
    assert float(np.nanmean(content.strain[0].strain)) == pytest.approx(1.0, abs=0.01)
    assert "Divided by the mean strain" in content.remarks[0]
    path = tmp_path / "figure.png"
    relative.commands.part(ExportController).save_figure(source, FigureOptions(dpi=72), path)
    qtbot.waitUntil(lambda: not relative.commands.part(ExportController).is_running(), timeout=20_000)
    with Image.open(path) as image:
        assert "divided by the mean of each frame" in image.info["Description"]


def test_movies_and_sheets_show_the_same(relative: MainWindow) -> None:
    source = relative.commands.part(ExportController).series_source(None)
    assert source is not None
    shown = list(compose_frames(source.run.result, source.choices))
    assert len(shown) == 5
    for content in shown:
        assert content.scale.quantity.name == "relative-compressive"
        assert content.scale.limits is not None
        assert content.scale.limits[1] < 1.5
        assert float(np.nanmean(content.strain[0].strain)) == pytest.approx(1.0, abs=0.01)
        assert content.remarks


def test_a_comparison_of_relative_strain(relative: MainWindow, qtbot: QtBot) -> None:
    """Two frames of constant strain differ in per cent, and not in relative strain."""
    compare = relative.state.slice(CompareState)
    relative.actions_by_name["compare"].trigger()
    compare.choose(-1, 5)
    qtbot.waitUntil(lambda: compare.comparison is not None and compare.comparison.second.frame == 5, timeout=10_000)
    assert compare.comparison is not None
    first, second = compare.comparison.first, compare.comparison.second
    difference = first.values / first.mean - second.values / second.mean
    assert abs(float(np.nanmedian(difference))) < 1e-3
    view = relative.findChild(CompareView)
    assert isinstance(view, CompareView)
    assert "no unit" in view.difference.bar.accessibleName()


def test_a_comparison_says_which_frame_was_hardly_compressed(relative: MainWindow, qtbot: QtBot) -> None:
    compare = relative.state.slice(CompareState)
    relative.actions_by_name["compare"].trigger()
    view = relative.findChild(CompareView)
    assert isinstance(view, CompareView)
    compare.choose(-1, 5)
    qtbot.waitUntil(lambda: compare.comparison is not None, timeout=10_000)
    assert compare.comparison is not None
    still = replace(compare.comparison, second=replace(compare.comparison.second, mean=float("nan")))
    view.show_comparison(still, relative.state.display, "")
    assert view.first.message() == ""
    assert "Hardly compressed" in view.second.message()
