"""The log: what was told is there with its time, also from other threads, and can be copied and saved."""

import logging
import re
import threading
import warnings
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QDockWidget, QFileDialog, QMessageBox
from pytestqt.qtbot import QtBot

from app.features.log.panel import LogPanel
from app.features.log.state import KEPT_ENTRIES, LogState
from app.window.main_window import MainWindow

from .conftest import shown_error


def panel_of(window: MainWindow) -> LogPanel:
    panel = window.findChild(LogPanel)
    assert isinstance(panel, LogPanel)
    return panel


def test_everything_that_is_told_is_written_down(opened: MainWindow) -> None:
    text = opened.state.slice(LogState).text()
    assert "Opened one" in text
    assert "Estimating: First method, reference frame 0; method: window_m 0.002" in text
    assert "frames estimated on CPU" in text
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  (note|warning|error) ", line) for line in text.splitlines())
    assert panel_of(opened).text.toPlainText() == text.rstrip("\n")


def test_errors_are_written_down(window: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    window.open_paths((tmp_path / "absent.h5",))
    log = window.state.slice(LogState)
    qtbot.waitUntil(lambda: any(entry.level == "error" for entry in log.entries))
    assert "absent.h5" in log.text()
    assert shown_error(window)


def test_libraries_are_heard_on_any_thread(window: MainWindow, qtbot: QtBot) -> None:
    log = window.state.slice(LogState)

    def speak() -> None:
        logging.getLogger("some.library").warning("odd\nthing %d", 7)

    thread = threading.Thread(target=speak)
    thread.start()
    thread.join()
    qtbot.waitUntil(lambda: "some.library: odd thing 7" in log.text())
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("a strange value", RuntimeWarning, stacklevel=1)
    qtbot.waitUntil(lambda: "a strange value" in log.text())


def test_closing_ends_the_listening(window: MainWindow) -> None:
    before = len(logging.getLogger().handlers)
    window.close()
    assert len(logging.getLogger().handlers) == before - 1


def test_the_log_can_be_shown_copied_saved_and_cleared(
    window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dock = window.findChild(QDockWidget, "log")
    assert not dock.isVisible()
    window.actions_by_name["log"].trigger()
    assert dock.isVisible()
    window.state.set_notice("something happened")
    panel = panel_of(window)
    panel.copy.click()
    assert "something happened" in QApplication.clipboard().text()
    path = tmp_path / "strainscope.log"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    panel.save.click()
    assert "something happened" in path.read_text(encoding="utf-8")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "absent" / "x.log"), ""))
    panel.save.click()
    assert "cannot write" in window.state.notice
    panel.clear.click()
    assert panel.text.toPlainText() == ""


def test_the_log_does_not_grow_without_end(window: MainWindow) -> None:
    log = window.state.slice(LogState)
    log.entries += [log.entries[0]] * (KEPT_ENTRIES + 10)
    log.add("note", "the last")
    assert len(log.entries) == KEPT_ENTRIES
    assert "the last" in log.text()


def test_the_about_box_names_versions_and_device(window: MainWindow) -> None:
    window.actions_by_name["about"].trigger()
    box = window.findChild(QMessageBox)
    assert isinstance(box, QMessageBox)
    text = box.informativeText()
    for name in ("PySide6", "torch", "numpy", "Python", "Compute device: "):
        assert name in text
    copy = next(button for button in box.buttons() if button.text() == "Copy")
    copy.click()
    assert box.isVisible()
    assert "Strainscope" in QApplication.clipboard().text()
    box.close()
