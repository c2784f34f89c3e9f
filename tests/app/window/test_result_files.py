"""Results in the window: with their recording, without it, and a folder of them to step through."""

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from PySide6.QtWidgets import QMessageBox
from pytestqt.qtbot import QtBot

from app.features.results.feature import ResultsFeature
from app.features.results.panel import ResultsPanel
from app.features.results.state import ResultListState
from app.window.central import NO_RF
from app.window.main_window import MainWindow
from engine.export.result_file import read_result

from .conftest import error_of, shown_error
from .test_kept_results import Make, fixture_estimated, fixture_make, kept_frames

__all__ = ["fixture_estimated", "fixture_make"]


def show(window: MainWindow, path: Path, qtbot: QtBot) -> None:
    """Open and wait until strain is shown."""
    before = window.state.recording
    window.open_paths((path,))
    qtbot.waitUntil(lambda: window.state.recording is not before, timeout=10_000)
    wait_for_strain(window, qtbot)


def wait_for_strain(window: MainWindow, qtbot: QtBot) -> None:
    state = window.state
    qtbot.waitUntil(lambda: state.run is not None and state.run.status == "complete", timeout=10_000)
    qtbot.waitUntil(lambda: state.picture is not None and state.picture.strain is not None, timeout=10_000)


def question(window: MainWindow, qtbot: QtBot) -> QMessageBox:
    qtbot.waitUntil(lambda: any(box.isVisible() for box in window.findChildren(QMessageBox)), timeout=10_000)
    return next(box for box in window.findChildren(QMessageBox) if box.isVisible())


def press(box: QMessageBox, words: str) -> None:
    next(button for button in box.buttons() if words in button.text()).click()


def folder_of(tmp_path: Path, *files: Path) -> Path:
    folder = tmp_path / "cohort"
    folder.mkdir()
    for file in files:
        shutil.copy(file, folder)
    return folder


def test_a_result_is_joined_with_the_recording_beside_it(
    make: Make, rf_file: Path, result_file: Path, tmp_path: Path, estimated: list[str], qtbot: QtBot
) -> None:
    folder = folder_of(tmp_path, rf_file, result_file)
    window = make()
    show(window, folder / result_file.name, qtbot)
    state = window.state
    assert state.recording is not None
    assert state.recording.sequence.name == rf_file.name
    assert state.run is not None
    assert result_file.name in state.run.title
    assert state.settings.method == "ncc"
    picture = state.picture
    assert picture is not None
    assert picture.bmode.max() > 0
    stored = read_result(result_file).read_frame(picture.frame - 1).strain.axial
    np.testing.assert_array_equal(picture.strain, stored)  # type: ignore[arg-type]
    window.actions_by_name["estimate"].trigger()
    assert estimated == []
    assert kept_frames(tmp_path) == []  # what another program may have made is not taken for ours
    window.commands.regions.put_in_the_middle()
    show_regions = state.regions
    window.open_paths((folder / rf_file.name,))
    qtbot.waitUntil(lambda: state.recording is not None and state.recording.sequence.result is None, timeout=10_000)
    assert state.regions == show_regions  # one recording, one workspace


def test_without_its_recording_there_is_no_b_mode_and_that_is_said(
    make: Make, result_file: Path, rf_file: Path, tmp_path: Path, estimated: list[str], qtbot: QtBot
) -> None:
    window = make()
    path = folder_of(tmp_path, result_file) / result_file.name
    window.open_paths((path,))
    box = question(window, qtbot)
    assert rf_file.name in box.text()
    press(box, "without B-mode")
    wait_for_strain(window, qtbot)
    assert window.central.view.bmode.message() == NO_RF
    assert window.state.picture is not None
    assert window.state.picture.bmode.max() == 0
    assert not window.actions_by_name["geometry"].isEnabled()
    window.commands.processing.choose_method("loupas")
    window.actions_by_name["estimate"].trigger()
    assert "recording of this result was not found" in window.state.notice
    assert estimated == []
    before = window.state.recording
    window.open_paths((path,))  # asked once
    qtbot.waitUntil(lambda: window.state.recording is not before, timeout=10_000)


def test_the_recording_that_is_named_is_asked_for_once(
    make: Make, result_file: Path, rf_file: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    window = make()
    path = folder_of(tmp_path, result_file) / result_file.name
    other = tmp_path / "other.h5"
    shutil.copy(rf_file, other)
    with h5py.File(other, "r+") as file:
        file["rf"][0, 0, 0] += 1
    asked = iter(((other,), (rf_file,)))
    window.findChild(ResultsFeature).ask_recording = lambda *_: next(asked)
    window.open_paths((path,))
    press(question(window, qtbot), "Choose")
    assert "other.h5: is another recording" in error_of(window, qtbot)
    window.open_paths((path,))
    press(question(window, qtbot), "Choose")
    wait_for_strain(window, qtbot)
    assert window.central.view.bmode.message() == ""
    window.close()
    again = make()
    show(again, path, qtbot)  # the recording's workspace knows where it lies
    assert again.state.recording is not None
    assert again.state.recording.sequence.has_rf


def test_a_folder_of_results_is_a_list_to_step_through(
    make: Make, result_file: Path, rf_file: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    folder = folder_of(tmp_path, rf_file, result_file)
    for name in ("b-result.h5", "a-result.h5"):
        shutil.copy(result_file, folder / name)
    window = make()
    show(window, folder, qtbot)
    results = window.state.slice(ResultListState)
    assert [path.name for path in results.paths] == ["a-result.h5", "b-result.h5", "small-result.h5"]
    panel = window.findChild(ResultsPanel)
    assert panel.isVisible()
    assert [panel.list.item(row).text() for row in range(panel.list.count())] == ["a", "b", "small"]
    assert results.shown == folder / "a-result.h5"
    assert not window.actions_by_name["previous_result"].isEnabled()
    window.actions_by_name["next_result"].trigger()
    qtbot.waitUntil(lambda: results.shown == folder / "b-result.h5", timeout=10_000)
    assert panel.list.currentRow() == 1
    panel.list.itemClicked.emit(panel.list.item(2))
    qtbot.waitUntil(lambda: results.shown == folder / "small-result.h5", timeout=10_000)
    wait_for_strain(window, qtbot)
    assert not window.actions_by_name["next_result"].isEnabled()
    window.open_paths((folder / rf_file.name,))
    qtbot.waitUntil(lambda: results.paths == (), timeout=10_000)


@pytest.mark.parametrize("opened_by", ["table", "folder"])
def test_the_table_of_a_batch_is_the_same_list_with_words(
    make: Make, result_file: Path, rf_file: Path, tmp_path: Path, qtbot: QtBot, opened_by: str
) -> None:
    folder = folder_of(tmp_path, rf_file, result_file)
    shutil.copy(result_file, folder / "a-result.h5")
    table = folder / "summary.csv"
    lines = (f"{rf_file.name},{result_file.name},{frame},4,{word}" for frame, word in ((1, "good"), (2, "poor")))
    table.write_text("# target: none\nrecording,result,frame,cnr,reliability\n" + "\n".join(lines) + "\n")
    window = make()
    show(window, table if opened_by == "table" else folder, qtbot)
    results, panel = window.state.slice(ResultListState), window.findChild(ResultsPanel)
    said = f"{result_file.stem.removesuffix('-result')}\n1 of 2 frames worth keeping, CNR 4.00"
    texts = [panel.list.item(row).text() for row in range(panel.list.count())]
    assert texts == ([said] if opened_by == "table" else ["a", said])
    assert results.shown == results.paths[0]


@pytest.mark.parametrize("attribute", ["method", "parameters"])
def test_a_result_that_cannot_be_made_again_here_is_shown_all_the_same(
    make: Make, result_file: Path, rf_file: Path, tmp_path: Path, qtbot: QtBot, attribute: str
) -> None:
    folder = folder_of(tmp_path, rf_file, result_file)
    with h5py.File(folder / result_file.name, "r+") as file:
        file.attrs[attribute] = {"method": "gone", "parameters": '{"method": {"gone": 1}}'}[attribute]
    window = make()
    show(window, folder / result_file.name, qtbot)
    assert "not made again here" in window.state.notice
    assert shown_error(window) == ""
