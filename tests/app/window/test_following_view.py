"""Regions that follow the tissue, and maps in deformed shape: where they lie on screen, what is said and edited."""

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtWidgets import QCheckBox
from pytestqt.qtbot import QtBot

from app.panels.display import DisplayPanel
from app.state import Role, Tool
from app.state.maps import MapState
from app.window.main_window import MainWindow
from engine.types import Displacement, Ellipse

DOWN_M = 0.4e-3
TARGET = Ellipse(-1e-3, 2.8e-3, 2e-3, 2e-3)


@pytest.fixture(name="moved")
def fixture_moved(opened: MainWindow, qtbot: QtBot) -> MainWindow:
    """A window at frame 2, whose tissue has moved down as a whole, with a target drawn on the reference."""
    state = opened.state
    qtbot.waitUntil(lambda: state.run is not None and state.run.status == "complete", timeout=10_000)
    assert state.run is not None
    estimate = state.run.store.read(2)
    still = estimate.displacement
    down = Displacement(np.full_like(still.axial_m, DOWN_M), still.lateral_m, still.geometry)
    state.run.store.add(replace(estimate, displacement=down))
    opened.commands.playback.show_frame(2)
    opened.commands.regions.set_ellipse(Role.TARGET, TARGET)
    return opened


def show(window: MainWindow, qtbot: QtBot, **display: object) -> None:
    window.commands.change_display(**display)
    wanted = window.state.display

    def there() -> bool:
        picture = window.state.picture
        return (
            picture is not None
            and picture.frame == 2
            and (picture.tissue is not None, picture.shape is not None) == (wanted.follows, wanted.in_deformed_shape)
        )

    qtbot.waitUntil(there, timeout=10_000)


def depths(window: MainWindow) -> tuple[float, float]:
    """Depths of the target in both panes."""
    shown = [pane.regions[Role.TARGET].given() for pane in window.central.view.panes]
    assert shown[0] is not None
    assert shown[1] is not None
    return shown[0].depth_m, shown[1].depth_m


def test_regions_move_on_the_b_mode_and_are_edited_where_they_lie(moved: MainWindow, qtbot: QtBot) -> None:
    state, view = moved.state, moved.central.view
    assert depths(moved) == pytest.approx((TARGET.depth_m, TARGET.depth_m))
    qtbot.waitUntil(lambda: state.measurements.frame == 2)
    numbers = state.measurements.values
    show(moved, qtbot, follow=True)
    assert depths(moved) == pytest.approx((TARGET.depth_m + DOWN_M, TARGET.depth_m), abs=1e-7)
    assert state.regions.target == TARGET
    assert state.measurements.values.keys() == numbers.keys()
    assert "follow the tissue from frame 0" in view.strain.badge()

    there = replace(TARGET, lateral_m=1e-3, depth_m=TARGET.depth_m + DOWN_M)
    view.bmode.regions[Role.TARGET].edited.emit(there, True)
    assert state.regions.target is not None
    assert (state.regions.target.lateral_m, state.regions.target.depth_m) == pytest.approx(
        (1e-3, TARGET.depth_m), abs=1e-6
    )
    moved.commands.regions.choose_tool(Tool.BACKGROUND)
    view.bmode.plot.box.region_drawn.emit(there, True)
    assert state.regions.background is not None
    assert state.regions.background.depth_m == pytest.approx(TARGET.depth_m, abs=1e-6)
    show(moved, qtbot, bmode_frame="reference")
    qtbot.waitUntil(lambda: depths(moved) == pytest.approx((TARGET.depth_m, TARGET.depth_m), abs=1e-6))


def test_a_map_in_deformed_shape_takes_its_regions_along(moved: MainWindow, qtbot: QtBot) -> None:
    state, maps = moved.state, moved.state.slice(MapState)
    qtbot.waitUntil(lambda: state.measurements.frame == 2)
    means = state.measurements.values["mean_target"].value
    show(moved, qtbot, deformed=True)
    picture = state.picture
    assert picture is not None
    assert picture.shown_strain is not None
    rows = round(DOWN_M / picture.shape.displacement.geometry.axial_spacing_m)  # type: ignore[union-attr]
    assert np.isnan(picture.shown_strain[: rows - 1]).all()
    assert np.isfinite(picture.shown_strain[rows + 2 :]).all()
    assert depths(moved) == pytest.approx((TARGET.depth_m + DOWN_M,) * 2, abs=1e-6)
    assert "in the shape of frame 2" in moved.central.view.strain.badge().lower()
    assert state.measurements.values["mean_target"].value == means
    maps.choose("quality")
    qtbot.waitUntil(lambda: maps.map is not None and bool(np.isnan(maps.map.shown[: rows - 1]).all()), timeout=10_000)
    panel = moved.findChild(DisplayPanel)
    assert isinstance(panel, DisplayPanel)
    box = panel.form.editors["deformed"]
    assert isinstance(box, QCheckBox)
    assert box.isChecked()
    moved.commands.change_display(bmode_frame="reference")
    assert not box.isEnabled()
