"""A method of the whole recording: each pair's own estimate shows at once, called so, and only final ones last."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from app.controllers.estimation import Catalog, Engine, list_methods
from app.features.maps.controller import MapsController
from app.jobs import JobControl
from app.panels.measurements import MeasurementsPanel
from app.preferences import Preferences
from app.state.run_store import RunStore
from app.window.main_window import MainWindow
from engine.pipeline import Settings
from engine.types import Geometry, RFSequence

from .conftest import FakeEngine, fake_estimate, write_recording


@dataclass
class Progressive(FakeEngine):
    """Gives all frames a first estimate, of twice the strain, and the final one of each once `refine` is set."""

    refine: threading.Event = field(default_factory=threading.Event)

    def estimate(self, sequence: RFSequence, settings: Settings, store: RunStore, *given: Any) -> str:
        control: JobControl = given[-1]
        for final in (False, True):
            for frame in range(1, sequence.shape[0]):
                while final and not self.refine.wait(0.005):
                    control.check()
                found = fake_estimate(sequence, settings, frame)
                twice = replace(found.strain, axial=found.strain.axial * np.float32(2))
                store.add(found if final else replace(found, strain=twice, provisional=True))
                control.item(frame)
        return "cpu"

    def list_methods(self, control: JobControl) -> Catalog:
        catalog = super().list_methods(control)
        return replace(catalog, methods=tuple(replace(entry, refines=True) for entry in catalog.methods))


@pytest.fixture(name="engine")
def fixture_engine() -> Progressive:
    return Progressive()


@pytest.fixture(name="window")
def fixture_window(
    qapp: QApplication, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: Progressive
) -> Iterator[MainWindow]:
    monkeypatch.setenv("STRAINSCOPE_CONFIG", str(tmp_path / "config"))
    window = MainWindow(Preferences(theme="dark"), "cpu", Engine(engine.list_methods, engine.estimate))
    window.show()
    window.open_paths((write_recording(tmp_path / "one.h5", 1),))
    qtbot.waitUntil(
        lambda: window.state.picture is not None and window.state.picture.strain is not None, timeout=30_000
    )
    yield window
    engine.refine.set()
    window.close()
    window.deleteLater()
    qapp.processEvents()


def shown_strain(window: MainWindow) -> float:
    picture = window.state.picture
    assert picture is not None
    assert picture.strain is not None
    return float(picture.strain[0, 0])


def test_the_first_estimate_shows_at_once_and_gives_way_to_the_refined_one(
    window: MainWindow, engine: Progressive, qtbot: QtBot
) -> None:
    state, panel = window.state, window.findChild(MeasurementsPanel)
    run = state.run
    assert run is not None
    qtbot.waitUntil(lambda: len(run.store.shown_frames()) == 5)
    first = shown_strain(window)
    assert window.central.view.strain.badge() == "First estimate, refined when all frames are seen"
    badge = window.central.view.strain.findChild(QLabel, "badge")
    assert badge.geometry().right() <= window.central.view.strain.plot.image_rect().right()
    assert badge.height() >= badge.heightForWidth(badge.width())
    assert "first estimate" in panel.frame.text()
    assert run.store.frames() == ()
    assert run.store.read(1).provisional
    assert state.history == {}
    assert "first estimate" in window.commands.part(MapsController).cannot_compute()
    assert not window.actions_by_name["figure"].isEnabled()
    engine.refine.set()
    qtbot.waitUntil(lambda: run.status == "complete")
    qtbot.waitUntil(lambda: "refined" in panel.frame.text())
    assert shown_strain(window) == pytest.approx(first / 2)
    assert run.store.frames() == (1, 2, 3, 4, 5)
    assert not run.store.read(1).provisional
    qtbot.waitUntil(lambda: window.central.view.strain.badge() == "")
    qtbot.waitUntil(lambda: sorted(state.history) == [1, 2, 3, 4, 5], timeout=20_000)


def test_steps_added_up_are_not_called_refined(window: MainWindow, engine: Progressive, qtbot: QtBot) -> None:
    """Each of them was estimated alone."""
    engine.refine.set()
    state, first = window.state, window.state.run
    window.commands.processing.set_preparation(replace(state.settings.preparation, pairing="sliding added up"))
    window.commands.processing.start()
    qtbot.waitUntil(lambda: state.run is not None and state.run is not first and state.run.status == "complete")
    qtbot.waitUntil(lambda: state.picture is not None and state.picture.run == state.run.number)
    assert state.picture.strain is not None
    assert state.picture.stage == ""


def test_a_cancelled_run_keeps_no_first_estimate_but_shows_it_as_one(window: MainWindow, qtbot: QtBot) -> None:
    run = window.state.run
    assert run is not None
    qtbot.waitUntil(lambda: len(run.store.shown_frames()) == 5)
    window.commands.processing.cancel()
    qtbot.waitUntil(lambda: run.status == "cancelled")
    qtbot.waitUntil(lambda: window.central.view.strain.badge() == "First estimate")
    assert "0 frames" in window.state.notice


def test_a_store_never_puts_a_first_estimate_in_place_of_a_final_one(tmp_path: Path) -> None:
    sequence = RFSequence.from_array(np.ones((3, 300, 32), np.float32), Geometry(40e6, 7e6, 1540.0, 0.3e-3))
    store, final = RunStore(tmp_path / "run", sequence.geometry), fake_estimate(sequence, Settings("first"), 1)
    store.add(replace(final, provisional=True))
    assert (store.frames(), store.shown_frames(), store.is_first(1)) == ((), (1,), True)
    assert store.strain_range() is not None
    store.add(final)
    store.add(replace(final, provisional=True, quality=final.quality * 0))
    assert (store.frames(), store.is_first(1)) == ((1,), False)
    np.testing.assert_array_equal(store.read(1).quality, final.quality)


def test_methods_of_the_whole_recording_are_known_as_such() -> None:
    catalog = list_methods(JobControl(1, threading.Event(), lambda _message: None))
    assert {entry.name for entry in catalog.methods if entry.refines} >= {"glue-stack"}
    assert not next(entry for entry in catalog.methods if entry.name == "glue").refines
