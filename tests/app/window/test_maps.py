"""Maps beside strain: truth and error of a simulated recording, relative modulus, each only where it belongs."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.features.export.controller import ExportController, figure_content
from app.features.maps.controller import MapsController
from app.features.maps.panel import MapsPanel
from app.panels.graphs import GraphsPanel
from app.state.maps import MapState
from app.window.main_window import MainWindow
from engine.figures.options import FigureOptions
from engine.types import Ellipse

from .conftest import expected_strain, open_and_wait

SPACING_M = 1540 / (2 * 40e6)
TRUE_STRAIN = -0.01
TARGET = Ellipse(0.0, 2.0e-3, 1.0e-3, 0.8e-3)
BACKGROUND = Ellipse(2.5e-3, 2.0e-3, 1.0e-3, 0.8e-3)


@pytest.fixture
def simulated(other_path: Path) -> Path:
    """Give the recording a truth of uniform compression."""
    with h5py.File(other_path, "r+") as file:
        frames, rows, lines = file["rf"].shape
        depth = np.broadcast_to(np.arange(rows)[:, None] * SPACING_M, (frames - 1, rows, lines))
        truth = file.create_group("truth")
        truth["axial_displacement_m"] = (TRUE_STRAIN * depth).astype(np.float32)
        truth["lateral_displacement_m"] = np.zeros_like(depth, np.float32)
        truth["axial_strain"] = np.full(depth.shape, TRUE_STRAIN, np.float32)
        truth["inclusion_mask"] = np.zeros((rows, lines), np.int32)
        truth["youngs_modulus_pa"] = np.full((rows, lines), 1e4, np.float32)
    return other_path


@pytest.fixture
def with_truth(window: MainWindow, simulated: Path, qtbot: QtBot) -> MainWindow:
    """A window with a finished run on the recording, at frame 2."""
    open_and_wait(window, (simulated,), qtbot)
    window.commands.playback.show_frame(2)
    qtbot.waitUntil(lambda: _shown_frame(window) == 2, timeout=10_000)
    return window


def _shown_frame(window: MainWindow) -> int | None:
    picture = window.state.picture
    return None if picture is None or picture.strain is None else picture.frame


def _map(window: MainWindow) -> MapState:
    return window.state.slice(MapState)


def test_truth_and_error_of_the_shown_frame(with_truth: MainWindow, qtbot: QtBot) -> None:
    """The estimate is constant and known, so its error is the difference of two known numbers, in percent."""
    window, maps = with_truth, _map(with_truth)
    assert window.state.recording is not None
    for name, frame in (("truth", 2), ("error", 2), ("error", 4)):
        window.actions_by_name[f"map_{name}"].trigger()
        window.commands.playback.show_frame(frame)
        qtbot.waitUntil(
            lambda name=name, frame=frame: maps.map is not None and (maps.map.kind, maps.map.frame) == (name, frame),
            timeout=10_000,
        )
        assert maps.map is not None
        estimate = expected_strain(window.state.recording.sequence, "first", frame)
        wanted = 100 * -TRUE_STRAIN if name == "truth" else 100 * (TRUE_STRAIN - estimate)
        assert float(np.nanmedian(maps.map.shown)) == pytest.approx(wanted, rel=1e-3)
        assert window.central.view.map is maps.map
    limits = window.central.view.limits
    assert limits is not None
    assert limits.low_percent == -limits.high_percent


def test_a_map_leaves_with_its_recording(with_truth: MainWindow, qtbot: QtBot) -> None:
    window, maps = with_truth, _map(with_truth)
    maps.choose("error")
    qtbot.waitUntil(lambda: maps.map is not None, timeout=10_000)
    window.state.set_recording(None)
    assert (maps.map, maps.kind) == (None, "axial-strain")


def test_without_truth_the_reason_is_said(opened: MainWindow) -> None:
    maps = _map(opened)
    assert "simulated" in maps.unavailable("truth")
    assert not opened.actions_by_name["map_error"].isEnabled()
    opened.state.set_settings(opened.state.settings)
    assert maps.unavailable("axial-strain") == ""


def test_modulus_needs_a_background_and_is_shown_when_done(with_truth: MainWindow, qtbot: QtBot) -> None:
    """A uniform strain is a uniform modulus: 1 everywhere, ratio 1; the map is of this frame alone."""
    window, maps = with_truth, _map(with_truth)
    controller = window.commands.part(MapsController)
    controller.load()
    qtbot.waitUntil(lambda: bool(maps.methods), timeout=20_000)
    assert "background" in controller.cannot_compute()
    window.state.set_regions(type(window.state.regions)(TARGET, BACKGROUND))
    controller.choose_method("strain-inverse")
    controller.compute()
    qtbot.waitUntil(lambda: maps.map is not None and maps.map.kind == "modulus", timeout=20_000)
    assert maps.map is not None
    assert float(np.nanmedian(maps.map.values)) == pytest.approx(1.0, rel=1e-3)
    ratio = maps.ratio()
    assert ratio is not None
    assert ratio.value == pytest.approx(1.0, rel=1e-2)
    panel = window.findChild(MapsPanel)
    assert panel is not None
    assert panel.ratio.text() == "Modulus ratio, target / background: 1.00 (0.526 to 1.90)"
    assert "fixed factor" in panel.ratio.toolTip()
    assert panel.warning.text() == ""
    source = window.commands.part(ExportController).figure_source((0.0, 2.0))
    assert source is not None
    assert figure_content(source, FigureOptions()).scale.quantity.label == "Relative modulus"
    window.commands.playback.show_frame(3)
    qtbot.waitUntil(lambda: _shown_frame(window) == 3, timeout=10_000)
    assert maps.map is None
    assert maps.ratio() is None


def test_the_curve_of_a_map_over_all_frames(with_truth: MainWindow, qtbot: QtBot) -> None:
    """Means of the shown map stand in the graph, and leave with the map."""
    window, panel = with_truth, with_truth.findChild(GraphsPanel)
    assert panel is not None
    window.state.set_regions(type(window.state.regions)(TARGET, BACKGROUND))
    _map(window).choose("lateral-displacement")
    panel.choice.setCurrentIndex(panel.choice.findData("map_mean_target"))
    qtbot.waitUntil(lambda: len(window.state.history) == 5, timeout=20_000)
    qtbot.waitUntil(lambda: "5 of 5 frames have a value" in panel.words.text(), timeout=10_000)
    values = window.state.history[2].values
    assert values["map_mean_target"].unit == "mm"
    _map(window).choose("axial-strain")
    qtbot.waitUntil(lambda: "another map than axial strain" in panel.words.text(), timeout=10_000)
