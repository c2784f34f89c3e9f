"""The shown frame is estimated first, what it waits for is said truly, and frames may be chosen."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.panels.method import MethodPanel
from app.state import Activity
from app.state.runs import time_words
from app.window.main_window import MainWindow

from .conftest import FakeEngine


@pytest.fixture(name="held")
def fixture_held(
    make_window: Callable[..., MainWindow], fake: FakeEngine, recording_path: Path, qtbot: QtBot
) -> MainWindow:
    """A window whose engine waits before the first frame."""
    fake.gate.clear()
    window = make_window()
    window.open_paths((recording_path,))
    qtbot.waitUntil(lambda: window.state.run is not None and window.state.picture is not None, timeout=30_000)
    qtbot.waitUntil(lambda: window.state.activity is not None, timeout=30_000)
    return window


def message(window: MainWindow) -> str:
    return window.central.view.strain.message()


def test_the_engine_is_told_which_frame_is_looked_at(held: MainWindow, fake: FakeEngine, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: fake.shown is not None, timeout=30_000)
    assert fake.shown is not None
    held.commands.playback.show_frame(4)
    assert fake.shown() == 4
    held.commands.playback.show_frame(2)
    assert fake.shown() == 2


def test_what_a_frame_waits_for_is_said(held: MainWindow, qtbot: QtBot) -> None:
    state = held.state
    held.commands.playback.show_frame(4)
    qtbot.waitUntil(lambda: state.picture is not None and state.picture.frame == 4, timeout=30_000)
    base = Activity("Estimating strain", 1, 5)
    state.set_activity(base)
    assert message(held) == "Frame 4 waits\N{HORIZONTAL ELLIPSIS}"
    state.set_activity(replace(base, frame=4))
    assert message(held) == "Estimating frame 4\N{HORIZONTAL ELLIPSIS}"
    state.set_activity(replace(base, frame=1, each_s=10.0))
    assert message(held) == "Frame 4 waits behind 1.\nAbout 20 s left."
    methods = tuple(replace(entry, is_recurrent=lambda _parameters: True) for entry in state.methods)
    state.set_methods(methods)
    state.set_activity(replace(base, frame=1, each_s=60.0))
    assert message(held).startswith("Frame 4 waits behind 1 and 2 more:\nthis method goes through all frames")
    assert message(held).endswith("About 4 min left.")


def test_time_left_is_in_the_status_bar(held: MainWindow) -> None:
    held.state.set_activity(Activity("Estimating", 2, 200, 3, 2.0))
    assert "2 / 200, about 7 min left" in held.statusBar().activity.text()
    held.state.set_activity(Activity("Estimating", 2, 4, 3, 1.0))
    assert "left" not in held.statusBar().activity.text()
    assert Activity("Estimating", 2, 4, 3, math.nan).left() == ""
    assert (time_words(3.0), time_words(9000.0)) == ("about 10 s", "about 2.5 h")


def test_frames_are_chosen_beside_the_method(opened: MainWindow, qtbot: QtBot) -> None:
    box, state = opened.findChild(MethodPanel).frames, opened.state
    assert (box.first.value(), box.last.value(), box.step.value()) == (0, 5, 1)
    box.step.setValue(2)
    assert state.settings.frames == (0, 2, 4)
    box.first.setValue(1)
    assert state.settings.frames == (1, 3, 5)
    opened.commands.processing.start()
    qtbot.waitUntil(lambda: state.run is not None and state.run.status == "complete", timeout=30_000)
    assert state.run is not None
    assert state.run.store.frames() == (1, 3, 5)
    opened.commands.playback.show_frame(2)
    qtbot.waitUntil(lambda: "not among the 3 frames" in message(opened), timeout=30_000)
    box.first.setValue(0)
    box.step.setValue(1)
    assert state.settings.frames is None
