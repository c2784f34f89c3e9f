"""Pictures: what is measured on the way, and that a cine looks one frame ahead while it keeps up."""

from pytestqt.qtbot import QtBot

from app.window.main_window import MainWindow
from engine.metrics.contrast import region_metrics


def test_the_picture_brings_its_numbers(opened: MainWindow, qtbot: QtBot) -> None:
    opened.commands.playback.show_frame(3)
    state = opened.state
    qtbot.waitUntil(lambda: state.picture is not None and state.picture.frame == 3 and state.picture.strain is not None)
    picture, recording = state.picture, state.recording
    assert picture is not None
    assert recording is not None
    assert picture.strain is not None
    assert state.measurements is picture.measured
    again = region_metrics(
        picture.strain,
        recording.sequence.geometry,
        state.regions.target,
        state.regions.background,
        window_m=picture.window_m,
    )
    assert state.measurements.values["cnr"].value == again["cnr"].value


def test_numbers_of_moved_regions_are_measured_anew(opened: MainWindow) -> None:
    before = opened.state.measurements
    opened.commands.regions.mirror_background()
    assert opened.state.picture is not None
    assert opened.state.picture.measured_regions != opened.state.regions
    assert opened.state.measurements is not before
    assert opened.state.measurements.values


def test_playing_prepares_the_coming_frame(opened: MainWindow, qtbot: QtBot) -> None:
    kept = opened.commands.pictures._cache._kept
    state = opened.state
    opened.commands.playback.show_frame(2)
    qtbot.waitUntil(lambda: state.picture is not None and state.picture.frame == 2 and state.picture.strain is not None)
    kept.clear()
    state.playing = True  # without the clock, which would go on by itself
    opened.commands.pictures.request()
    qtbot.waitUntil(lambda: set(kept) == {2, 3})
    state.playing = False
