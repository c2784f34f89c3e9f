"""Files that vanish while the window shows them: one clear line, said once, and the window goes on."""

import shutil
from pathlib import Path

from PySide6.QtWidgets import QMessageBox
from pytestqt.qtbot import QtBot

from app.window.main_window import MainWindow

from .conftest import open_and_wait


def errors(window: MainWindow) -> list[str]:
    return [box.text() for box in window.findChildren(QMessageBox) if box.isVisible()]


def forget_pictures(window: MainWindow) -> None:
    window.commands.pictures._cache._kept.clear()
    run = window.state.run
    assert run is not None
    run.store._cache.clear()


def test_a_cine_whose_file_is_gone_stops_and_says_so_once(
    opened: MainWindow, recording_path: Path, other_path: Path, qtbot: QtBot
) -> None:
    recording_path.unlink()
    forget_pictures(opened)
    opened.commands.playback.toggle()
    qtbot.waitUntil(lambda: errors(opened) != [])
    assert not opened.state.playing
    for other in range(opened.state.recording.frames):  # type: ignore[union-attr]
        opened.commands.playback.show_frame(other)
        qtbot.wait(20)
    qtbot.waitUntil(lambda: not opened.jobs.pictures.busy())
    qtbot.wait(20)
    assert errors(opened) == ["one.h5: the file is not there any more"]
    assert not opened.commands.playback._timer.isActive()
    for box in opened.findChildren(QMessageBox):
        box.close()
    open_and_wait(opened, (other_path,), qtbot)
    assert errors(opened) == []


def test_temporary_results_that_something_deleted_are_said(
    opened: MainWindow, recording_path: Path, qtbot: QtBot
) -> None:
    run = opened.state.run
    assert run is not None
    shutil.rmtree(run.store.folder)
    forget_pictures(opened)
    opened.commands.playback.show_frame(3)
    qtbot.waitUntil(lambda: errors(opened) != [])
    (line,) = errors(opened)
    assert "open the recording again" in line
    for box in opened.findChildren(QMessageBox):
        box.close()
    open_and_wait(opened, (recording_path,), qtbot)
    assert errors(opened) == []


def test_the_same_error_is_not_piled_up(window: MainWindow) -> None:
    for text in ("one", "two", "one", "two"):
        window.show_error(text)
    assert sorted(errors(window)) == ["one", "two"]
    for box in window.findChildren(QMessageBox):
        box.close()
    window.show_error("one")
    assert errors(window) == ["one"]
    for box in window.findChildren(QMessageBox):
        box.close()
