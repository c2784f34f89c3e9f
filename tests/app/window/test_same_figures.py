"""The window and the command line draw the same figure of the same result, to the last byte."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.cli import main
from app.controllers.estimation import Engine
from app.features.export.controller import ExportController, SeriesSource
from app.features.profile.state import ProfileState
from app.preferences import Preferences
from app.state import Role
from app.window.main_window import MainWindow
from engine.estimators.base import ESTIMATORS
from engine.figures.options import FigureOptions
from engine.metrics.profile import ProfileLine
from engine.types import Ellipse

ELLIPSES = {
    Role.TARGET: Ellipse(-2.5e-3, 6e-3, 2e-3, 3e-3),
    Role.BACKGROUND: Ellipse(2.5e-3, 6e-3, 2e-3, 3e-3),
    Role.LESION: Ellipse(-2.5e-3, 6e-3, 1.5e-3, 2.5e-3, 10.0),
}
REGIONS = ["--target", "-2.5,6,2,3", "--background", "2.5,6,2,3", "--lesion", "-2.5,6,1.5,2.5,10"]


@pytest.fixture(name="estimated")
def fixture_estimated(make_window: Callable[..., MainWindow], rf_file: Path, qtbot: QtBot) -> MainWindow:
    """A window whose own engine has estimated the recording of the command line's tests."""
    assert "ncc" in ESTIMATORS.names()  # loading them takes longer than a window is waited for
    window = make_window(Preferences(theme="dark", start_method="ncc"), Engine())
    window.open_paths((rf_file,))
    qtbot.waitUntil(lambda: window.state.run is not None and window.state.run.status == "complete", timeout=60_000)
    qtbot.waitUntil(lambda: window.state.picture is not None and window.state.picture.strain is not None)
    for role, ellipse in ELLIPSES.items():
        window.commands.regions.set_ellipse(role, ellipse)
    return window


def show(window: MainWindow, frame: int, qtbot: QtBot) -> None:
    window.commands.playback.show_frame(frame)
    wanted = window.state.display.persistence
    qtbot.waitUntil(
        lambda: (
            window.state.picture is not None
            and (window.state.picture.frame, window.state.picture.persistence) == (frame, wanted)
        )
    )


def written(window: MainWindow, path: Path, qtbot: QtBot) -> bytes:
    qtbot.waitUntil(lambda: not window.commands.part(ExportController).is_running(), timeout=30_000)
    return path.read_bytes()


def test_window_and_command_line_write_the_same(
    estimated: MainWindow, tmp_path: Path, rf_file: Path, qtbot: QtBot
) -> None:
    exports, state = estimated.commands.part(ExportController), estimated.state
    result = tmp_path / "result.h5"
    exports.save_data("result", result)
    written(estimated, result, qtbot)
    recording = ["--rf", str(rf_file)]

    show(estimated, 2, qtbot)
    limits = estimated.central.view.limits
    assert limits is not None
    source = exports.figure_source((limits.low_percent, limits.high_percent))
    assert source is not None
    exports.save_figure(source, FigureOptions(), tmp_path / "window.svg")
    shown = written(estimated, tmp_path / "window.svg", qtbot)
    told = ["figure", str(result), *recording, *REGIONS, "--frame", "2", "-o", str(tmp_path / "told.svg")]
    assert main(told) == 0
    assert (tmp_path / "told.svg").read_bytes() == shown, "with the limits that both choose by themselves"

    line = ProfileLine(-4e-3, 3e-3, 4e-3, 9e-3)
    state.slice(ProfileState).set_line(line)
    estimated.commands.change_display(
        persistence=2, quality_threshold=0.6, quantity="magnitude", bmode_frame="reference", colormap="magma"
    )
    show(estimated, 3, qtbot)
    options = FigureOptions(title="Same", width="column", scale_bar=True, font_size_pt=7.0)
    source = exports.figure_source((0.5, 4.0))
    assert source is not None
    exports.save_figure(source, options, tmp_path / "window.svg")
    shown = written(estimated, tmp_path / "window.svg", qtbot)
    told = ["figure", str(result), *recording, *REGIONS, "--line", "-4,3,4,9", "--frame", "3", "--average", "2"]
    told += ["--quality", "0.6", "--sign", "magnitude", "--bmode-of", "reference", "--colormap", "magma"]
    told += ["--limits", "0.5,4", "--title", "Same", "--width", "column", "--scale-bar", "--font-size", "7"]
    assert main([*told, "-o", str(tmp_path / "told.svg")]) == 0
    assert (tmp_path / "told.svg").read_bytes() == shown

    series = SeriesSource(source.run, source.choices)
    exports.save_sheet(series, FigureOptions(), tmp_path / "window-sheet.svg")
    shown = written(estimated, tmp_path / "window-sheet.svg", qtbot)
    told = ["sheet", str(result), *REGIONS, "--average", "2", "--quality", "0.6", "--sign", "magnitude"]
    told += ["--colormap", "magma", "--limits", "0.5,4", "-o", str(tmp_path / "told-sheet.svg")]
    assert main(told) == 0
    assert (tmp_path / "told-sheet.svg").read_bytes() == shown

    for name, told in (
        ("table.csv", ["export", str(result), *REGIONS, "--average", "2"]),
        ("again.h5", ["export", str(result)]),
    ):
        path = tmp_path / f"window-{name}"
        exports.save_data("table" if name.endswith("csv") else "result", path)
        shown = written(estimated, path, qtbot)
        assert main([*told, "-o", str(tmp_path / name)]) == 0
        if name.endswith("csv"):
            assert (tmp_path / name).read_bytes() == shown
        assert np.frombuffer(shown, np.uint8).size == (tmp_path / name).stat().st_size
