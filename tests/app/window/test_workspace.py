"""The workspace: kept by itself under the recording's key, back when that is opened again, and exchanged as a file."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtWidgets import QMessageBox
from pytestqt.qtbot import QtBot

from app.features.comparison.state import CompareState
from app.features.profile.state import ProfileState
from app.features.workspace.controller import WorkspaceController
from app.features.workspace.feature import WorkspaceFeature
from app.preferences import Preferences
from app.state import Display, Regions
from app.state.workspace import WorkspaceParts
from app.state.workspace_file import load_workspace, save_workspace
from app.state.workspace_store import WorkspaceStore
from app.window.main_window import MainWindow
from engine.metrics.profile import ProfileLine
from engine.types import Ellipse

from .conftest import FakeParams, error_of, open_and_wait, write_recording

TARGET = Ellipse(-0.001, 0.0025, 0.0011, 0.0009, 25.0)
DRAWN = Regions(TARGET, replace(TARGET, lateral_m=0.002))
LINE = ProfileLine(-0.003, 0.001, 0.002, 0.004)
MakeWindow = Callable[..., MainWindow]
OLD_SESSION = Path(__file__).parents[1] / "data" / "session-0.1.0.strainscope"


def work_on(window: MainWindow) -> None:
    """Change something of every part."""
    commands = window.commands
    commands.processing.choose_method("second")
    commands.processing.set_parameters(FakeParams(passes=3))
    commands.regions.replace_all(DRAWN, "test")
    commands.change_display(limits="manual", low_percent=0.5, quantity="signed", persistence=3, quality_threshold=0.2)
    commands.change_display(colormap="magma")
    commands.playback.show_frame(4)
    window.state.slice(ProfileState).set_line(LINE)
    window.state.slice(CompareState).choose(-1, 2)


def taken(window: MainWindow) -> dict[str, object]:
    return window.state.slice(WorkspaceParts).take()


def kept_on_disk(window: MainWindow, qtbot: QtBot) -> None:
    """Wait until what the window shows is in its file; that takes less than a second."""
    key = window.state.recording.key if window.state.recording else ""
    path = window.commands.files.store.folder / f"{key}.json"
    qtbot.waitUntil(lambda: path.is_file() and load_workspace(path).parts == taken(window), timeout=5000)


def feature(window: MainWindow) -> WorkspaceFeature:
    return window.findChild(WorkspaceFeature)


def show(window: MainWindow, path: Path, qtbot: QtBot) -> None:
    """Open and wait until the recording is there, its strain or not."""
    before = window.state.recording
    window.open_paths((path,))
    qtbot.waitUntil(lambda: window.state.recording is not before, timeout=10_000)


def test_all_that_was_done_to_a_recording_is_back_wherever_it_lies(
    opened: MainWindow, other_path: Path, tmp_path: Path, make_window: MakeWindow, qtbot: QtBot
) -> None:
    work_on(opened)
    before = taken(opened)
    assert set(before) == {"settings", "regions", "display", "frame", "map", "comparison", "profile"}
    kept_on_disk(opened, qtbot)
    show(opened, other_path, qtbot)
    assert opened.state.regions == Regions()
    assert opened.state.display == Display(colormap="magma")
    assert opened.state.slice(ProfileState).line is None
    assert (opened.state.settings.method, opened.state.settings.parameters) == ("second", FakeParams())
    moved = tmp_path / "elsewhere" / "renamed.h5"
    moved.parent.mkdir()
    (tmp_path / "one.h5").rename(moved)
    show(opened, moved, qtbot)
    assert taken(opened) == before
    assert not opened.actions_by_name["undo"].isEnabled()
    second = make_window()
    show(second, moved, qtbot)
    assert taken(second) == before
    assert second.state.display.colormap == "viridis"  # a matter of taste, which is the program's


def test_a_change_is_kept_when_the_window_closes_or_another_recording_comes_at_once(
    opened: MainWindow, other_path: Path, make_window: MakeWindow, qtbot: QtBot
) -> None:
    path = opened.state.recording.sequence.paths[0]  # type: ignore[union-attr]
    show(opened, other_path, qtbot)
    opened.commands.regions.replace_all(DRAWN, "test")
    show(opened, path, qtbot)
    opened.commands.regions.clear()
    opened.close()
    again = make_window()
    show(again, path, qtbot)
    assert again.state.regions == Regions()
    show(again, other_path, qtbot)
    assert again.state.regions == DRAWN


def test_recordings_with_one_header_share_nothing(window: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    first, second = (write_recording(tmp_path / f"{number}.h5", number) for number in (1, 2))
    open_and_wait(window, (first,), qtbot)
    work_on(window)
    show(window, second, qtbot)
    assert window.state.regions == Regions()
    assert window.state.display == Display(colormap="magma")


def test_another_windows_damage_to_the_file_costs_that_workspace_alone(
    opened: MainWindow, other_path: Path, qtbot: QtBot
) -> None:
    path = opened.state.recording.sequence.paths[0]  # type: ignore[union-attr]
    opened.commands.regions.replace_all(DRAWN, "test")
    kept_on_disk(opened, qtbot)
    show(opened, other_path, qtbot)
    for file in opened.commands.files.store.folder.glob("*.json"):
        file.write_text("{", encoding="utf-8")
    show(opened, path, qtbot)
    assert opened.state.regions.target is not None  # those that the recording brings along
    assert opened.state.regions != DRAWN


def test_start_afresh_is_one_step_of_undo(opened: MainWindow, qtbot: QtBot) -> None:
    brought = opened.state.regions
    work_on(opened)
    before = taken(opened)
    opened.actions_by_name["start_afresh"].trigger()
    assert opened.state.regions == brought
    assert opened.state.display == Display(colormap="magma")
    assert opened.state.slice(ProfileState).line is None
    opened.actions_by_name["undo"].trigger()
    assert taken(opened) == before
    kept_on_disk(opened, qtbot)


def test_regions_and_settings_are_taken_from_another_recording(
    opened: MainWindow, other_path: Path, qtbot: QtBot
) -> None:
    path = opened.state.recording.sequence.paths[0]  # type: ignore[union-attr]
    work_on(opened)
    opened.commands.playback.show_frame(5)
    show(opened, other_path, qtbot)
    feature(opened).ask_source = lambda *_: (path,)
    opened.actions_by_name["take_workspace"].trigger()
    qtbot.waitUntil(lambda: opened.state.regions == DRAWN, timeout=5000)
    assert opened.state.settings.parameters == FakeParams(passes=3)
    assert opened.state.display.persistence == 3
    assert opened.state.frame == 1
    opened.actions_by_name["undo"].trigger()
    assert opened.state.regions == Regions()


def test_nothing_can_be_taken_from_a_recording_that_was_never_worked_on(
    opened: MainWindow, tmp_path: Path, qtbot: QtBot
) -> None:
    feature(opened).ask_source = lambda *_: (write_recording(tmp_path / "three.h5", 3),)
    opened.actions_by_name["take_workspace"].trigger()
    assert "Nothing is kept of three.h5" in error_of(opened, qtbot)


def save_copy(window: MainWindow, path: Path, qtbot: QtBot) -> None:
    feature(window).ask_save = lambda *_: path
    window.actions_by_name["save_workspace"].trigger()
    qtbot.waitUntil(path.is_file, timeout=5000)


def test_a_copy_given_away_opens_with_its_recording_as_a_step_of_undo(
    opened: MainWindow, tmp_path: Path, make_window: MakeWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    work_on(opened)
    given = taken(opened)
    save_copy(opened, tmp_path / "copy.strainscope", qtbot)
    opened.close()
    away = tmp_path / "away"
    away.mkdir()
    for name in ("copy.strainscope", "one.h5"):
        shutil.move(tmp_path / name, away / name)
    monkeypatch.setenv("STRAINSCOPE_CONFIG", str(tmp_path / "other_user"))
    other = make_window()
    show(other, away / "copy.strainscope", qtbot)
    assert taken(other) == given
    other.actions_by_name["undo"].trigger()
    assert other.state.regions.target is not None
    assert other.state.regions != DRAWN


def test_the_recording_of_a_copy_is_asked_for_and_another_one_is_told(
    opened: MainWindow, tmp_path: Path, qtbot: QtBot
) -> None:
    opened.commands.regions.replace_all(DRAWN, "test")
    copy = tmp_path / "copy.strainscope"
    save_copy(opened, copy, qtbot)
    (tmp_path / "one.h5").rename(tmp_path / "moved.h5")
    other = write_recording(tmp_path / "other.h5", 5)
    asked = iter(((other,), (tmp_path / "moved.h5",)))
    feature(opened).ask_place = lambda *_: next(asked)
    before = opened.state.recording
    opened.open_paths((copy,))
    qtbot.waitUntil(lambda: any(box.isVisible() for box in opened.findChildren(QMessageBox)), timeout=10_000)
    box = next(box for box in opened.findChildren(QMessageBox) if box.isVisible())
    assert "other.h5 is another recording" in box.text()
    next(button for button in box.buttons() if "Choose" in button.text()).click()
    qtbot.waitUntil(lambda: opened.state.recording is not before, timeout=10_000)
    assert opened.state.recording is not None
    assert opened.state.recording.sequence.name == "moved.h5"
    assert opened.state.regions == DRAWN


def test_a_session_of_an_older_program_opens(opened: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    shutil.copy(OLD_SESSION, tmp_path / "old.strainscope")
    show(opened, tmp_path / "old.strainscope", qtbot)
    state = opened.state
    assert state.settings.method == "second"
    assert state.settings.parameters == FakeParams(window_m=0.003, passes=3)
    assert state.settings.preparation.band_pass
    assert state.regions.target == Ellipse(-0.002, 0.003, 0.001, 0.0012, 15.0)
    assert (state.display.limits, state.display.low_percent, state.display.persistence) == ("manual", 0.25, 2)
    assert state.frame == 4
    assert state.slice(ProfileState).line == LINE
    compare = state.slice(CompareState)
    assert compare.active
    qtbot.waitUntil(lambda: (run := compare.other_run()) is not None and run.status == "complete", timeout=20_000)
    other = compare.other_run()
    assert other is not None
    assert other.settings.method == "first"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"regions": {"target": {"depth_m": 1}}}, "regions.target"),
        ({"regions": {"target": {"lateral_m": 0, "depth_m": 1, "semi_lateral_m": -1, "semi_axial_m": 1}}}, "regions"),
        ({"display": {"limits": "sometimes"}}, "display.limits"),
        ({"frame": {"frame": -1}}, "frame.frame"),
        ({"nonsense": {}}, "nonsense is unknown"),
    ],
)
def test_a_copy_that_does_not_fit_is_one_line_and_changes_nothing(
    opened: MainWindow, tmp_path: Path, qtbot: QtBot, change: dict[str, dict[str, object]], words: str
) -> None:
    workspace = opened.commands.part(WorkspaceController).present()
    assert workspace is not None
    bad = tmp_path / "bad.strainscope"
    save_workspace(workspace.model_copy(update={"parts": {**workspace.parts, **change}}), bad)
    before, recording = taken(opened), opened.state.recording
    opened.open_paths((bad,))
    text = error_of(opened, qtbot)
    assert words in text
    assert "bad.strainscope" in text
    assert (taken(opened), opened.state.recording) == (before, recording)


def test_keep_nothing_leaves_both_folders_empty(
    make_window: MakeWindow, recording_path: Path, other_path: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    window = make_window(Preferences(theme="dark", keep_nothing=True))
    open_and_wait(window, (recording_path,), qtbot)
    window.commands.regions.replace_all(DRAWN, "test")
    show(window, other_path, qtbot)
    show(window, recording_path, qtbot)
    assert window.state.regions == DRAWN  # the window remembers as long as it is open
    window.close()
    left = [
        (path, path.read_bytes()[:2000])
        for path in (tmp_path / "config").rglob("*")
        if path.is_file() and not path.name.startswith("preferences.json")
    ]
    assert left == []
    assert "one.h5" not in (tmp_path / "config" / "preferences.json").read_text(encoding="utf-8")


def test_two_windows_on_one_folder_leave_a_whole_file(
    make_window: MakeWindow, recording_path: Path, qtbot: QtBot
) -> None:
    windows = make_window(), make_window()
    for window in windows:
        show(window, recording_path, qtbot)
    for step in range(20):
        for window in windows:
            window.commands.regions.replace_all(Regions(replace(TARGET, depth_m=1e-3 * (step + 1))), "test")
            window.commands.part(WorkspaceController).keep()
        qtbot.wait(5)
    kept_on_disk(windows[1], qtbot)
    key = windows[0].state.recording.key  # type: ignore[union-attr]
    found = WorkspaceStore(windows[0].commands.files.store.folder).get(key)
    assert found is not None
    assert found.parts["regions"]["target"]["depth_m"] == pytest.approx(20e-3)
