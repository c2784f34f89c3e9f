"""Cycles are collected on the window's thread alone, and again by Python itself once every window is closed."""

import gc
import threading
from collections.abc import Callable
from functools import cache

import pytest
from PySide6.QtWidgets import QMainWindow
from pytestqt.qtbot import QtBot

from app.window.main_window import MainWindow
from app.window.start_up import collecting


class _Node:
    """Refers to itself; tells where it is deleted."""

    def __init__(self, told: list[str]) -> None:
        self.me = self
        self._told = told

    def __del__(self) -> None:
        self._told.append(threading.current_thread().name)


def _litter(told: list[str]) -> None:
    for _ in range(5000):
        _Node(told)


def test_a_worker_never_collects(window: MainWindow, qtbot: QtBot) -> None:
    assert not gc.isenabled()
    collecting.settle_memory()
    told: list[str] = []
    worker = threading.Thread(target=_litter, args=(told,), name="worker")
    worker.start()
    worker.join()
    assert told == []
    qtbot.waitUntil(lambda: len(told) == 5000, timeout=10_000)
    assert set(told) == {threading.main_thread().name}
    window.close()
    assert gc.isenabled()


def test_memory_settles_in_time_where_nothing_gets_loaded(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    settled: list[bool] = []
    monkeypatch.setattr(collecting, "settle_memory", cache(lambda: settled.append(True)))
    monkeypatch.setattr(collecting, "SETTLED_MS", 10)
    window = QMainWindow()
    qtbot.addWidget(window)
    collector = collecting.Collector(window)
    qtbot.waitUntil(lambda: settled == [True])
    collector.stop()


def test_two_windows_share_it(make_window: Callable[..., MainWindow]) -> None:
    first, second = make_window(), make_window()
    first.close()
    assert not gc.isenabled()
    second.close()
    assert gc.isenabled()
