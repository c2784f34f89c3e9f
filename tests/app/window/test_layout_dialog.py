"""Numbers without a header open in the window once it is said how they lie, which is remembered with their bytes."""

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QDialogButtonBox
from pytestqt.qtbot import QtBot

from app.features.opening.geometry_dialog import GeometryDialog
from app.features.opening.layout_form import LayoutDialog
from app.window.main_window import MainWindow


@pytest.fixture(name="numbers")
def fixture_numbers() -> np.ndarray:
    frame, row, line = np.meshgrid(np.arange(2), np.arange(260), np.arange(24), indexing="ij")
    wave = np.sin(2 * np.pi * row / 8 + 0.5 * line) * (1 + np.random.default_rng(2).random(frame.shape))
    return (1000 * wave).astype(">i2")


def ok(dialog: LayoutDialog | GeometryDialog) -> bool:
    return dialog.findChild(QDialogButtonBox).button(QDialogButtonBox.StandardButton.Ok).isEnabled()


def say_layout(window: MainWindow, path: Path, qtbot: QtBot, lines: int = 24) -> None:
    window.open_paths((path,))
    qtbot.waitUntil(lambda: window.findChild(LayoutDialog) is not None)
    dialog = window.findChild(LayoutDialog)
    assert not ok(dialog)
    form = dialog.form
    form.type.setCurrentIndex(form.type.findData(">int16"))
    form.axes.setCurrentIndex(form.axes.findData("fla"))
    form.header.setValue(76)
    form.sizes["f"].setValue(2)
    form.sizes["a"].setValue(260 * 24 // lines)
    assert "bytes" in form.problem()
    form.sizes["l"].setValue(lines)
    assert form.problem() == ""
    assert ok(dialog)
    dialog.accept()
    qtbot.waitUntil(lambda: bool(window.findChildren(GeometryDialog)))


def say_geometry(window: MainWindow, dialog: GeometryDialog, qtbot: QtBot) -> None:
    for name, value in {"sampling_hz": 40, "center_hz": 5, "pitch_m": 0.3}.items():
        dialog.editors[name].setValue(value)
    assert ok(dialog)
    dialog.accept()
    qtbot.waitUntil(lambda: window.state.recording is not None)


def write(path: Path, numbers: np.ndarray) -> Path:
    path.write_bytes(bytes(76) + numbers.transpose(0, 2, 1).tobytes())
    return path


def test_numbers_open_as_is_said_and_are_remembered(
    window: MainWindow, numbers: np.ndarray, tmp_path: Path, qtbot: QtBot
) -> None:
    path = write(tmp_path / "rf.bin", numbers)
    say_layout(window, path, qtbot)
    say_geometry(window, window.findChildren(GeometryDialog)[-1], qtbot)
    recording = window.state.recording
    assert recording is not None
    np.testing.assert_array_equal(recording.sequence.frame(1), numbers[1].astype(np.float32))
    moved = path.rename(tmp_path / "moved.dat")
    with qtbot.waitSignal(window.commands.files.opened):
        window.open_paths((moved,))
    assert window.state.recording is not None
    assert window.state.recording.sequence.paths == (moved,)
    assert window.state.recording.sequence.geometry.pitch_m == pytest.approx(0.3e-3)


def test_a_wrong_layout_can_be_put_right_with_the_geometry(
    window: MainWindow, numbers: np.ndarray, tmp_path: Path, qtbot: QtBot
) -> None:
    say_layout(window, write(tmp_path / "rf.dat", numbers), qtbot, lines=12)
    dialog = window.findChildren(GeometryDialog)[-1]
    assert dialog.layout_form is not None
    assert dialog.layout_form.text() == ">int16 2x12x520 fla 76"
    dialog.layout_form.sizes["l"].setValue(24)
    assert not ok(dialog)
    dialog.layout_form.sizes["a"].setValue(260)
    say_geometry(window, dialog, qtbot)
    recording = window.state.recording
    assert recording is not None
    np.testing.assert_array_equal(recording.sequence.frame(0), numbers[0].astype(np.float32))


def test_nothing_opens_when_the_form_is_left(window: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    (tmp_path / "a.bin").write_bytes(bytes(range(200)))
    window.open_paths((tmp_path / "a.bin",))
    qtbot.waitUntil(lambda: window.findChild(LayoutDialog) is not None)
    window.findChild(LayoutDialog).reject()
    assert window.state.recording is None
    assert not window.commands.files.is_running()


def test_a_file_of_another_name_fails_as_before(window: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    (tmp_path / "a.xyz").write_bytes(bytes(range(200)))
    with qtbot.waitSignal(window.commands.files.failed):
        window.open_paths((tmp_path / "a.xyz",))
    assert window.findChild(LayoutDialog) is None
