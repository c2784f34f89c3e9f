"""What a session showed beside strain comes back: a second method, relative modulus; what cannot be is said once."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.features.comparison.state import CompareState
from app.features.log.state import LogState
from app.features.maps.controller import MapsController
from app.features.maps.state import STILL_TO_COME, MapState
from app.features.sessions.file import load_session
from app.preferences import Preferences
from app.window.main_window import MainWindow
from engine.elasticity.base import ELASTICITY_METHODS
from engine.strain.least_squares import LeastSquaresParams

from . import conftest
from .conftest import FakeEngine, shown_error
from .test_comparing import compared, run_second
from .test_sessions import edited, open_session, save_as

METHOD = "strain-inverse"
pytestmark = pytest.mark.usefixtures("nothing_unsaved")


@pytest.fixture(name="comparing_path")
def fixture_comparing_path(opened: MainWindow, tmp_path: Path, qtbot: QtBot) -> Path:
    """A session that compares the first method with the second."""
    run_second(opened, qtbot)
    opened.actions_by_name["compare"].trigger()
    return save_as(opened, tmp_path / "compared.strainscope", qtbot)


@pytest.fixture(name="modulus_path")
def fixture_modulus_path(opened: MainWindow, tmp_path: Path, qtbot: QtBot) -> Path:
    """A session whose frames 2 and 4 have a modulus map; frame 4 is shown."""
    maps, controller = opened.state.slice(MapState), opened.commands.part(MapsController)
    maps.set_method(METHOD, ELASTICITY_METHODS.get(METHOD).Params())
    for frame in (2, 4):
        opened.commands.playback.show_frame(frame)
        qtbot.waitUntil(lambda frame=frame: shown_frame(opened) == frame, timeout=10_000)
        controller.compute_again(frame, pytest.fail)
        qtbot.waitUntil(lambda frame=frame: frame in maps.computed_frames(), timeout=20_000)
    maps.choose("modulus")
    return save_as(opened, tmp_path / "modulus.strainscope", qtbot)


def shown_frame(window: MainWindow) -> int | None:
    picture = window.state.picture
    return None if picture is None or picture.strain is None else picture.frame


def held_back(make_window: Callable[..., MainWindow], fake: FakeEngine, path: Path, qtbot: QtBot) -> MainWindow:
    """Open a session whose strain does not come before the gate is opened."""
    fake.started.clear()
    fake.gate.clear()
    window = make_window()
    open_session(window, path, qtbot)
    return window


def notices(window: MainWindow, words: str) -> list[str]:
    return [entry.text for entry in window.state.slice(LogState).entries if words in entry.text]


def wait_complete(window: MainWindow, qtbot: QtBot) -> None:
    state = window.state
    qtbot.waitUntil(lambda: state.run is not None and state.run.status == "complete", timeout=10_000)


def test_a_second_method_is_estimated_again(
    comparing_path: Path, make_window: Callable[..., MainWindow], fake: FakeEngine, qtbot: QtBot
) -> None:
    window = held_back(make_window, fake, comparing_path, qtbot)
    compare = window.state.slice(CompareState)
    assert compare.active
    other = compare.other_run()
    assert other is not None
    assert (other.title, other.status) == ("Second method", "waiting")
    fake.gate.set()
    frame = window.state.frame
    compared(window, qtbot, ("first", frame), ("second", frame))
    assert [method for _, method in fake.started] == ["first", "second"]  # the shown strain goes first
    assert window.state.settings.method == "first"
    qtbot.wait(250)
    assert not window.isWindowModified()
    assert comparing_path.stat().st_size < 10_000


def test_it_is_said_that_the_second_method_is_on_its_way(
    comparing_path: Path, make_window: Callable[..., MainWindow], fake: FakeEngine, qtbot: QtBot
) -> None:
    window = make_window()
    open_session(window, comparing_path, qtbot)
    wait_complete(window, qtbot)
    fake.gate.clear()
    compare = window.state.slice(CompareState)
    other = compare.other_run()
    assert other is not None
    if not other.store.frames():
        assert compare.why_not() == "Estimating Second method again\u2026"
    fake.gate.set()
    qtbot.waitUntil(lambda: other.status == "complete", timeout=10_000)
    assert compare.why_not() == ""


def test_a_comparison_shows_as_soon_as_the_shown_frame_is_there(
    comparing_path: Path, make_window: Callable[..., MainWindow], monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    made, gate = conftest.fake_estimate, threading.Event()

    def slow(sequence: object, settings: object, frame: int) -> object:
        if settings.method == "second" and frame > 1:  # type: ignore[attr-defined]
            gate.wait(20)
        return made(sequence, settings, frame)  # type: ignore[arg-type]

    monkeypatch.setattr(conftest, "fake_estimate", slow)
    window = make_window()
    open_session(window, comparing_path, qtbot)
    assert window.state.frame == 1
    other = window.state.slice(CompareState).other_run()
    compared(window, qtbot, ("first", 1), ("second", 1))
    assert other is not None
    assert other.status == "running"
    gate.set()
    qtbot.waitUntil(lambda: other.status == "complete", timeout=10_000)


def test_without_estimation_on_opening_all_waits_for_the_user(
    comparing_path: Path, make_window: Callable[..., MainWindow], fake: FakeEngine, qtbot: QtBot
) -> None:
    fake.started.clear()
    window = make_window(Preferences(theme="dark", estimate_on_open=False))
    open_session(window, comparing_path, qtbot)
    qtbot.wait(100)
    assert fake.started == []
    assert not window.actions_by_name["cancel"].isEnabled()
    window.commands.processing.start()
    compared(window, qtbot, ("first", 1), ("second", 1))


def test_a_method_that_is_gone_is_said_once(
    comparing_path: Path, make_window: Callable[..., MainWindow], fake: FakeEngine, qtbot: QtBot
) -> None:
    window = make_window()
    open_session(window, edited(comparing_path, parts__compare__other__method="witchcraft"), qtbot)
    wait_complete(window, qtbot)
    qtbot.wait(100)
    assert not window.state.slice(CompareState).active
    assert len(notices(window, "witchcraft")) == 1
    assert shown_error(window) == ""
    assert len(window.state.runs) == 1


def test_a_second_method_that_fails_is_said_once(
    comparing_path: Path, make_window: Callable[..., MainWindow], monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    made = conftest.fake_estimate

    def failing(sequence: object, settings: object, frame: int) -> object:
        if settings.method == "second":  # type: ignore[attr-defined]
            raise conftest.BrokenError("the weights are gone")
        return made(sequence, settings, frame)  # type: ignore[arg-type]

    monkeypatch.setattr(conftest, "fake_estimate", failing)
    window = make_window()
    open_session(window, comparing_path, qtbot)
    qtbot.waitUntil(lambda: "the weights are gone" in window.state.notice, timeout=10_000)
    qtbot.wait(100)
    assert len(notices(window, "the weights are gone")) == 1
    assert "Second method was not restored" in window.state.notice
    assert shown_error(window) == ""


def test_modulus_maps_are_computed_again_the_shown_one_first(
    modulus_path: Path, make_window: Callable[..., MainWindow], monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    order: list[int] = []
    again = MapsController.compute_again

    def noted(controller: MapsController, frame: int, failed: Callable[[str], None]) -> None:
        order.append(frame)
        again(controller, frame, failed)

    monkeypatch.setattr(MapsController, "compute_again", noted)
    window = make_window()
    open_session(window, modulus_path, qtbot)
    maps = window.state.slice(MapState)
    qtbot.waitUntil(lambda: maps.computed_frames() == {2, 4}, timeout=20_000)
    qtbot.waitUntil(lambda: maps.map is not None and maps.map.kind == "modulus", timeout=10_000)
    assert order == [4, 2]
    assert maps.map is not None
    assert maps.map.frame == 4
    ratio = maps.ratio()
    assert ratio is not None
    assert ratio.value == pytest.approx(1.0, rel=1e-2)
    qtbot.wait(250)
    assert not window.isWindowModified()


def test_the_maps_stay_in_the_session_while_they_are_computed(
    modulus_path: Path, make_window: Callable[..., MainWindow], fake: FakeEngine, qtbot: QtBot
) -> None:
    window = held_back(make_window, fake, modulus_path, qtbot)
    assert window.state.slice(MapState).unavailable("modulus") == STILL_TO_COME
    window.actions_by_name["save_session"].trigger()
    qtbot.waitUntil(lambda: "saved" in window.state.notice, timeout=10_000)
    assert load_session(modulus_path).parts["map"]["frames"] == [2, 4]


def test_a_modulus_that_cannot_be_had_is_said_once(
    modulus_path: Path, make_window: Callable[..., MainWindow], qtbot: QtBot
) -> None:
    window = make_window()
    open_session(window, edited(modulus_path, parts__map__frames=[0, 2, 77]), qtbot)
    qtbot.waitUntil(lambda: bool(notices(window, "frame 1 has no strain")), timeout=10_000)
    qtbot.wait(200)
    assert len(notices(window, "not computed again")) == 1
    assert shown_error(window) == ""


def test_cancel_stops_what_is_missing_and_says_so(
    comparing_path: Path, make_window: Callable[..., MainWindow], fake: FakeEngine, qtbot: QtBot
) -> None:
    window = held_back(make_window, fake, comparing_path, qtbot)
    qtbot.waitUntil(lambda: bool(fake.started), timeout=10_000)
    window.commands.cancel()
    assert window.state.notice == "Not computed again: the comparison with Second method."
    fake.gate.set()
    window.commands.processing.start()
    wait_complete(window, qtbot)
    qtbot.wait(200)
    assert [method for _, method in fake.started] == ["first", "first"]
    assert not window.isWindowModified()


def test_other_settings_are_not_answered_with_old_wishes(
    modulus_path: Path, make_window: Callable[..., MainWindow], fake: FakeEngine, qtbot: QtBot
) -> None:
    """A modulus belongs to the settings that it was computed with."""
    window = held_back(make_window, fake, modulus_path, qtbot)
    window.commands.processing.choose_method("second")
    fake.gate.set()
    window.commands.processing.start()
    wait_complete(window, qtbot)
    qtbot.wait(200)
    assert window.state.slice(MapState).computed_frames() == frozenset()


def test_a_second_method_outlives_a_change_of_the_first(
    comparing_path: Path, make_window: Callable[..., MainWindow], fake: FakeEngine, qtbot: QtBot
) -> None:
    window = held_back(make_window, fake, comparing_path, qtbot)
    processing = window.commands.processing
    processing.set_preparation(replace(window.state.settings.preparation, prealign=False))
    fake.gate.set()
    processing.start()
    wait_complete(window, qtbot)
    other = window.state.slice(CompareState).other_run()
    assert other is not None
    qtbot.waitUntil(lambda: other.status == "complete", timeout=10_000)


def test_another_strain_filter_is_a_second_run_too(
    opened: MainWindow, tmp_path: Path, make_window: Callable[..., MainWindow], qtbot: QtBot
) -> None:
    first, state = opened.state.settings, opened.state
    opened.commands.processing.set_strain_parameters(LeastSquaresParams(window_m=3.5e-3))
    wait_complete(opened, qtbot)
    state.set_settings(first)
    opened.actions_by_name["compare"].trigger()
    path = save_as(opened, tmp_path / "filters.strainscope", qtbot)
    window = make_window()
    open_session(window, path, qtbot)
    other = window.state.slice(CompareState).other_run()
    assert other is not None
    assert other.settings.strain_parameters == LeastSquaresParams(window_m=3.5e-3)
    qtbot.waitUntil(lambda: other.status == "complete", timeout=20_000)
