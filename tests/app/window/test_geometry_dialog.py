"""The geometry dialog takes what is typed: over its hints, against late suggestions, as a rate or as a spacing."""

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialogButtonBox, QLabel
from pytestqt.qtbot import QtBot

from app.features.opening.data_choices import ANGLE, RADIUS
from app.features.opening.geometry_dialog import GeometryDialog
from app.window.main_window import MainWindow
from engine.readers.base import ReadOptions
from engine.types import Sector


@pytest.fixture(name="dialog")
def fixture_dialog(window: MainWindow, tmp_path: Path, qtbot: QtBot) -> GeometryDialog:
    random = np.random.default_rng(0)
    np.save(tmp_path / "array.npy", random.standard_normal((4, 260, 24)).astype(np.float32))
    window.open_paths((tmp_path / "array.npy",))
    qtbot.waitUntil(lambda: window.findChild(GeometryDialog) is not None)
    dialog = window.findChild(GeometryDialog)
    assert isinstance(dialog, GeometryDialog)
    dialog.activateWindow()
    qtbot.waitUntil(dialog.isActiveWindow)
    return dialog


def test_digits_replace_the_words_wherever_the_caret_stands(dialog: GeometryDialog) -> None:
    rate = dialog.editors["sampling_hz"]
    rate.setFocus()
    QApplication.processEvents()
    rate.lineEdit().deselect()
    rate.lineEdit().setCursorPosition(len(rate.text()))
    QTest.keyClicks(rate, "38.5")
    assert rate.value() == 38.5
    assert dialog.answer().values["sampling_hz"] == pytest.approx(38.5e6)


def test_a_field_is_selected_whole_when_the_focus_comes(dialog: GeometryDialog, qtbot: QtBot) -> None:
    pitch = dialog.editors["pitch_m"]
    for reason in (Qt.FocusReason.MouseFocusReason, Qt.FocusReason.ActiveWindowFocusReason):
        dialog.editors["center_hz"].setFocus()
        pitch.setFocus(reason)
        qtbot.waitUntil(pitch.lineEdit().hasSelectedText)
    QTest.keyClicks(pitch, "0.2")
    assert pitch.value() == 0.2


def test_a_suggestion_is_never_written_under_the_users_hands(dialog: GeometryDialog) -> None:
    center, rate = dialog.editors["center_hz"], dialog.editors["sampling_hz"]
    rate.setValue(38.5)
    center.setFocus()
    QApplication.processEvents()
    dialog.show_suggestions({"center_hz": 4.187e6})
    assert not center.is_given()
    QTest.keyClicks(center, "7.5")
    assert center.value() == 7.5
    dialog.show_suggestions({"center_hz": 4.2e6})
    QTest.keyClick(center, Qt.Key.Key_Tab)
    assert dialog.answer().values["center_hz"] == pytest.approx(7.5e6)


def test_a_suggestion_is_filled_in_once_the_field_is_left_untouched(dialog: GeometryDialog) -> None:
    center = dialog.editors["center_hz"]
    center.setFocus()
    dialog.show_suggestions({"center_hz": 4.187e6})
    QTest.keyClick(center, Qt.Key.Key_Tab)
    assert center.value() == 4.187
    assert "center_hz" not in dialog.answer().values


def test_axial_spacing_says_the_sampling_rate(dialog: GeometryDialog) -> None:
    dialog.spacing.setFocus()
    QApplication.processEvents()
    QTest.keyClicks(dialog.spacing, "0.01925")
    assert dialog.editors["sampling_hz"].value() == 40.0
    assert dialog.answer().values["sampling_hz"] == pytest.approx(40e6)
    dialog.editors["sound_speed_m_s"].setValue(1500.0)  # the spacing stays, the rate follows
    assert dialog.spacing.value() == 0.01925
    assert dialog.answer().values["sampling_hz"] == pytest.approx(1500 / (2 * 0.01925e-3))
    dialog.editors["sampling_hz"].setFocus()
    dialog.editors["sampling_hz"].setValue(20.0)
    assert dialog.spacing.value() == pytest.approx(0.0375)
    dialog.editors["sound_speed_m_s"].setValue(1540.0)  # now the rate stays
    assert dialog.answer().values["sampling_hz"] == pytest.approx(20e6)
    assert dialog.spacing.value() == pytest.approx(0.0385)


def test_numbers_are_shown_without_idle_zeros(dialog: GeometryDialog) -> None:
    dialog.editors["sampling_hz"].setValue(38.5)
    assert dialog.editors["sampling_hz"].text() == "38.5 MHz"
    dialog.editors["sampling_hz"].setValue(40.0)
    assert dialog.editors["sampling_hz"].text() == "40 MHz"


def test_kind_of_data_and_the_fan_of_the_lines_can_be_given(
    window: MainWindow, dialog: GeometryDialog, qtbot: QtBot
) -> None:
    texts = [label.text() for label in dialog.findChildren(QLabel)]
    assert any("values do not oscillate along depth" in text for text in texts)
    assert dialog.answer().options == ReadOptions(axes="fal")
    dialog.choices.kind.setCurrentIndex(dialog.choices.kind.findData("rf"))
    dialog.editors["sampling_hz"].setValue(40)
    dialog.editors["center_hz"].setValue(6)
    ok = dialog.findChild(QDialogButtonBox).button(QDialogButtonBox.StandardButton.Ok)
    assert not ok.isEnabled()
    dialog.choices.angle.setValue(0.5)
    dialog.choices.radius.setValue(60)
    assert ok.isEnabled()
    options = dialog.answer().options
    assert options.kind == "rf"
    assert options.sector == Sector(60 / RADIUS.scale, 0.5 / ANGLE.scale)
    assert options.sector.angle_step_rad == pytest.approx(np.radians(0.5))
    dialog.accept()
    qtbot.waitUntil(lambda: window.state.recording is not None)
    recording = window.state.recording
    assert recording is not None
    assert recording.sequence.geometry.sector == options.sector
    window.commands.files.edit_geometry()
    again = window.findChildren(GeometryDialog)[-1]
    assert again.answer().options.sector == options.sector


def test_a_carrier_above_half_the_rate_is_taken_and_the_rf_unfolded(
    window: MainWindow, tmp_path: Path, qtbot: QtBot
) -> None:
    time = np.arange(400)[:, None] / 8e6 - 25e-6 - 1e-6 * np.arange(8)
    rf = np.exp(-((time * 5e6) ** 2)) * np.cos(2 * np.pi * 6e6 * time)
    np.save(tmp_path / "folded.npy", np.stack([rf, rf]).astype(np.float32))
    window.open_paths((tmp_path / "folded.npy",))
    qtbot.waitUntil(lambda: window.findChild(GeometryDialog) is not None)
    dialog = window.findChild(GeometryDialog)
    ok = dialog.findChild(QDialogButtonBox).button(QDialogButtonBox.StandardButton.Ok)
    dialog.editors["sampling_hz"].setValue(8)
    dialog.editors["pitch_m"].setValue(0.3)
    dialog.editors["center_hz"].setValue(400)
    assert not ok.isEnabled()
    dialog.editors["center_hz"].setValue(6)
    assert ok.isEnabled()
    assert any("unfolded to 24 MHz" in label.text() for label in dialog.findChildren(QLabel))
    dialog.accept()
    qtbot.waitUntil(lambda: window.state.recording is not None)
    recording = window.state.recording
    assert recording is not None
    assert recording.sequence.shape == (2, 1200, 8)
    assert recording.sequence.geometry.sampling_hz == pytest.approx(24e6)
    window.commands.files.edit_geometry()
    again = window.findChildren(GeometryDialog)[-1]
    assert again.answer().values["sampling_hz"] == pytest.approx(8e6)
    assert again.findChild(QDialogButtonBox).button(QDialogButtonBox.StandardButton.Ok).isEnabled()
