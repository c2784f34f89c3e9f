"""Opening: what is shown, what is asked, what is remembered, and that an error keeps the open recording."""

import threading
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QDialogButtonBox, QFileDialog, QMenu
from pytestqt.qtbot import QtBot

from app.features.opening.feature import open_filter
from app.features.opening.geometry_dialog import GeometryDialog
from app.window.main_window import MainWindow
from engine.readers.base import READERS
from engine.readers.open import open_recording

from .conftest import FRAMES, LINES, ROWS, open_and_wait, shown_error, write_recording


def test_empty_window_says_what_to_do(window: MainWindow) -> None:
    assert window.central.currentWidget() is window.central.welcome
    assert window.central.welcome.open_button.isVisible()
    assert not window.actions_by_name["target"].isEnabled()


def test_opening_shows_estimates_and_measures(opened: MainWindow) -> None:
    state = opened.state
    assert state.recording is not None
    assert state.recording.frames == FRAMES
    assert state.frame == 1
    assert state.run is not None
    assert state.run.store.frames() == (1, 2, 3, 4, 5)
    assert "one.h5" in opened.windowTitle()
    assert np.isfinite(state.measurements.values["strain_ratio"].value)
    assert opened.status.activity.isHidden()


def test_recording_brings_its_regions(opened: MainWindow) -> None:
    target = opened.state.regions.target
    assert target is not None
    assert target.lateral_m == pytest.approx(-0.002)
    assert opened.central.view.strain.regions
    assert not opened.actions_by_name["undo"].isEnabled()


def drop(window: MainWindow, paths: list[Path]) -> None:
    """Drop files on the window, or, without any, a text."""
    data = QMimeData()
    if paths:
        data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    else:
        data.setText("not a file")
    place, buttons, keys = QPoint(50, 50), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(place, Qt.DropAction.CopyAction, data, buttons, keys)
    enter.ignore()
    window.dragEnterEvent(enter)
    assert enter.isAccepted() is bool(paths)
    window.dropEvent(QDropEvent(QPointF(place), Qt.DropAction.CopyAction, data, buttons, keys))


def test_dropped_files_open(window: MainWindow, recording_path: Path, qtbot: QtBot) -> None:
    drop(window, [])
    assert window.state.activity is None
    drop(window, [recording_path])
    qtbot.waitUntil(lambda: window.state.recording is not None)


def test_several_dropped_files_are_one_sequence(window: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    paths = [write_recording(tmp_path / f"frame_{number}.h5", number, frames=1) for number in (10, 2, 1)]
    drop(window, paths)
    qtbot.waitUntil(lambda: window.state.recording is not None, timeout=10_000)
    assert window.state.recording is not None
    sequence = window.state.recording.sequence
    assert sequence.shape == (3, ROWS, LINES)
    assert [sequence.frame(index)[0, 0] for index in range(3)] == [1, 2, 10]  # in the order of their numbers


def test_a_recent_recording_of_several_files_opens_again(window: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    paths = tuple(write_recording(tmp_path / f"frame_{number}.h5", number, frames=1) for number in (1, 2, 3))
    window.open_paths(paths)
    qtbot.waitUntil(lambda: window.state.recording is not None, timeout=10_000)
    before = window.state.recording
    recent = next(menu for menu in window.menuBar().findChildren(QMenu) if "recent" in menu.title())
    recent.aboutToShow.emit()
    entries = recent.actions()
    assert entries[0].text().endswith("frame_1.h5 and 2 more")
    entries[0].trigger()
    qtbot.waitUntil(lambda: window.state.recording is not before, timeout=10_000)
    assert window.state.recording is not None
    assert window.state.recording.frames == 3


def test_a_recent_recording_that_is_gone_is_told(window: MainWindow, recording_path: Path, qtbot: QtBot) -> None:
    window.open_paths((recording_path,))
    qtbot.waitUntil(lambda: window.state.recording is not None, timeout=10_000)
    before = window.state.recording
    window.jobs.files.submit(lambda _control: recording_path.unlink())
    recent = next(menu for menu in window.menuBar().findChildren(QMenu) if "recent" in menu.title())
    recent.aboutToShow.emit()
    recent.actions()[0].trigger()
    texts: list[str] = []
    qtbot.waitUntil(lambda: bool(texts.append(shown_error(window)) or texts[-1]), timeout=10_000)
    assert "one.h5" in texts[-1]
    assert window.state.recording is before


@pytest.mark.parametrize("content", [b"", b"not a recording at all", b"\x89HDF\r\n\x1a\n damaged"])
def test_bad_file_is_one_line_and_keeps_the_open_recording(
    opened: MainWindow, tmp_path: Path, qtbot: QtBot, content: bytes
) -> None:
    bad = tmp_path / "bad.h5"
    bad.write_bytes(content)
    before, picture = opened.state.recording, opened.state.picture
    opened.open_paths((bad,))
    texts: list[str] = []
    qtbot.waitUntil(lambda: bool(texts.append(shown_error(opened)) or texts[-1]))
    assert "bad.h5" in texts[-1]
    assert "\n" not in texts[-1]
    assert opened.state.recording is before
    assert opened.state.picture is picture


def test_missing_file_is_told(window: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    window.open_paths((tmp_path / "nowhere.h5",))
    texts: list[str] = []
    qtbot.waitUntil(lambda: bool(texts.append(shown_error(window)) or texts[-1]))
    assert "nowhere.h5" in texts[-1]


def test_one_frame_shows_b_mode_and_says_why_no_strain(window: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    window.open_paths((write_recording(tmp_path / "single.h5", 3, frames=1),))
    qtbot.waitUntil(lambda: window.state.picture is not None)
    assert "one frame" in window.central.view.strain.message()
    assert not window.actions_by_name["estimate"].isEnabled()


def open_array(window: MainWindow, path: Path, qtbot: QtBot) -> GeometryDialog:
    random = np.random.default_rng(0)
    np.save(path, random.standard_normal((4, 260, 24)).astype(np.float32))
    window.open_paths((path,))
    qtbot.waitUntil(lambda: window.findChild(GeometryDialog) is not None)
    dialog = window.findChild(GeometryDialog)
    assert isinstance(dialog, GeometryDialog)
    return dialog


def fill(dialog: GeometryDialog, qtbot: QtBot) -> None:
    dialog.axes.setCurrentIndex(dialog.axes.findData("fal"))
    for name, value in (("sampling_hz", 40.0), ("center_hz", 5.0), ("pitch_m", 0.3)):
        dialog.editors[name].setValue(value)


def test_missing_geometry_is_asked_once_and_remembered(window: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    path = tmp_path / "array.npy"
    dialog = open_array(window, path, qtbot)
    ok = dialog.findChild(QDialogButtonBox).button(QDialogButtonBox.StandardButton.Ok)
    dialog.editors["pitch_m"].setValue(0)
    assert not ok.isEnabled()
    fill(dialog, qtbot)
    assert ok.isEnabled()
    ok.click()
    qtbot.waitUntil(lambda: window.state.recording is not None)
    recording = window.state.recording
    assert recording is not None
    geometry = recording.sequence.geometry
    assert geometry.sampling_hz == pytest.approx(40e6)
    assert geometry.pitch_m == pytest.approx(0.3e-3)
    assert geometry.sources.sampling_hz == "user"
    assert geometry.sources.sound_speed_m_s == "assumed"
    moved = tmp_path / "renamed.npy"
    path.rename(moved)
    number = recording.number
    window.open_paths((moved,))
    qtbot.waitUntil(lambda: window.state.recording is not None and window.state.recording.number != number)


def test_cancelled_geometry_keeps_everything(opened: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    before = opened.state.recording
    dialog = open_array(opened, tmp_path / "array.npy", qtbot)
    dialog.reject()
    qtbot.wait(30)
    assert opened.state.recording is before
    assert opened.state.activity is None


def test_impossible_geometry_cannot_be_accepted(window: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    dialog = open_array(window, tmp_path / "array.npy", qtbot)
    fill(dialog, qtbot)
    dialog.editors["center_hz"].setValue(300.0)
    assert not dialog.findChild(QDialogButtonBox).button(QDialogButtonBox.StandardButton.Ok).isEnabled()
    dialog.reject()


def test_edited_geometry_keeps_the_regions(opened: MainWindow, qtbot: QtBot) -> None:
    regions, before = opened.state.regions, opened.state.recording
    opened.commands.files.edit_geometry()
    dialog = opened.findChild(GeometryDialog)
    assert isinstance(dialog, GeometryDialog)
    assert not dialog.editors["sampling_hz"].isEnabled()
    dialog.accept()
    qtbot.waitUntil(lambda: opened.state.recording is not before)
    assert opened.state.regions == regions


def test_recent_files_are_listed(window: MainWindow, recording_path: Path, other_path: Path, qtbot: QtBot) -> None:
    for path in (recording_path, other_path):
        open_and_wait(window, (path,), qtbot)
    assert [Path(entry[0]).name for entry in window.preferences.recent] == ["two.h5", "one.h5"]


def test_the_open_dialog_lists_every_format_that_is_read() -> None:
    filters = open_filter().split(";;")
    assert filters[0].startswith("Recordings, results and workspaces (*.h5 ")
    assert filters[0].endswith(" *.strainscope)")
    assert "MetaImage (*.mhd *.mha)" in filters
    assert filters[-1] == "All files (*)"
    assert "Numbers without a header (*.bin *.dat *.raw *.sxi)" in filters
    assert len(filters) == 4 + sum(bool(reader.extensions) for reader in READERS)


def test_opening_can_be_cancelled(
    opened: MainWindow, other_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    gate = threading.Event()

    def slow(*arguments: object) -> object:
        gate.wait(20)
        return open_recording(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("app.controllers.reading.open_recording", slow)
    before = opened.state.recording
    opened.open_paths((other_path,))
    assert opened.state.activity is not None
    assert opened.actions_by_name["cancel"].isEnabled()
    opened.actions_by_name["cancel"].trigger()
    assert opened.state.activity is None
    assert opened.state.recording is before
    gate.set()
    opened.open_paths((other_path,))
    qtbot.waitUntil(lambda: opened.state.recording is not before)


def test_a_folder_can_be_chosen(
    window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    for number in (1, 2, 3):
        write_recording(folder / f"frame_{number}.h5", number, frames=1)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(folder))
    window.actions_by_name["open_folder"].trigger()
    qtbot.waitUntil(lambda: window.state.recording is not None, timeout=10_000)
    assert window.state.recording is not None
    assert window.state.recording.frames == 3


def test_a_recording_may_name_the_frame_at_which_it_opens(window: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    open_and_wait(window, (write_recording(tmp_path / "best.h5", 1, demo_frame=4),), qtbot)
    assert window.state.frame == 4


def test_the_first_page_names_every_format_that_is_read(window: MainWindow, qtbot: QtBot) -> None:
    welcome = window.central.welcome
    qtbot.waitUntil(lambda: bool(welcome.formats.text()), timeout=10_000)
    for reader in READERS:
        if reader.extensions:
            assert reader.title.split(" (")[0] in welcome.formats.text()
