"""Exports: the files, the same numbers as on screen, previews, and what is said when it cannot be done."""

import csv
import threading
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import h5py
import numpy as np
import pytest
from PIL import Image
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from app.features.export.controller import ExportController, figure_content
from app.features.export.figure_dialog import FigureDialog
from app.features.export.movie_dialog import MovieDialog
from app.features.export.options_form import remembered
from app.features.profile.state import ProfileState
from app.preferences import Preferences
from app.window.main_window import MainWindow
from engine.export.base import WRITERS, Export, Writer
from engine.export.result_file import read_result
from engine.figures.options import FigureOptions, MovieOptions
from engine.metrics.profile import ProfileLine
from engine.readers import open_recording

from .conftest import expected_strain, shown_error

ONE_WINDOW = True


def wait_written(window: MainWindow, path: Path, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not window.commands.part(ExportController).is_running(), timeout=20_000)
    assert path.is_file()
    assert str(path) in window.state.notice


def test_result_file_holds_the_estimates(opened: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    path = tmp_path / "result.h5"
    opened.commands.part(ExportController).save_data("result", path)
    wait_written(opened, path, qtbot)
    result = read_result(path)
    assert result.deformed_frames == (1, 2, 3, 4, 5)
    assert opened.state.recording is not None
    wanted = expected_strain(opened.state.recording.sequence, "first", 3)
    assert result.read_frame(2).strain.axial[1, 1] == pytest.approx(wanted)


def test_table_holds_the_numbers_of_the_window(opened: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    path = tmp_path / "metrics.csv"
    opened.commands.part(ExportController).save_data("table", path)
    wait_written(opened, path, qtbot)
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    row = next(row for row in csv.DictReader(lines) if row["frame"] == str(opened.state.frame))
    for name in ("snr_target", "cnr", "strain_ratio", "snre"):
        assert float(row[name]) == pytest.approx(opened.state.measurements.values[name].value, rel=1e-8)


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg", "tif"])
def test_figure_is_written_in_each_format(opened: MainWindow, tmp_path: Path, qtbot: QtBot, suffix: str) -> None:
    source = opened.commands.part(ExportController).figure_source((0.0, 20.0))
    assert source is not None
    path = tmp_path / f"figure.{suffix}"
    opened.commands.part(ExportController).save_figure(source, FigureOptions(dpi=72), path)
    wait_written(opened, path, qtbot)
    assert path.stat().st_size > 2000


def test_figure_shows_what_was_chosen(opened: MainWindow) -> None:
    opened.commands.change_display(quality_threshold=0.5, reverse=True)
    source = opened.commands.part(ExportController).figure_source((0.0, 20.0))
    assert source is not None
    full = figure_content(source, FigureOptions())
    assert full.bmode is not None
    assert full.marks.target == opened.state.regions.target
    assert full.scale.limits == (0.0, 20.0)
    assert full.scale.colormap == "viridis_r"
    assert np.isnan(full.strain[0].strain[:, :8]).all()
    assert full.strain[0].metrics["cnr"] == opened.state.measurements.values["cnr"]
    bare = figure_content(source, FigureOptions(bmode=False, ellipses=False, numbers=False, scale_bar=True))
    assert bare.bmode is None
    assert bare.marks.target is None
    assert not bare.strain[0].metrics
    assert bare.options.scale_bar


def test_figure_dialog_previews(opened: MainWindow, qtbot: QtBot) -> None:
    opened.actions_by_name["figure"].trigger()
    dialog = opened.findChild(FigureDialog)
    assert isinstance(dialog, FigureDialog)
    qtbot.waitUntil(lambda: dialog.picture() is not None, timeout=20_000)
    dialog.checks["bmode"].setChecked(False)
    assert dialog.options().bmode is False
    dialog.reject()


def test_a_profile_line_may_be_drawn_on_the_strain(opened: MainWindow) -> None:
    opened.actions_by_name["figure"].trigger()
    dialog = opened.findChild(FigureDialog)
    assert isinstance(dialog, FigureDialog)
    assert "profile" not in dialog.checks  # there is none to draw
    dialog.reject()
    line = ProfileLine(-3e-3, 2e-3, 3e-3, 4e-3)
    opened.state.slice(ProfileState).set_line(line)
    opened.actions_by_name["figure"].trigger()
    dialog = opened.findChildren(FigureDialog)[-1]
    source = opened.commands.part(ExportController).figure_source(None)
    assert source is not None
    assert figure_content(source, dialog.options()).marks.profile == line
    dialog.checks["profile"].setChecked(False)
    assert figure_content(source, dialog.options()).marks.profile is None
    dialog.reject()


def test_nothing_to_export_is_said(window: MainWindow) -> None:
    assert not window.actions_by_name["figure"].isEnabled()
    assert window.commands.part(ExportController).figure_source(None) is None
    assert "no strain" in shown_error(window)
    assert not window.actions_by_name["figure"].isEnabled()


def test_a_place_that_cannot_be_written_is_told(opened: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    before = opened.state.recording
    opened.commands.part(ExportController).save_data("result", tmp_path / "nowhere" / "result.h5")
    texts: list[str] = []
    qtbot.waitUntil(lambda: bool(texts.append(shown_error(opened)) or texts[-1]))
    assert "nowhere" in texts[-1]
    assert opened.state.recording is before
    assert opened.state.activity is None


SERIES = [("movie", "strain.gif"), ("sheet", "frames.png"), ("arrays", "strain.npz"), ("zea", "recording.hdf5")]


@pytest.mark.parametrize(("kind", "name"), SERIES)
def test_all_frames_are_exported(opened: MainWindow, tmp_path: Path, qtbot: QtBot, kind: str, name: str) -> None:
    path, exports = tmp_path / name, opened.commands.part(ExportController)
    source = exports.series_source((0.0, 2.0))
    assert source is not None
    if kind == "movie":
        exports.save_movie(source, MovieOptions(dpi=50), path)
    elif kind == "sheet":
        exports.save_sheet(source, FigureOptions(dpi=50), path)
    else:
        exports.save_data(kind, path)
    wait_written(opened, path, qtbot)
    if kind == "movie":
        with Image.open(path) as image:
            assert image.n_frames == 5  # type: ignore[attr-defined]
    if kind == "arrays":
        assert opened.state.recording is not None
        wanted = expected_strain(opened.state.recording.sequence, "first", 3)
        with np.load(path) as found:
            assert found["axial_strain"][2, 1, 1] == pytest.approx(wanted)
    if kind == "zea":
        sequence = opened.state.recording.sequence if opened.state.recording else None
        assert sequence is not None
        again = open_recording([path]).complete()
        assert np.array_equal(again.frame(4), sequence.frame(4))
        assert again.geometry.sampling_hz == sequence.geometry.sampling_hz
        with h5py.File(path) as file:
            strain = file["tracks/track_0/data/strain_percentage_map/values"]
            assert strain[3, 1, 1] == pytest.approx(100 * expected_strain(sequence, "first", 3))


def test_the_recording_is_never_written_over(opened: MainWindow, recording_path: Path, qtbot: QtBot) -> None:
    before = recording_path.read_bytes()
    opened.commands.part(ExportController).save_data("result", recording_path)
    assert "which would be lost" in shown_error(opened)
    assert not opened.commands.part(ExportController).is_running()
    assert recording_path.read_bytes() == before


def test_two_exports_at_once_are_both_written(opened: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    exports, done = opened.commands.part(ExportController), []
    exports.written.connect(done.append)
    paths = [tmp_path / name for name in ("a.h5", "b.h5")]
    gate = threading.Event()
    exports._worker.submit(lambda _control: gate.wait(10))
    for path in paths:
        exports.save_data("result", path)
    assert opened.state.activity is not None
    assert "a.h5" in opened.state.activity.title
    gate.set()
    qtbot.waitUntil(lambda: len(done) == 1, timeout=10_000)
    assert exports.is_running() or len(done) == 2
    qtbot.waitUntil(lambda: len(done) == 2, timeout=10_000)
    assert not exports.is_running()
    assert opened.state.activity is None
    assert all(path.is_file() for path in paths)


def test_cancel_stops_every_export_that_waits(opened: MainWindow, tmp_path: Path) -> None:
    exports, gate = opened.commands.part(ExportController), threading.Event()
    exports._worker.submit(lambda _control: gate.wait(10))
    for name in ("a.h5", "b.h5"):
        exports.save_data("result", tmp_path / name)
    exports.cancel()
    gate.set()
    assert not exports.is_running()
    assert opened.state.activity is None
    assert list(tmp_path.glob("?.h5")) == []


def test_a_preview_that_fails_leaves_the_export_that_runs(opened: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    exports, gate = opened.commands.part(ExportController), threading.Event()
    exports._worker.submit(lambda _control: gate.wait(10))
    exports.save_data("result", tmp_path / "a.h5")
    exports._preview_failed(ValueError("no picture"))
    assert "no picture" in shown_error(opened)
    assert exports.is_running()
    gate.set()
    wait_written(opened, tmp_path / "a.h5", qtbot)


def test_a_name_without_an_ending_gets_one_even_where_the_dialog_tells_no_kind(
    opened: MainWindow, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_arguments: (str(tmp_path / "numbers"), ""))
    opened.actions_by_name["table"].trigger()
    wait_written(opened, tmp_path / "numbers.csv", qtbot)


def test_choices_are_remembered_but_for_the_title(
    opened: MainWindow, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "figure.png"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_arguments: (str(path), ""))
    opened.actions_by_name["figure"].trigger()
    dialog = opened.findChildren(FigureDialog)[-1]
    dialog.checks["numbers"].setChecked(False)
    width, colors = (dialog.form.editors[name] for name in ("width", "print_colormap"))
    width.setCurrentIndex(width.findData("column"))
    colors.setCurrentIndex(colors.findData("gray"))
    dialog.form.editors["dpi"].setValue(60)
    dialog.title.setText("Mine alone")
    dialog.accept()
    wait_written(opened, path, qtbot)
    with Image.open(path) as image:
        assert image.width == pytest.approx(60 * 89 / 25.4, abs=1)
    opened.actions_by_name["figure"].trigger()
    again = opened.findChildren(FigureDialog)[-1].options()
    assert (again.numbers, again.width, again.print_colormap, again.dpi) == (False, "column", "gray", 60)
    assert again.title == ""
    opened.findChildren(FigureDialog)[-1].reject()


def test_choices_of_another_version_are_the_defaults() -> None:
    preferences = Preferences(export_choices={"figure": {"width": "poster", "gone": 1}, "movie": {"loops": 2}})
    assert remembered(preferences, "figure", FigureOptions()) == FigureOptions()
    assert remembered(preferences, "movie", MovieOptions()) == MovieOptions(loops=2)


def test_a_movie_is_of_the_frames_and_the_speed_that_were_chosen(
    opened: MainWindow, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "strain.gif"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_arguments: (str(path), ""))
    opened.actions_by_name["movie"].trigger()
    dialog = opened.findChild(MovieDialog)
    assert isinstance(dialog, MovieDialog)
    assert (dialog.options().first, dialog.options().last, dialog.options().rate_hz) == (1, 5, 20.0)
    for name, value in (("first", 2), ("last", 3), ("rate_hz", 5.0), ("speed", 2.0), ("dpi", 50), ("loops", 1)):
        dialog.form.editors[name].setValue(value)
    dialog.accept()
    wait_written(opened, path, qtbot)
    with Image.open(path) as image:
        assert image.n_frames == 2  # type: ignore[attr-defined]
        assert image.info["duration"] == 100
        assert "loop" not in image.info


def test_every_format_of_data_has_an_entry_and_a_dialog(
    opened: MainWindow, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str]] = []

    def ask(_window: object, _title: str, proposed: str, pattern: str) -> tuple[str, str]:
        asked.append((Path(proposed).name, pattern))
        return str(tmp_path / Path(proposed).name), pattern.split(";;")[0]

    monkeypatch.setattr(QFileDialog, "getSaveFileName", ask)
    for writer in WRITERS:
        opened.actions_by_name[writer.name].trigger()
        name, pattern = asked[-1]
        assert name.startswith("one-")
        assert all(f"*{ending}" in pattern for ending in writer.extensions)
        wait_written(opened, tmp_path / name, qtbot)


def test_a_new_format_is_in_the_menu_by_registering_alone(make_window: Callable[..., MainWindow]) -> None:
    class Counting(Writer):
        name, title, help, file_name = "counting", "Count", "How many frames there are", "frames.count"
        extensions: ClassVar = {".count": "A number"}

        def write(self, export: Export, path: Path) -> None:
            path.write_text(str(len(export.needed_result().deformed_frames)), encoding="utf-8")

    WRITERS.register("counting", Counting())
    try:
        action = make_window().actions_by_name["counting"]
    finally:
        del WRITERS._entries["counting"]
    assert action.text() == "Export count\N{HORIZONTAL ELLIPSIS}"
