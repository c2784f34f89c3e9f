"""Preferences and the compute device: shown as they are, taken at once, kept, and never in the way of the start."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox
from pytestqt.qtbot import QtBot

from app.features.preferences.dialog import PreferencesDialog
from app.panels.device_choice import NO_CUDA, DeviceChooser
from app.preferences import Preferences, load_preferences, preferences_path
from app.state.device import DeviceState
from app.window.main_window import MainWindow

from .conftest import FakeEngine, open_and_wait, shown_error


def open_dialog(window: MainWindow) -> PreferencesDialog:
    window.actions_by_name["preferences"].trigger()
    dialog = window.findChild(PreferencesDialog)
    assert isinstance(dialog, PreferencesDialog)
    return dialog


def choose(dialog: PreferencesDialog, name: str, value: object) -> None:
    editor = dialog.editors[name]
    assert isinstance(editor, QComboBox)
    editor.setCurrentIndex(editor.findData(value))


def test_the_dialog_shows_what_is_in_force(window: MainWindow) -> None:
    dialog = open_dialog(window)
    values = dialog.values()
    assert values["theme"] == "dark"
    assert values["device"] == "cpu"
    assert values["colormap"] == window.state.display.colormap
    assert values["speed"] == 1.0
    assert all(editor.accessibleName() and editor.toolTip() for editor in dialog.editors.values())
    dialog.reject()
    assert window.preferences.theme == "dark"


def test_accepting_takes_effect_at_once_and_is_kept(opened: MainWindow) -> None:
    dialog = open_dialog(opened)
    for name, value in {
        "theme": "light",
        "layout": "stacked",
        "colormap": "magma",
        "speed": 0.5,
        "start_method": "second",
        "device": "auto",
    }.items():
        choose(dialog, name, value)
    rate = dialog.editors["assumed_rate_hz"]
    assert isinstance(rate, QDoubleSpinBox)
    rate.setValue(33.0)
    dialog.accept()
    display = opened.state.display
    assert display.colormap == "magma"
    assert opened.central.play_bar.speed.currentData() == 0.5
    assert opened.commands.playback.rate_hz() == pytest.approx(10.0)  # 20 Hz in the file, half speed
    assert opened.commands.playback.assumed_rate_hz == 33.0
    assert opened.state.settings.method == "first"  # the open recording keeps its method
    kept = load_preferences()
    assert (kept.theme, kept.layout, kept.speed, kept.start_method) == ("light", "stacked", 0.5, "second")
    opened.set_theme("dark")


def test_a_new_window_begins_with_the_preferred_method(make_window: Callable[..., MainWindow], qtbot: QtBot) -> None:
    preferences = make_window().preferences
    preferences.start_method = "second"
    preferences.speed = 2.0
    second = make_window(preferences)
    assert second.state.settings.method == "second"
    assert second.central.play_bar.speed.currentData() == 2.0


@pytest.mark.parametrize("content", ["", "[1, 2]", "{", '"text"', "[" * 5000, "\x00\x01"])
def test_a_damaged_file_gives_the_defaults(content: str, tmp_path: Path) -> None:
    path = tmp_path / "preferences.json"
    path.write_text(content, encoding="utf-8")
    assert load_preferences(path).model_dump() == Preferences().model_dump()


def test_one_wrong_entry_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "preferences.json"
    entries = {"theme": "pink", "speed": -3, "layout": "stacked", "recent": {"a": 1}, "start_method": "ncc", "new": 1}
    path.write_text(json.dumps(entries), encoding="utf-8")
    assert load_preferences(path).model_dump() == Preferences(layout="stacked", start_method="ncc").model_dump()


def test_a_folder_in_place_of_the_file_gives_the_defaults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("STRAINSCOPE_CONFIG", str(tmp_path))
    preferences_path().mkdir(parents=True)
    assert load_preferences().model_dump() == Preferences().model_dump()


def test_a_machine_without_cuda_says_so(window: MainWindow) -> None:
    chooser = window.findChild(DeviceChooser)
    assert isinstance(chooser, DeviceChooser)
    model = chooser.box.model()
    assert isinstance(model, QStandardItemModel)
    item = model.item(chooser.box.findData("cuda"))
    assert not item.isEnabled()
    assert item.toolTip() == NO_CUDA
    assert "no CUDA device" in chooser.words.text()


def test_the_device_is_chosen_in_the_window(window: MainWindow) -> None:
    chooser = window.findChild(DeviceChooser)
    assert isinstance(chooser, DeviceChooser)
    device = window.state.slice(DeviceState)
    device.set_accelerator("Some GPU")
    assert chooser.words.text() == "Computes on the CPU, not on the Some GPU."
    chooser.box.setCurrentIndex(chooser.box.findData("cuda"))
    assert device.chosen == "cuda"
    assert chooser.words.text() == "Computes on the Some GPU."
    assert window.commands.processing.device.name == "cuda"
    assert window.preferences.device == "cuda"


def test_the_device_that_was_used_is_told(opened: MainWindow) -> None:
    assert opened.state.run is not None
    assert opened.state.run.device == "cpu"
    assert "on CPU" in opened.state.notice


def test_cuda_asked_for_and_absent_is_a_plain_error(
    window: MainWindow, fake: FakeEngine, recording_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    window.state.slice(DeviceState).choose("cuda")
    estimate = fake.estimate

    def on_device(*arguments: object) -> str:
        arguments[3].get()  # type: ignore[attr-defined]
        return estimate(*arguments)  # type: ignore[arg-type]

    processing = window.commands.processing
    monkeypatch.setattr(processing, "_engine", replace(processing._engine, estimate=on_device))
    window.open_paths((recording_path,))
    qtbot.waitUntil(lambda: window.state.run is not None and window.state.run.status == "failed", timeout=20_000)
    assert "no CUDA device" in shown_error(window)
    window.state.slice(DeviceState).choose("cpu")
    open_and_wait(window, (recording_path,), qtbot)
