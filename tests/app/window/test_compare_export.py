"""The exported comparison: the maps, limits and numbers of the view, and the provenance of both."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from app.features.comparison.export import CompareExportController, comparison_content
from app.features.comparison.state import CompareState
from app.features.comparison.view import CompareView
from app.features.export.figure_dialog import FigureDialog
from app.window.main_window import MainWindow
from engine.figures.content import difference_of
from engine.figures.options import FigureOptions

from .conftest import shown_error
from .test_comparing import compared, run_second

ONE_WINDOW = True


@pytest.fixture(name="comparing")
def fixture_comparing(opened: MainWindow, qtbot: QtBot) -> MainWindow:
    """A window that compares two methods."""
    run_second(opened, qtbot)
    opened.actions_by_name["compare"].trigger()
    frame = opened.state.frame
    compared(opened, qtbot, ("first", frame), ("second", frame))
    return opened


def test_the_button_writes_what_the_view_shows(
    comparing: MainWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = comparing.findChild(CompareView)
    assert isinstance(view, CompareView)
    path = tmp_path / "comparison.png"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    assert comparing.actions_by_name["compare_figure"].isEnabled()
    view.export.click()
    dialog = comparing.findChild(FigureDialog)
    assert isinstance(dialog, FigureDialog)
    qtbot.waitUntil(lambda: dialog.picture() is not None, timeout=20_000)
    dialog.form.editors["dpi"].setValue(60)
    dialog.accept()
    qtbot.waitUntil(path.is_file, timeout=20_000)
    qtbot.waitUntil(lambda: "Written" in comparing.state.notice)
    with Image.open(path) as image:
        text, resolution = image.info["Description"], image.info["dpi"][0]
    assert resolution == pytest.approx(60, abs=0.1)
    assert "A: program: strainscope 0; method: first" in text
    assert "B: program: strainscope 0; method: second" in text


def test_maps_limits_and_numbers_are_those_of_the_view(comparing: MainWindow) -> None:
    view, compare = comparing.findChild(CompareView), comparing.state.slice(CompareState)
    assert isinstance(view, CompareView)
    assert view.limits is not None
    assert compare.comparison is not None
    source = comparing.commands.part(CompareExportController).source(
        (view.limits.low_percent, view.limits.high_percent)
    )
    assert source is not None
    content = comparison_content(source, FigureOptions())
    assert content.scale.limits == (view.limits.low_percent, view.limits.high_percent)
    for panel, side, key in zip(
        content.strain, (compare.comparison.first, compare.comparison.second), ("first", "second"), strict=True
    ):
        assert np.array_equal(panel.strain, side.values, equal_nan=True)
        assert view.cells[key, "snre"].text() == f"{panel.metrics['snre'].value:.3g}".replace("-", "\u2212")
    assert content.marks.target == comparing.state.regions.target
    comparing.commands.change_display(relative=True)
    again = comparing.commands.part(CompareExportController).source(None)
    assert again is not None
    relative = comparison_content(again, FigureOptions())
    assert float(np.nanmedian(relative.strain[0].strain)) == pytest.approx(1.0, abs=0.02)
    assert relative.remarks[0].startswith("A: Divided by the mean strain")
    assert "no unit" in difference_of(relative).quantity.label


def test_the_dialog_decides_what_is_drawn(comparing: MainWindow) -> None:
    source = comparing.commands.part(CompareExportController).source(None)
    assert source is not None
    comparing.actions_by_name["compare_figure"].trigger()
    dialog = comparing.findChild(FigureDialog)
    assert isinstance(dialog, FigureDialog)
    assert set(dialog.checks) == {
        "ellipses",
        "numbers",
        "caption",
        "settings",
        "scale_bar",
    }  # there is no B-mode in a comparison
    content = comparison_content(source, dialog.options())
    assert content.options.caption
    assert content.marks.target == comparing.state.regions.target
    for check in dialog.checks.values():
        check.setChecked(False)
    dialog.checks["scale_bar"].setChecked(True)
    dialog.title.setText("Two methods")
    bare = comparison_content(source, dialog.options())
    page = bare.options
    assert (bare.marks.target, page.caption, page.scale_bar, page.title) == (None, False, True, "Two methods")
    assert not any(panel.metrics for panel in bare.strain)
    dialog.reject()


def test_without_a_comparison_nothing_can_be_exported(opened: MainWindow) -> None:
    assert not opened.actions_by_name["compare_figure"].isEnabled()
    assert opened.commands.part(CompareExportController).source(None) is None
    assert "no comparison" in shown_error(opened)


def test_a_place_that_cannot_be_written_is_told(comparing: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    exporting = comparing.commands.part(CompareExportController)
    source = exporting.source(None)
    assert source is not None
    exporting.save_figure(source, FigureOptions(), tmp_path / "nowhere" / "c.png")
    texts: list[str] = []
    qtbot.waitUntil(lambda: bool(texts.append(shown_error(comparing)) or texts[-1]), timeout=20_000)
    assert "nowhere" in texts[-1]
    assert not exporting.is_running()
    assert comparing.state.activity is None
