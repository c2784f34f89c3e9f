"""Sessions: everything comes back, a moved recording is asked for, and a bad file leaves the window as it was."""

import json
from collections.abc import Callable
from dataclasses import asdict
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QFileDialog, QMenu, QMessageBox
from pytestqt.qtbot import QtBot

from app.features.comparison.state import OTHER_FRAME, CompareState
from app.features.comparison.view import CompareView
from app.features.maps.state import MapState
from app.features.opening.geometry_dialog import GeometryDialog
from app.features.profile.state import ProfileState
from app.features.sessions.feature import Sessions
from app.features.sessions.file import Session, load_session
from app.features.sessions.state import SessionState
from app.state import Display, Regions, Role
from app.window.main_window import MainWindow
from engine.elasticity.base import ELASTICITY_METHODS
from engine.metrics.profile import ProfileLine
from engine.pipeline import Preparation
from engine.strain.least_squares import LeastSquaresParams
from engine.types import Ellipse

from .conftest import FakeParams, open_and_wait, shown_error, write_recording

REGIONS = Regions(
    Ellipse(-1e-3, 3e-3, 8e-4, 1e-3, 15.0), Ellipse(1.5e-3, 3e-3, 8e-4, 1e-3), Ellipse(-1e-3, 3.1e-3, 7e-4, 9e-4)
)
LINE = ProfileLine(-2e-3, 1e-3, 2e-3, 4e-3)
pytestmark = pytest.mark.usefixtures("nothing_unsaved")


def feature(window: MainWindow) -> Sessions:
    found = window.findChild(Sessions)
    assert isinstance(found, Sessions)
    return found


def state_of(window: MainWindow) -> SessionState:
    return window.state.slice(SessionState)


def save_as(window: MainWindow, path: Path, qtbot: QtBot) -> Path:
    feature(window).ask_save = lambda *_: path
    window.actions_by_name["save_session_as"].trigger()
    qtbot.waitUntil(lambda: state_of(window).path == path and not window.isWindowModified(), timeout=10_000)
    return path


def open_session(window: MainWindow, path: Path, qtbot: QtBot) -> None:
    window.open_paths((path,))
    qtbot.waitUntil(lambda: state_of(window).path == path, timeout=10_000)


def change_everything(window: MainWindow) -> None:
    """Leave nothing at its default that a session stores."""
    state, commands = window.state, window.commands
    commands.processing.choose_method("second")
    commands.processing.set_parameters(FakeParams(window_m=3e-3, passes=4, robust=False))
    commands.processing.set_strain_parameters(LeastSquaresParams(window_m=3.5e-3))
    commands.processing.set_preparation(Preparation(prealign=False, band_pass=True, bandwidth_fraction=0.8))
    commands.processing.set_reference(1)
    commands.regions.place(REGIONS)
    commands.change_display(
        colormap="magma", reverse=True, limits="manual", low_percent=-0.5, high_percent=3.5, overlay=True,
        overlay_opacity=0.7, quantity="signed", dynamic_range_db=50.0, quality_threshold=0.4, smooth=False,
        persistence=3, relative=True, low_relative=0.2, high_relative=1.8, bmode_frame="reference",
    )  # fmt: skip
    window.actions_by_name["layout stacked"].trigger()
    state.slice(CompareState).choose(OTHER_FRAME, 5)
    state.slice(CompareState).set_active(True)
    state.slice(ProfileState).set_line(LINE)
    commands.playback.show_frame(4)


def remembered(window: MainWindow) -> tuple[object, ...]:
    state, compare, maps = window.state, window.state.slice(CompareState), window.state.slice(MapState)
    assert state.recording is not None
    return (
        state.recording.key, state.recording.sequence.geometry, state.settings, state.regions, state.display,
        state.frame, window.preferences.layout, compare.active, compare.other, compare.other_frame, maps.kind,
        state.slice(ProfileState).line,
    )  # fmt: skip


@pytest.fixture(name="session_path")
def fixture_session_path(opened: MainWindow, tmp_path: Path, qtbot: QtBot) -> Path:
    """A saved session in which nothing is as it was at first."""
    change_everything(opened)
    return save_as(opened, tmp_path / "study.strainscope", qtbot)


def test_a_session_restores_everything(
    opened: MainWindow, session_path: Path, make_window: Callable[..., MainWindow], qtbot: QtBot
) -> None:
    other = make_window()
    open_session(other, session_path, qtbot)
    assert remembered(other) == remembered(opened)
    default = Display().as_dict()
    assert [name for name, value in other.state.display.as_dict().items() if value == default[name]] == []
    assert other.state.slice(ProfileState).line == LINE
    assert other.state.settings.parameters == FakeParams(window_m=3e-3, passes=4, robust=False)
    assert other.state.regions == REGIONS
    assert other.central.images.currentWidget() is other.findChild(CompareView)
    assert not other.isWindowModified()
    assert "study" in other.windowTitle()
    state = other.state
    qtbot.waitUntil(lambda: state.run is not None and state.run.status == "complete", timeout=10_000)
    assert state.run is not None
    assert state.run.title == "Second method"  # computed again, with the session's settings
    assert state.run.settings == opened.state.settings


def test_no_results_are_stored(session_path: Path) -> None:
    content = json.loads(session_path.read_text(encoding="utf-8"))
    assert session_path.stat().st_size < 10_000
    assert set(content) == set(Session.model_fields)


def test_a_session_takes_the_place_of_what_is_open(
    opened: MainWindow, session_path: Path, other_path: Path, qtbot: QtBot
) -> None:
    before = remembered(opened)
    open_and_wait(opened, (other_path,), qtbot)
    assert state_of(opened).path is None  # another recording is not this session
    opened.commands.processing.choose_method("first")
    open_session(opened, session_path, qtbot)
    assert remembered(opened) == before


def test_the_modulus_settings_come_back(
    opened: MainWindow, tmp_path: Path, make_window: Callable[..., MainWindow], qtbot: QtBot
) -> None:
    method = ELASTICITY_METHODS.get("strain-inverse") if "strain-inverse" in ELASTICITY_METHODS.names() else None
    method = method or next(iter(ELASTICITY_METHODS))
    opened.state.slice(MapState).set_method(method.name, method.Params())
    opened.state.slice(MapState).choose("modulus")
    path = save_as(opened, tmp_path / "modulus.strainscope", qtbot)
    other = make_window()
    open_session(other, path, qtbot)
    maps = other.state.slice(MapState)
    assert (maps.kind, maps.method, maps.parameters) == ("modulus", method.name, method.Params())


def test_saving_goes_to_the_same_file(opened: MainWindow, session_path: Path, qtbot: QtBot) -> None:
    feature(opened).ask_save = lambda *_: pytest.fail("asked again")
    opened.commands.playback.show_frame(2)
    qtbot.waitUntil(opened.isWindowModified)
    opened.actions_by_name["save_session"].trigger()
    qtbot.waitUntil(lambda: not opened.isWindowModified())
    assert load_session(session_path).frame == 2


def test_the_star_follows_what_is_stored(opened: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    opened.commands.regions.place(REGIONS)
    qtbot.wait(250)
    assert not opened.isWindowModified()  # there is no session yet
    save_as(opened, tmp_path / "a.strainscope", qtbot)
    assert "[*]" in opened.windowTitle()
    opened.state.set_cursor((0.0, 1e-3))
    qtbot.wait(250)
    assert not opened.isWindowModified()  # no session stores where the mouse is
    changes: tuple[Callable[[], object], ...] = (
        lambda: opened.commands.change_display(overlay=True),
        lambda: opened.commands.regions.set_ellipse(Role.TARGET, Ellipse(0.0, 3e-3, 1e-3, 1e-3)),
        lambda: opened.commands.playback.show_frame(3),
        lambda: opened.state.slice(MapState).choose("modulus"),
        lambda: opened.actions_by_name["compare"].trigger(),
        lambda: opened.actions_by_name["layout stacked"].trigger(),
        lambda: opened.state.slice(ProfileState).set_line(LINE),
        lambda: opened.commands.processing.choose_method("second"),
    )
    for change in changes:
        change()
        qtbot.waitUntil(opened.isWindowModified)
        save_as(opened, tmp_path / "a.strainscope", qtbot)
    opened.commands.change_display(overlay=False)
    qtbot.waitUntil(opened.isWindowModified)
    opened.commands.change_display(overlay=True)
    qtbot.waitUntil(lambda: not opened.isWindowModified())  # as it is in the file again


def test_nothing_can_be_saved_without_a_recording(window: MainWindow) -> None:
    assert not window.actions_by_name["save_session"].isEnabled()
    assert not window.actions_by_name["save_session_as"].isEnabled()
    assert not window.actions_by_name["recover"].isEnabled()


def test_not_choosing_a_file_saves_nothing(opened: MainWindow, tmp_path: Path) -> None:
    feature(opened).ask_save = lambda *_: None
    opened.actions_by_name["save_session"].trigger()
    assert state_of(opened).path is None
    assert list(tmp_path.glob("*.strainscope")) == []


def test_a_failed_save_is_told_and_stays_unsaved(opened: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    feature(opened).ask_save = lambda *_: tmp_path / "nowhere" / "a.strainscope"
    opened.actions_by_name["save_session"].trigger()
    assert "not saved" in wait_error(opened, qtbot)
    assert state_of(opened).path is None


# -- opening -----------------------------------------------------------------------------------------------------------


def wait_error(window: MainWindow, qtbot: QtBot) -> str:
    texts: list[str] = []
    qtbot.waitUntil(lambda: bool(texts.append(shown_error(window)) or texts[-1]), timeout=10_000)
    assert "\n" not in texts[-1]
    return texts[-1]


def test_open_session_asks_for_a_file(opened: MainWindow, session_path: Path, qtbot: QtBot) -> None:
    before = opened.state.recording
    feature(opened).ask_open = lambda *_: None
    opened.actions_by_name["open_session"].trigger()
    feature(opened).ask_open = lambda *_: session_path
    opened.actions_by_name["open_session"].trigger()
    qtbot.waitUntil(lambda: opened.state.recording is not before, timeout=10_000)


def test_the_open_dialog_offers_sessions_too(
    opened: MainWindow, session_path: Path, other_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    open_and_wait(opened, (other_path,), qtbot)
    filters: list[str] = []

    def answer(*arguments: object) -> tuple[list[str], str]:
        filters.extend(str(arguments[3]).split(";;"))
        return [str(session_path)], filters[0]

    monkeypatch.setattr(QFileDialog, "getOpenFileNames", answer)
    opened.actions_by_name["open"].trigger()
    qtbot.waitUntil(lambda: state_of(opened).path == session_path, timeout=10_000)
    assert [entry.startswith("Strainscope session") for entry in filters if "*.strainscope" in entry] == [False, True]


def test_a_session_is_a_recent_file(opened: MainWindow, session_path: Path, other_path: Path, qtbot: QtBot) -> None:
    open_and_wait(opened, (other_path,), qtbot)
    recent = next(menu for menu in opened.menuBar().findChildren(QMenu) if "recent" in menu.title())
    recent.aboutToShow.emit()
    entry = next(action for action in recent.actions() if action.text().endswith("study.strainscope"))
    entry.trigger()
    qtbot.waitUntil(lambda: state_of(opened).path == session_path, timeout=10_000)


def test_a_session_named_at_the_start_waits_for_the_methods(
    opened: MainWindow, session_path: Path, make_window: Callable[..., MainWindow], qtbot: QtBot
) -> None:
    other = make_window()
    methods, other.state.methods = other.state.methods, ()
    other.open_paths((session_path,))
    qtbot.wait(50)
    assert other.state.recording is None
    other.state.set_methods(methods)
    qtbot.waitUntil(lambda: state_of(other).path == session_path, timeout=10_000)
    assert other.state.settings == opened.state.settings


def test_a_dropped_session_opens(opened: MainWindow, session_path: Path, other_path: Path, qtbot: QtBot) -> None:
    open_and_wait(opened, (other_path,), qtbot)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(session_path))])
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    opened.dropEvent(QDropEvent(QPointF(10, 10), Qt.DropAction.CopyAction, data, buttons, keys))
    qtbot.waitUntil(lambda: state_of(opened).path == session_path, timeout=10_000)


def test_the_file_dialog_proposes_a_place_and_gives_the_extension(
    opened: MainWindow, recording_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    proposed: list[str] = []

    def answer(dialog: QFileDialog) -> int:
        proposed.extend(dialog.selectedFiles())
        dialog.selectFile(str(tmp_path / "chosen"))
        return 1

    monkeypatch.setattr(QFileDialog, "exec", answer)
    opened.actions_by_name["save_session_as"].trigger()
    assert proposed == [str(recording_path.with_suffix(".strainscope"))]
    qtbot.waitUntil(lambda: state_of(opened).path == tmp_path / "chosen.strainscope", timeout=10_000)


def test_sessions_open_one_at_a_time(window: MainWindow, recording_path: Path, tmp_path: Path, qtbot: QtBot) -> None:
    window.open_paths((recording_path, tmp_path / "a.strainscope"))
    assert "one session at a time" in wait_error(window, qtbot)
    assert window.state.recording is None


def edited(path: Path, **changes: Any) -> Path:
    """Change entries of a session file; `a__b` is b in a, and None removes."""
    content = json.loads(path.read_text(encoding="utf-8"))
    for place, value in changes.items():
        *inner, last = place.split("__")
        entry = content
        for name in inner:
            entry = entry[name]
        entry[last] = value
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


BAD: tuple[tuple[dict[str, Any], str], ...] = (
    ({"version": 99}, "version 99"),
    ({"settings__method": "witchcraft"}, "witchcraft"),
    ({"settings__method": "absent"}, "it has no weights"),
    ({"settings__strain_method": "magic"}, "magic"),
    ({"settings__parameters__strength": 1}, "strength"),
    ({"settings__parameters__window_m": 5.0}, "outside"),
    ({"settings__parameters__passes": 2.5}, "passes"),
    ({"settings__strain_parameters__window_m": -1.0}, "window_m"),
    ({"settings__preparation__pairing": "random"}, "pairing"),
    ({"settings__preparation__more": True}, "more"),
    ({"settings__reference": 77}, "frame 77 does not exist"),
    ({"frame": 6}, "frame 6 does not exist"),
    ({"display__colormap": "plaid"}, "plaid"),
    ({"display__overlay_opacity": 7}, "overlay_opacity"),
    ({"display__sparkle": True}, "sparkle"),
    ({"regions__third": {"lateral_m": 0, "depth_m": 0, "semi_lateral_m": 1, "semi_axial_m": 1}}, "third"),
    ({"parts__plugin": {}}, "plugin"),
    ({"parts__map": {"kind": "treasure"}}, "treasure"),
    ({"parts__map": {"kind": "strain", "method": "voodoo"}}, "voodoo"),
    ({"parts__map": {"kind": "strain", "method": "gauss-newton", "parameters": {"hope": 1}}}, "hope"),
    ({"parts__map": {"kind": "strain", "method": "gauss-newton", "frames": 2}}, "map.frames"),
    ({"parts__map": {"kind": "strain", "method": "gauss-newton", "frames": [1.5]}}, "map.frames"),
    ({"parts__compare": {"active": 1}}, "active"),
    ({"parts__compare": {"other": "second"}}, "compare.other"),
    ({"parts__compare": {"other": {"method": "second"}}}, "strain_method"),
    ({"parts__compare": {"other_frame": -1}}, "other_frame"),
    ({"parts__layout": {"images": "round"}}, "round"),
    ({"parts__profile": {"start_lateral_m": 0.0}}, "start_depth_m"),
    ({"parts__profile": dict.fromkeys(asdict(LINE), 0.0)}, "0.1 mm"),
    ({"source__geometry": {"pitch_m": -1.0}}, "pitch_m"),
    ({"source__geometry": {"colour": 1.0}}, "colour"),
)


def test_a_bad_session_is_one_line_and_changes_nothing(opened: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    good = save_as(opened, tmp_path / "good.strainscope", qtbot).read_bytes()
    state_of(opened).set_file(None, None)
    before = (remembered(opened), opened.state.recording, opened.state.picture, opened.state.run)
    for changes, named in BAD:
        path = tmp_path / "bad.strainscope"
        path.write_bytes(good)
        opened.open_paths((edited(path, **changes),))
        text = wait_error(opened, qtbot)
        assert named in text
        assert "bad.strainscope" in text
        assert (remembered(opened), opened.state.recording, opened.state.picture, opened.state.run) == before
        assert state_of(opened).path is None
        assert opened.state.activity is None


def test_a_file_that_is_no_session_changes_nothing(opened: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    path = tmp_path / "bad.strainscope"
    before = (remembered(opened), opened.state.recording)
    for content in (b"", b"{", b"RIFF\0\0", b"[1, 2]", b'{"format": "other"}'):
        path.write_bytes(content)
        opened.open_paths((path,))
        assert "not a session" in wait_error(opened, qtbot)
        assert (remembered(opened), opened.state.recording) == before


def test_opening_a_session_can_be_cancelled(opened: MainWindow, session_path: Path, qtbot: QtBot) -> None:
    before = opened.state.recording
    opened.open_paths((session_path,))
    assert opened.actions_by_name["cancel"].isEnabled()
    opened.commands.cancel()
    qtbot.wait(100)
    assert opened.state.recording is before
    assert opened.state.activity is None


def test_a_later_wish_goes_before_a_session(
    opened: MainWindow, session_path: Path, make_window: Callable[..., MainWindow], other_path: Path, qtbot: QtBot
) -> None:
    other = make_window()
    other.open_paths((session_path,))
    open_and_wait(other, (other_path,), qtbot)
    qtbot.wait(200)
    assert other.state.recording is not None
    assert other.state.recording.sequence.name == "two.h5"


def test_whatever_was_wished_last_is_there(
    window: MainWindow, recording_path: Path, other_path: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    """Sessions and recordings asked for in quick succession, in every order: only the last one counts."""
    wishes: dict[str, Path] = {"two.h5": other_path}
    for name, colormap in (("a.strainscope", "magma"), ("b.strainscope", "cividis")):
        open_and_wait(window, (recording_path,), qtbot)
        window.commands.change_display(colormap=colormap)
        wishes[name] = save_as(window, tmp_path / name, qtbot)
    wanted = {
        "two.h5": ("two.h5", None, "cividis"),
        "a.strainscope": ("one.h5", wishes["a.strainscope"], "magma"),
        "b.strainscope": ("one.h5", wishes["b.strainscope"], "cividis"),
    }
    for order in permutations(wishes):
        window.commands.change_display(colormap="cividis")
        state_of(window).set_file(None, None)
        for pause, name in enumerate(order):
            window.open_paths((wishes[name],))
            qtbot.wait(4 * pause)
        name, path, _ = wanted[order[-1]]

        def right(name: str = name, path: Path | None = path) -> bool:
            recording = window.state.recording
            assert recording is not None
            running = window.commands.can_cancel()
            return (recording.sequence.name, state_of(window).path, running) == (name, path, False)

        qtbot.waitUntil(right, timeout=10_000)
        qtbot.wait(60)
        assert right(), order
        assert path is None or window.state.display.colormap == wanted[order[-1]][2]
        assert shown_error(window) == ""


# -- the recording -----------------------------------------------------------------------------------------------------


@pytest.fixture(name="moved")
def fixture_moved(
    opened: MainWindow, session_path: Path, recording_path: Path, make_window: Callable[..., MainWindow], tmp_path: Path
) -> tuple[MainWindow, Path, Path]:
    """A new window, a session, and the new place of its recording, which it does not know."""
    place = tmp_path / "elsewhere" / "renamed.h5"
    place.parent.mkdir()
    place.write_bytes(recording_path.read_bytes())
    recording_path.unlink()
    return make_window(), session_path, place


def test_a_moved_recording_is_asked_for_once(
    moved: tuple[MainWindow, Path, Path], opened: MainWindow, qtbot: QtBot
) -> None:
    window, session, place = moved
    asked: list[str] = []

    def ask(_parent: object, wanted: Session, _folder: str) -> tuple[Path, ...]:
        asked.append(wanted.source.paths[0])
        return (place,)

    feature(window).ask_place = ask
    open_session(window, session, qtbot)
    assert len(asked) == 1
    assert asked[0].endswith("one.h5")
    assert remembered(window) == remembered(opened)
    assert window.isWindowModified()  # the file still names the old place
    window.actions_by_name["save_session"].trigger()
    qtbot.waitUntil(lambda: not window.isWindowModified())
    feature(window).ask_place = lambda *_: pytest.fail("asked again")
    window.commands.playback.show_frame(1)
    before = window.state.recording
    state_of(window).set_file(None, None)
    open_session(window, session, qtbot)
    assert window.state.recording is not before
    assert window.state.frame == 4


def test_not_finding_the_recording_changes_nothing(
    moved: tuple[MainWindow, Path, Path], other_path: Path, qtbot: QtBot
) -> None:
    window, session, _ = moved
    open_and_wait(window, (other_path,), qtbot)
    before = (remembered(window), window.state.recording)
    asked: list[int] = []
    feature(window).ask_place = lambda *_: asked.append(1) or ()
    window.open_paths((session,))
    qtbot.waitUntil(lambda: bool(asked), timeout=10_000)
    qtbot.wait(50)
    assert (remembered(window), window.state.recording) == before
    assert window.state.activity is None
    assert state_of(window).path is None


def shown_question(window: MainWindow, qtbot: QtBot) -> QMessageBox:
    found: list[QMessageBox] = []

    def look() -> bool:
        found.extend(box for box in window.findChildren(QMessageBox) if box.isVisible())
        return bool(found)

    qtbot.waitUntil(look, timeout=10_000)
    return found[-1]


def press(box: QMessageBox, text: str) -> None:
    next(button for button in box.buttons() if text in button.text().replace("&", "")).click()


def test_another_recording_is_said_to_be_one(
    moved: tuple[MainWindow, Path, Path], other_path: Path, qtbot: QtBot
) -> None:
    window, session, place = moved
    feature(window).ask_place = lambda *_: (other_path,)
    window.open_paths((session,))
    box = shown_question(window, qtbot)
    assert "two.h5" in box.text()
    assert "another recording" in box.text()
    press(box, "Cancel")
    qtbot.wait(50)
    assert window.state.recording is None

    window.open_paths((session,))
    feature(window).ask_place = lambda *_: (other_path,)
    box = shown_question(window, qtbot)
    feature(window).ask_place = lambda *_: (place,)
    press(box, "Choose")
    qtbot.waitUntil(lambda: state_of(window).path == session, timeout=10_000)
    assert window.state.recording is not None
    assert window.state.recording.sequence.name == "renamed.h5"


def test_a_session_can_be_used_with_another_recording(
    moved: tuple[MainWindow, Path, Path], tmp_path: Path, qtbot: QtBot
) -> None:
    window, session, _ = moved
    short = write_recording(tmp_path / "short.h5", 5, frames=2)
    feature(window).ask_place = lambda *_: (short,)
    window.open_paths((session,))
    press(shown_question(window, qtbot), "Use this")
    qtbot.waitUntil(lambda: state_of(window).path == session, timeout=10_000)
    assert window.state.recording is not None
    assert window.state.recording.frames == 2
    assert window.state.frame == 1  # the session's frame does not exist here
    assert window.state.regions == REGIONS
    assert window.isWindowModified()


def test_another_recording_may_need_its_geometry(
    moved: tuple[MainWindow, Path, Path], tmp_path: Path, qtbot: QtBot
) -> None:
    window, session, _ = moved
    random = np.random.default_rng(0)
    np.save(tmp_path / "array.npy", random.standard_normal((6, 260, 24)).astype(np.float32))
    feature(window).ask_place = lambda *_: (tmp_path / "array.npy",)
    window.open_paths((session,))
    press(shown_question(window, qtbot), "Use this")
    qtbot.waitUntil(lambda: window.findChild(GeometryDialog) is not None, timeout=10_000)
    dialog = window.findChild(GeometryDialog)
    assert isinstance(dialog, GeometryDialog)
    dialog.axes.setCurrentIndex(dialog.axes.findData("fal"))
    for name, value in (("sampling_hz", 40.0), ("center_hz", 5.0), ("pitch_m", 0.3)):
        dialog.editors[name].setValue(value)
    dialog.accept()
    qtbot.waitUntil(lambda: state_of(window).path == session, timeout=10_000)
    assert window.state.regions == REGIONS
    assert window.state.frame == 4
    assert window.state.recording is not None
    assert window.state.recording.sequence.geometry.pitch_m == pytest.approx(0.3e-3)


def test_a_file_of_the_same_name_beside_the_session_is_not_taken_for_the_recording(
    opened: MainWindow, session_path: Path, tmp_path: Path, make_window: Callable[..., MainWindow], qtbot: QtBot
) -> None:
    folder = tmp_path / "copied"
    folder.mkdir()
    write_recording(folder / "one.h5", 9)
    copy = folder / "study.strainscope"
    copy.write_bytes(session_path.read_bytes())
    other = make_window()
    open_session(other, copy, qtbot)
    assert remembered(other) == remembered(opened)


def test_moving_session_and_recording_together_asks_nothing(
    opened: MainWindow, session_path: Path, recording_path: Path, tmp_path: Path,
    make_window: Callable[..., MainWindow], qtbot: QtBot,
) -> None:  # fmt: skip
    folder = tmp_path / "archive"
    folder.mkdir()
    for path in (session_path, recording_path):
        (folder / path.name).write_bytes(path.read_bytes())
        path.unlink()
    other = make_window()
    feature(other).ask_place = lambda *_: pytest.fail("asked")
    open_session(other, folder / session_path.name, qtbot)
    assert remembered(other) == remembered(opened)


def test_a_series_of_files_is_found_again_by_one_of_them(
    window: MainWindow, tmp_path: Path, make_window: Callable[..., MainWindow], qtbot: QtBot
) -> None:
    folder = tmp_path / "series"
    folder.mkdir()
    open_and_wait(window, tuple(write_recording(folder / f"f_{k}.h5", k, frames=1) for k in (1, 2, 3)), qtbot)
    path = save_as(window, tmp_path / "series.strainscope", qtbot)
    moved = folder.rename(tmp_path / "renamed")
    other = make_window()
    feature(other).ask_place = lambda *_: (moved / "f_2.h5",)
    open_session(other, path, qtbot)
    assert other.state.recording is not None
    assert [entry.name for entry in other.state.recording.sequence.paths] == ["f_1.h5", "f_2.h5", "f_3.h5"]
    assert other.state.recording.sequence.paths[0].parent == moved


def test_typed_geometry_and_axes_come_back(
    window: MainWindow, tmp_path: Path, make_window: Callable[..., MainWindow], qtbot: QtBot
) -> None:
    random = np.random.default_rng(0)
    np.save(tmp_path / "array.npy", random.standard_normal((24, 260, 4)).astype(np.float32))
    window.open_paths((tmp_path / "array.npy",))
    qtbot.waitUntil(lambda: window.findChild(GeometryDialog) is not None, timeout=10_000)
    dialog = window.findChild(GeometryDialog)
    assert isinstance(dialog, GeometryDialog)
    dialog.axes.setCurrentIndex(dialog.axes.findData("laf"))
    for name, value in (("sampling_hz", 40.0), ("center_hz", 5.0), ("pitch_m", 0.3), ("start_depth_m", 4.0)):
        dialog.editors[name].setValue(value)
    dialog.accept()
    qtbot.waitUntil(lambda: window.state.recording is not None, timeout=10_000)
    path = save_as(window, tmp_path / "array.strainscope", qtbot)
    (tmp_path / "config" / "geometry.json").unlink()
    other = make_window()
    open_session(other, path, qtbot)
    assert other.findChild(GeometryDialog) is None
    assert remembered(other) == remembered(window)
    assert other.state.recording is not None
    assert other.state.recording.sequence.shape == (4, 260, 24)
    assert other.state.recording.sequence.geometry.sources.pitch_m == "user"


# -- unsaved changes ---------------------------------------------------------------------------------------------------


def change(window: MainWindow, qtbot: QtBot) -> None:
    window.commands.change_display(colormap="cividis")
    qtbot.waitUntil(window.isWindowModified)


def test_closing_asks_about_unsaved_changes(opened: MainWindow, session_path: Path, qtbot: QtBot) -> None:
    change(opened, qtbot)
    opened.close()
    press(shown_question(opened, qtbot), "Cancel")
    assert opened.isVisible()
    opened.close()
    assert "study.strainscope" in shown_question(opened, qtbot).text()
    press(shown_question(opened, qtbot), "Save")
    qtbot.waitUntil(lambda: not opened.isVisible(), timeout=10_000)
    assert load_session(session_path).display["colormap"] == "cividis"


def test_closing_can_discard(opened: MainWindow, session_path: Path, qtbot: QtBot) -> None:
    change(opened, qtbot)
    opened.close()
    press(shown_question(opened, qtbot), "Discard")
    qtbot.waitUntil(lambda: not opened.isVisible(), timeout=10_000)
    assert load_session(session_path).display["colormap"] == "magma"


def test_another_frame_alone_is_nothing_to_ask_about(opened: MainWindow, session_path: Path, qtbot: QtBot) -> None:
    opened.commands.playback.show_frame(2)
    qtbot.waitUntil(opened.isWindowModified)
    opened.close()
    assert not opened.isVisible()
    assert session_path.exists()


def test_closing_waits_for_the_file(opened: MainWindow, session_path: Path, qtbot: QtBot) -> None:
    change(opened, qtbot)
    opened.actions_by_name["save_session"].trigger()
    opened.close()
    qtbot.waitUntil(lambda: not opened.isVisible(), timeout=10_000)
    assert load_session(session_path).display["colormap"] == "cividis"


def test_a_failed_save_keeps_the_window_open(opened: MainWindow, session_path: Path, qtbot: QtBot) -> None:
    session_path.unlink()
    session_path.mkdir()
    change(opened, qtbot)
    opened.close()
    press(shown_question(opened, qtbot), "Save")
    assert "not saved" in wait_error(opened, qtbot)
    assert opened.isVisible()
    assert opened.isWindowModified()


def test_opening_another_recording_asks_first(
    opened: MainWindow, session_path: Path, other_path: Path, qtbot: QtBot
) -> None:
    change(opened, qtbot)
    before = opened.state.recording
    opened.open_paths((other_path,))
    press(shown_question(opened, qtbot), "Cancel")
    qtbot.wait(100)
    assert opened.state.recording is before
    opened.open_paths((other_path,))
    press(shown_question(opened, qtbot), "Save")
    qtbot.waitUntil(lambda: opened.state.recording is not before, timeout=10_000)
    assert load_session(session_path).display["colormap"] == "cividis"


def test_edited_geometry_stays_in_the_session(opened: MainWindow, session_path: Path, qtbot: QtBot) -> None:
    before = opened.state.recording
    opened.commands.files.edit_geometry()
    dialog = opened.findChild(GeometryDialog)
    assert isinstance(dialog, GeometryDialog)
    dialog.accept()
    qtbot.waitUntil(lambda: opened.state.recording is not before, timeout=10_000)
    assert state_of(opened).path == session_path
    assert opened.state.frame == 1  # a recording opened anew, not the session read again
    state_of(opened).set_file(None, None)
