"""After closing, nothing is left: no thread, timer, window, temporary folder or listener, whatever was going on."""

import gc
import logging
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from shiboken6 import isValid

from app.controllers.estimation import Engine
from app.window.main_window import MainWindow

from .conftest import FakeEngine, open_and_wait

DEFERRED_DELETE = 52


def play(window: MainWindow) -> None:
    window.commands.playback.toggle()


def estimate(window: MainWindow) -> None:
    window.commands.processing.choose_method("second")
    window.commands.processing.start()


def ask(window: MainWindow) -> None:
    window.actions_by_name["preferences"].trigger()


def export(window: MainWindow) -> None:
    window.actions_by_name["figure"].trigger()


def drag(window: MainWindow) -> None:
    window.commands.regions.mirror_background()


BUSY: tuple[Callable[[MainWindow], None], ...] = (play, estimate, ask, export, drag)


def workers() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("strainscope-")]


@pytest.mark.parametrize("busy", BUSY)
def test_nothing_is_left_after_closing(
    make_window: Callable[..., MainWindow], qapp: QApplication, recording_path: Path, qtbot: QtBot,
    busy: Callable[[MainWindow], None],
) -> None:  # fmt: skip
    handlers = len(logging.getLogger().handlers)
    window = make_window()
    open_and_wait(window, (recording_path,), qtbot)
    folder = window.state._folder.path
    assert any(folder.iterdir())
    busy(window)
    qtbot.wait(30)
    window.close()
    qtbot.waitUntil(lambda: workers() == [], timeout=30_000)  # a figure that is being drawn is drawn to its end
    assert [timer for timer in window.findChildren(QTimer) if timer.isActive()] == []
    assert [widget for widget in qapp.topLevelWidgets() if widget.isVisible()] == []
    assert not folder.exists()
    assert len(logging.getLogger().handlers) == handlers


def test_a_closed_window_is_freed(
    make_window: Callable[..., MainWindow], qapp: QApplication, recording_path: Path, qtbot: QtBot
) -> None:
    window = make_window()
    open_and_wait(window, (recording_path,), qtbot)
    state, view = window.state, window.central.view
    window.close()
    window.deleteLater()
    qapp.processEvents()
    qapp.sendPostedEvents(None, DEFERRED_DELETE)
    assert not isValid(window)
    assert not isValid(state)
    assert not isValid(view)


def test_closing_does_not_wait_long_for_a_deaf_solver(
    make_window: Callable[..., MainWindow], fake: FakeEngine, recording_path: Path, qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    gate, running = threading.Event(), threading.Event()

    def deaf(*_arguments: object) -> str:
        running.set()
        gate.wait(30)
        return "cpu"

    window = make_window()
    monkeypatch.setattr(window.commands.processing, "_engine", Engine(fake.list_methods, deaf))
    window.open_paths((recording_path,))
    qtbot.waitUntil(running.is_set, timeout=10_000)
    begin = time.monotonic()
    window.close()
    assert time.monotonic() - begin < 10.0  # told to wait two seconds, not thirty
    assert not window.isVisible()
    gate.set()
    qtbot.waitUntil(lambda: workers() == [], timeout=10_000)


def test_windows_one_after_the_other_leave_no_objects(
    make_window: Callable[..., MainWindow], qapp: QApplication, recording_path: Path, qtbot: QtBot
) -> None:
    sequences: list[weakref.ref[object]] = []
    window = make_window()
    for _ in range(3):
        open_and_wait(window, (recording_path,), qtbot)
        assert window.state.recording is not None
        sequences.append(weakref.ref(window.state.recording.sequence))
    window.state.set_recording(None)
    qtbot.wait(50)
    gc.collect()
    alive = [reference for reference in sequences if reference() is not None]
    assert len(alive) <= 1  # the last one is kept for "Edit geometry"
