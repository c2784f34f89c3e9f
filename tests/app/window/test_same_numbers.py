"""Every map gives the same numbers and curves in the window and on the command line."""

import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.cli import main
from app.controllers.estimation import Engine
from app.features.comparison.export import CompareExportController
from app.features.comparison.state import OTHER_FRAME, CompareState
from app.features.export.controller import ExportController
from app.features.maps.controller import MapsController
from app.features.profile.controller import ProfileController
from app.features.profile.state import ProfileState
from app.panels.histogram import HistogramPanel
from app.preferences import Preferences
from app.state import Role
from app.state.maps import MapState
from app.window.main_window import MainWindow
from engine.estimators.base import ESTIMATORS
from engine.figures.options import FigureOptions
from engine.maps.base import MAPS
from engine.metrics.number_text import three_figures
from engine.metrics.profile import ProfileLine
from engine.quantity import AXIAL_STRAIN
from engine.types import Ellipse

FRAME = 2
REGIONS = {Role.TARGET: Ellipse(-2.5e-3, 6e-3, 2e-3, 3e-3), Role.BACKGROUND: Ellipse(2.5e-3, 6e-3, 2e-3, 3e-3)}
ELLIPSES = ["--target", "-2.5,6,2,3", "--background", "2.5,6,2,3"]


@pytest.fixture(name="estimated")
def fixture_estimated(
    make_window: Callable[..., MainWindow], rf_file: Path, tmp_path: Path, qtbot: QtBot
) -> MainWindow:
    """A window at a frame of a recording with truth, estimated by its own engine, with regions and a line."""
    assert "ncc" in ESTIMATORS.names()  # loading them takes longer than a window is waited for
    path = tmp_path / "with-truth.h5"
    path.write_bytes(rf_file.read_bytes())
    with h5py.File(path, "r+") as file:
        rf = file["rf"][: FRAME + 1, :560]  # a millimetre more than the regions need
        del file["rf"]
        file["rf"] = rf
        frames, rows, lines = rf.shape
        truth, depth = file.create_group("truth"), np.arange(rows)[:, None] * 1540 / 80e6
        motion = -0.01 * np.arange(1, frames)[:, None, None] * np.broadcast_to(depth, (rows, lines))
        truth["axial_displacement_m"] = motion.astype(np.float32)
        truth["lateral_displacement_m"] = np.zeros_like(motion, np.float32)
        truth["axial_strain"] = np.full(motion.shape, -0.01, np.float32)
        truth["inclusion_mask"] = np.zeros((rows, lines), np.int32)
        truth["youngs_modulus_pa"] = np.full((rows, lines), 1e4, np.float32)
    window = make_window(Preferences(theme="dark", start_method="ncc"), Engine())
    window.open_paths((path,))
    qtbot.waitUntil(lambda: window.state.run is not None and window.state.run.status == "complete", timeout=60_000)
    for role, ellipse in REGIONS.items():
        window.commands.regions.set_ellipse(role, ellipse)
    window.state.slice(ProfileState).set_line(ProfileLine(-4e-3, 3e-3, 4e-3, 9e-3))
    window.commands.change_display(quality_threshold=0.6, mask_numbers=True, remove_rigid=True)
    window.commands.playback.show_frame(FRAME)
    qtbot.waitUntil(
        lambda: window.state.picture is not None and (window.state.picture.frame, window.state.frame) == (FRAME, FRAME)
    )
    return window


def show(window: MainWindow, name: str, qtbot: QtBot) -> None:
    """Show a map; the relative modulus is computed first."""
    maps = window.state.slice(MapState)
    if name == "modulus":
        controller = window.commands.part(MapsController)
        controller.compute()
    else:
        maps.choose(name)
    qtbot.waitUntil(lambda: maps.drawn == name and maps.measured()[0] is not None, timeout=60_000)


@pytest.fixture(name="result")
def fixture_result(estimated: MainWindow, tmp_path: Path, qtbot: QtBot) -> Path:
    exports, path = estimated.commands.part(ExportController), tmp_path / "result.h5"
    exports.save_data("result", path)
    qtbot.waitUntil(lambda: not exports.is_running(), timeout=120_000)
    return path


def test_profile_histogram_and_numbers_of_every_map(
    estimated: MainWindow, result: Path, tmp_path: Path, qtbot: QtBot, capsys: pytest.CaptureFixture[str]
) -> None:
    state, profiles = estimated.state, estimated.commands.part(ProfileController)
    panel = estimated.findChild(HistogramPanel)
    assert isinstance(panel, HistogramPanel)
    assert state.recording is not None
    source = ["--rf", str(state.recording.sequence.files[0]), "--quality", "0.6", "--remove-rigid"]
    for name in MAPS.names():
        show(estimated, name, qtbot)
        shown, told = tmp_path / f"{name}-shown.csv", tmp_path / f"{name}-told.csv"
        profiles.save(shown)
        qtbot.waitUntil(lambda: not profiles.is_running(), timeout=120_000)
        line = ["--line", "-4,3,4,9", "--frame", str(FRAME), "--map", name, *ELLIPSES[2:]]
        assert main(["profile", str(result), "-o", str(told), *line, *source]) == 0
        if name == "modulus":  # its steps end by the clock, on a busy machine not with the same one
            values = [np.genfromtxt(path, delimiter=",")[1:] for path in (told, shown)]
            assert np.allclose(*values, rtol=0.02, equal_nan=True)
            continue
        assert told.read_bytes() == shown.read_bytes(), name

        call = ["histogram", str(result), "-o", str(told), "--frame", str(FRAME), "--map", name, *ELLIPSES, *source]
        status = main(call)
        panel.refresh()
        if status:
            assert not panel.graph.isVisibleTo(panel), f"{name} has too few pixels for either"
        else:
            words = next(text for text in told.read_text().splitlines() if text.startswith("# target: mean"))
            mean, deviation = (float(part.split()[-1]) for part in words.split(",")[:2])
            spread = f"{three_figures(mean)} \u00b1 {three_figures(deviation)} {MAPS.get(name).quantity.unit}".rstrip()
            assert spread in panel.legends[Role.TARGET].text()

        if name == AXIAL_STRAIN:
            continue  # it has numbers of its own
        qtbot.waitUntil(
            lambda: len(state.history) == FRAME and "map_mean_target" in state.history[1].values, timeout=120_000
        )
        capsys.readouterr()
        assert main(["metrics", str(result), "--map", name, *ELLIPSES, *source, "--json"]) == 0
        rows = json.loads(capsys.readouterr().out)["frames"]
        for row in rows:
            found = state.history[row["deformed_frame"]].values
            for entry in ("map_mean_target", "map_std_background"):
                told_value, reason = (row["metrics"][entry][part] for part in ("value", "reason"))
                assert found[entry].reason == reason, (name, entry)
                assert reason or found[entry].value == pytest.approx(told_value, rel=1e-6), (name, entry)


@pytest.mark.parametrize("name", ["lateral-strain", "error"])
def test_a_comparison_is_of_the_map_that_is_shown(
    name: str, estimated: MainWindow, result: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    window, compare = estimated, estimated.state.slice(CompareState)
    show(window, name, qtbot)
    compare.choose(OTHER_FRAME, 1)
    compare.set_active(True)
    qtbot.waitUntil(lambda: compare.comparison is not None and compare.comparison.first.map == name, timeout=10_000)
    exporting, path, told = window.commands.part(CompareExportController), tmp_path / "a.svg", tmp_path / "b.svg"
    source = exporting.source(None)
    assert source is not None
    exporting.save_figure(source, FigureOptions(), path)
    qtbot.waitUntil(lambda: not exporting.is_running(), timeout=120_000)
    window.state.slice(ProfileState).set_line(None)
    call = ["figure", str(result), "-o", str(told), "--frame", str(FRAME), "--compare-frame", "1", "--map", name]
    truth = ["--rf", str(window.state.recording.sequence.files[0])] if name == "error" else []  # type: ignore[union-attr]
    assert main([*call, *ELLIPSES, "--quality", "0.6", "--mask-numbers", *truth]) == 0
    assert told.read_bytes() == path.read_bytes()
    first = compare.comparison.first  # type: ignore[union-attr]
    assert three_figures(first.metrics["map_mean_target"].value) in told.read_text()
