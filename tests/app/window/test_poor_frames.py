"""A frame that is not to be trusted is marked on the time line and over its map; quality and sigma are maps."""

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtGui import QColor
from pytestqt.qtbot import QtBot

from app.panels.graphs import GraphsPanel
from app.panels.measurements import MeasurementsPanel
from app.state.maps import MapState
from app.theme import Theme
from app.views.time_line import TimeLine
from app.window.main_window import MainWindow
from engine.types import FrameEstimate, Sigma

from .conftest import fake_estimate

WORDS = "frame 3 does not match the reference (correlation 0.04): no strain"
SIGMA = 5e-4


def keep(window: MainWindow, estimate: FrameEstimate) -> None:
    """Put an estimate in the place of what the shown run has of the frame, and show the frame."""
    run = window.state.run
    assert run is not None
    run.store.add(estimate)
    window.commands.playback.show_frame(estimate.deformed_frame)
    window.state.estimate_arrived.emit(run.number, estimate.deformed_frame)


def estimate_of(window: MainWindow, frame: int) -> FrameEstimate:
    assert window.state.recording is not None
    return fake_estimate(window.state.recording.sequence, window.state.settings, frame)


@pytest.fixture(name="with_sigma")
def fixture_with_sigma(opened: MainWindow, qtbot: QtBot) -> MainWindow:
    """The window at frame 4, whose uncertainty is known."""
    estimate = estimate_of(opened, 4)
    sigma = np.full_like(estimate.strain.axial, SIGMA)
    strain = replace(estimate.strain, sigma=sigma)
    keep(opened, replace(estimate, strain=strain, sigma=Sigma(sigma, sigma, sigma)))
    state = opened.state
    qtbot.waitUntil(lambda: state.picture is not None and state.picture.sigma is not None, timeout=10_000)
    return opened


def test_a_frame_without_a_match_has_a_banner_and_a_mark(opened: MainWindow, qtbot: QtBot) -> None:
    estimate, pane = estimate_of(opened, 3), opened.central.view.strain
    assert pane.banner() == ""
    nothing = replace(estimate.strain, axial=np.full_like(estimate.strain.axial, np.nan))
    keep(opened, replace(estimate, strain=nothing, quality=np.full_like(estimate.quality, 0.04)))
    qtbot.waitUntil(lambda: pane.banner() == WORDS.capitalize(), timeout=10_000)
    line = opened.findChild(TimeLine)
    assert line is not None
    qtbot.waitUntil(lambda: WORDS in line.describe(3), timeout=10_000)
    strip = line._paint_strip()
    tops = [strip.pixel(round((frame + 0.6) * strip.width() / 6), 0) for frame in range(6)]
    assert [top == QColor(Theme.colors.text).rgb() for top in tops] == [frame == 3 for frame in range(6)]
    opened.commands.playback.show_frame(4)
    qtbot.waitUntil(lambda: pane.banner() == "", timeout=10_000)


def test_quality_and_sigma_are_shown_in_place_of_strain(with_sigma: MainWindow, qtbot: QtBot) -> None:
    maps = with_sigma.state.slice(MapState)
    for kind, value in (("quality", 0.9), ("sigma", 100 * SIGMA)):
        with_sigma.actions_by_name[f"map_{kind}"].trigger()
        qtbot.waitUntil(lambda kind=kind: maps.map is not None and maps.map.kind == kind, timeout=10_000)
        assert maps.map is not None
        assert float(np.nanmedian(maps.map.shown)) == pytest.approx(value)
    with_sigma.commands.playback.show_frame(1)
    qtbot.waitUntil(lambda: maps.unavailable("sigma").startswith("This result states no uncertainty"), timeout=10_000)
    assert "estimate it anew" in maps.unavailable("poisson")
    assert maps.unavailable("lateral-strain") == ""


def test_numbers_come_with_their_uncertainty_and_a_sign_of_doubt(with_sigma: MainWindow, qtbot: QtBot) -> None:
    panel, state = with_sigma.findChild(MeasurementsPanel), with_sigma.state
    assert panel is not None
    shown = state.measurements.values["mean_target"]
    assert panel.sigmas["mean_target"].text() == f"{shown.sigma:.2g}"
    assert "\n95 %: " not in panel.values["mean_target"].toolTip()
    assert panel.values["mean_target"].toolTip().startswith("95 %: ")
    assert not panel.values["mean_target"].text().startswith("!")
    estimate = estimate_of(with_sigma, 5)
    sigma = np.full_like(estimate.strain.axial, 1.0)
    keep(with_sigma, replace(estimate, sigma=Sigma(sigma, sigma, sigma)))
    qtbot.waitUntil(lambda: panel.values["mean_target"].text().startswith("! "), timeout=10_000)
    assert "larger than the value" in panel.values["mean_target"].toolTip()
    assert "larger than the value" in panel.words.text()
    with_sigma.commands.playback.show_frame(1)
    qtbot.waitUntil(lambda: panel.sigmas["mean_target"].text() == "", timeout=10_000)


def test_the_graph_gives_mean_and_deviation_over_frames_worth_keeping(opened: MainWindow, qtbot: QtBot) -> None:
    panel = opened.findChild(GraphsPanel)
    assert panel is not None
    qtbot.waitUntil(lambda: "over 5 frames worth keeping" in panel.words.text(), timeout=10_000)
    assert "sd" in panel.words.text()
