"""Persistence in the window: the averaged map, its label, its numbers, and never a frame of anything else."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QSpinBox
from pytestqt.qtbot import QtBot

from app.features.comparison.state import CompareState
from app.features.export.controller import ExportController, figure_content
from app.panels.display import DisplayPanel
from app.panels.measurements import MeasurementsPanel
from app.window.main_window import MainWindow
from engine.figures.compose import compose_frames
from engine.figures.options import FigureOptions

from .conftest import expected_strain

ONE_WINDOW = True


def wait_averaged(window: MainWindow, qtbot: QtBot, frames: tuple[int, ...]) -> None:
    state = window.state
    qtbot.waitUntil(lambda: state.picture is not None and state.picture.averaged == frames, timeout=10_000)


@pytest.fixture(name="averaged")
def fixture_averaged(opened: MainWindow, qtbot: QtBot) -> MainWindow:
    """A window that averages three frames and shows the fourth."""
    opened.commands.playback.show_frame(3)
    panel = opened.findChild(DisplayPanel)
    assert isinstance(panel, DisplayPanel)
    persistence = panel.form.editors["persistence"]
    assert isinstance(persistence, QSpinBox)
    persistence.setValue(3)
    wait_averaged(opened, qtbot, (1, 2, 3))
    return opened


def test_the_map_is_labelled_and_keeps_the_frames_compression(averaged: MainWindow, qtbot: QtBot) -> None:
    state, view = averaged.state, averaged.central.view
    assert state.recording is not None
    assert state.picture is not None
    assert state.picture.strain is not None
    wanted = expected_strain(state.recording.sequence, "first", 3)
    assert float(np.nanmean(state.picture.strain)) == pytest.approx(wanted, rel=0.01)
    assert view.strain.badge() == "Averaged over 3 frames"
    panel = averaged.findChild(MeasurementsPanel)
    assert isinstance(panel, MeasurementsPanel)
    assert "averaged over 3 frames" in panel.frame.text()
    averaged.commands.playback.show_frame(1)
    wait_averaged(averaged, qtbot, (1,))
    assert view.strain.badge() == ""


def test_numbers_history_and_table_are_of_the_averaged_map(averaged: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    state = averaged.state
    qtbot.waitUntil(lambda: len(state.history) == 5, timeout=10_000)
    assert [state.history[frame].averaged for frame in range(1, 6)] == [1, 2, 3, 3, 3]
    path = tmp_path / "metrics.csv"
    averaged.commands.part(ExportController).save_data("table", path)
    qtbot.waitUntil(lambda: not averaged.commands.part(ExportController).is_running(), timeout=20_000)
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    row = next(row for row in csv.DictReader(lines) if row["frame"] == "3")
    assert row["averaged_frames"] == "3"
    for name in ("cnr", "strain_ratio", "snre"):
        shown = state.measurements.values[name].value
        assert float(row[name]) == pytest.approx(shown, rel=1e-8)
        assert state.history[3].values[name].value == shown


def test_exports_show_and_say_the_same(averaged: MainWindow) -> None:
    state = averaged.state
    source = averaged.commands.part(ExportController).figure_source(None)
    assert source is not None
    content = figure_content(source, FigureOptions())
    assert "Averaged over 3 frames (1 to 3)." in content.remarks
    assert state.picture is not None
    np.testing.assert_array_equal(content.strain[0].strain, state.picture.strain)
    series = averaged.commands.part(ExportController).series_source(None)
    assert series is not None
    shown = list(compose_frames(series.run.result, series.choices))
    np.testing.assert_array_equal(shown[2].strain[0].strain, state.picture.strain)
    assert shown[2].strain[0].metrics["cnr"] == state.measurements.values["cnr"]
    assert shown[0].remarks == ("Averaged over 1 frame (1).",)


def test_the_comparison_is_of_averaged_maps(averaged: MainWindow, qtbot: QtBot) -> None:
    compare = averaged.state.slice(CompareState)
    averaged.actions_by_name["compare"].trigger()
    compare.choose(-1, 5)
    qtbot.waitUntil(lambda: compare.comparison is not None and compare.comparison.second.frame == 5, timeout=10_000)
    assert compare.comparison is not None
    assert compare.comparison.first.averaged == (1, 2, 3)
    assert compare.comparison.second.averaged == (3, 4, 5)
    averaged.commands.change_display(persistence=1)
    qtbot.waitUntil(lambda: compare.comparison is not None and compare.comparison.first.averaged == (3,))


def test_another_method_brings_its_own_frames(averaged: MainWindow, qtbot: QtBot) -> None:
    state = averaged.state
    averaged.commands.processing.choose_method("second")
    averaged.commands.processing.start()
    assert state.recording is not None
    wanted = expected_strain(state.recording.sequence, "second", 3)

    def right() -> bool:
        picture = state.picture
        return (
            picture is not None
            and picture.strain is not None
            and picture.averaged == (1, 2, 3)
            and abs(float(np.nanmean(picture.strain)) / wanted - 1) < 0.01
        )

    qtbot.waitUntil(right, timeout=10_000)


def test_fast_switching_never_shows_what_was_not_asked_for(opened: MainWindow, qtbot: QtBot) -> None:
    """Whatever is shown says by itself over which frames it is averaged, and it is as many as were asked for."""
    state = opened.state
    wrong: list[tuple[int, int]] = []

    def look() -> None:
        picture = state.picture
        if picture is not None and picture.strain is not None and len(picture.averaged) > picture.persistence:
            wrong.append((picture.frame, len(picture.averaged)))

    state.picture_changed.connect(look)
    for turn in range(30):
        opened.commands.change_display(persistence=1 + turn % 4)
        opened.commands.playback.show_frame(1 + turn % 5)
    opened.commands.change_display(persistence=2)
    opened.commands.playback.show_frame(5)
    wait_averaged(opened, qtbot, (4, 5))
    assert not wrong


def test_sliding_pairs_are_not_averaged_and_say_so(averaged: MainWindow, qtbot: QtBot) -> None:
    state, processing = averaged.state, averaged.commands.processing
    processing.set_preparation(replace(state.settings.preparation, pairing="sliding"))
    processing.start()
    qtbot.waitUntil(lambda: state.picture is not None and state.picture.strain is not None, timeout=10_000)
    assert "own reference" in averaged.central.view.strain.badge()
