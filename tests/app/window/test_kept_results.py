"""Results on disk: a recording opened again shows its strain without estimating, and nothing stays where none may."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.controllers import estimation
from app.controllers.estimation import Engine
from app.features.preferences.dialog import Place, PreferencesDialog
from app.features.workspace.results import Lookup, ResultsController, _fill
from app.jobs import JobControl
from app.panels.method import MethodPanel
from app.preferences import Preferences
from app.state.run_store import RunStore
from app.window.main_window import MainWindow
from engine.cache import ResultCache
from engine.pipeline import Settings
from engine.readers import open_recording
from engine.types import FrameEstimate

from .conftest import fake_estimate, open_and_wait

Make = Callable[..., MainWindow]


@pytest.fixture(name="estimated")
def fixture_estimated() -> list[str]:
    """Methods that were estimated, one entry a run."""
    return []


@pytest.fixture(name="make")
def fixture_make(
    qapp: QApplication, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, estimated: list[str]
) -> Iterator[Make]:
    """Windows on the true engine, which begin with correlation."""
    monkeypatch.setenv("STRAINSCOPE_CONFIG", str(tmp_path / "config"))

    def estimate(*arguments: object) -> str:
        estimated.append(arguments[1].method)  # type: ignore[attr-defined]
        return estimation.estimate(*arguments)  # type: ignore[arg-type]

    made: list[MainWindow] = []

    def make(**preferences: object) -> MainWindow:
        chosen = Preferences(theme="dark", start_method="ncc", **preferences)  # type: ignore[arg-type]
        window = MainWindow(chosen, "cpu", Engine(estimate=estimate))
        window.show()
        made.append(window)
        qtbot.waitUntil(lambda: bool(window.state.methods), timeout=30_000)
        return window

    yield make
    for window in made:
        window.close()
        window.deleteLater()
    qapp.processEvents()


def strain(window: MainWindow) -> object:
    picture = window.state.picture
    assert picture is not None
    return picture.strain


def kept_frames(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "config" / "results").rglob("*.h5"))


def test_a_recording_opened_again_shows_its_strain_without_estimating(
    make: Make, rf_file: Path, tmp_path: Path, estimated: list[str], qtbot: QtBot
) -> None:
    window = make()
    open_and_wait(window, (rf_file,), qtbot)
    before = strain(window)
    qtbot.waitUntil(lambda: len(kept_frames(tmp_path)) == 3, timeout=10_000)
    window.close()
    moved = shutil.copy(rf_file, tmp_path / "renamed.h5")
    again = make()
    open_and_wait(again, (Path(moved),), qtbot)
    np.testing.assert_array_equal(strain(again), before)  # type: ignore[arg-type]
    assert estimated == ["ncc"]
    assert "estimated before" in again.state.notice
    panel = again.findChild(MethodPanel)
    assert isinstance(panel, MethodPanel)
    assert panel.status.text() == "3 frames estimated before."


def test_a_method_chosen_again_costs_nothing_and_a_part_is_completed(
    make: Make, rf_file: Path, tmp_path: Path, estimated: list[str], qtbot: QtBot
) -> None:
    window = make()
    open_and_wait(window, (rf_file,), qtbot)
    qtbot.waitUntil(lambda: len(kept_frames(tmp_path)) == 3, timeout=10_000)
    damaged = sorted((tmp_path / "config" / "results").rglob("*.h5"))[2]
    damaged.write_bytes(b"\x89HDF\r\n\x1a\n")
    window.close()
    again = make(estimate_on_open=False)
    again.open_paths((rf_file,))
    qtbot.waitUntil(lambda: again.state.run is not None and again.state.run.store.frames() == (1, 2), timeout=10_000)
    assert estimated == ["ncc"]
    assert again.state.run is not None
    assert again.state.run.status == "waiting"
    again.actions_by_name["estimate"].trigger()
    qtbot.waitUntil(lambda: again.state.run is not None and again.state.run.status == "complete", timeout=30_000)
    assert again.state.run.store.frames() == (1, 2, 3)
    again.commands.processing.choose_method("loupas")
    assert again.state.run is None
    again.commands.processing.choose_method("ncc")
    assert again.state.run is not None
    assert again.state.run.status == "complete"


def test_nothing_stays_where_nothing_may(make: Make, rf_file: Path, tmp_path: Path, qtbot: QtBot) -> None:
    window = make(keep_nothing=True)
    open_and_wait(window, (rf_file,), qtbot)
    qtbot.wait(100)
    assert kept_frames(tmp_path) == []


def test_both_folders_are_named_and_emptied_in_the_preferences(
    make: Make, rf_file: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    window = make()
    open_and_wait(window, (rf_file,), qtbot)
    window.commands.regions.put_in_the_middle()
    window.commands.change_display(persistence=2)
    workspaces = tmp_path / "config" / "workspaces"
    qtbot.waitUntil(lambda: len(kept_frames(tmp_path)) == 3 and workspaces.is_dir(), timeout=10_000)
    window.actions_by_name["preferences"].trigger()
    dialog = window.findChild(PreferencesDialog)
    assert isinstance(dialog, PreferencesDialog)
    places = dialog.findChildren(Place)
    assert [str(folder) in place.words.text() for folder, place in zip(
        (workspaces, tmp_path / "config" / "results"), places, strict=True
    )] == [True, True]  # fmt: skip
    for place in places:
        place.button.click()
    qtbot.waitUntil(lambda: kept_frames(tmp_path) == [] and list(workspaces.iterdir()) == [], timeout=10_000)
    dialog.accept()


def test_results_beyond_the_limit_go(make: Make, rf_file: Path, tmp_path: Path, qtbot: QtBot) -> None:
    window = make(results_limit_gb=0.0)
    open_and_wait(window, (rf_file,), qtbot)
    qtbot.waitUntil(lambda: len(kept_frames(tmp_path)) == 3, timeout=10_000)
    window.commands.part(ResultsController).trim()
    qtbot.waitUntil(lambda: kept_frames(tmp_path) == [], timeout=10_000)


def test_two_that_fill_one_store_read_each_frame_once(rf_file: Path, tmp_path: Path) -> None:
    """The worker that shows a kept run, and the run that estimating would go on with, begin at the same time."""
    sequence = open_recording(rf_file).complete()
    settings = Settings("first")
    reads: list[int] = []

    class Kept:
        frames = staticmethod(lambda: (1, 2, 3))
        touch = staticmethod(lambda: None)

        def read(self, frame: int) -> FrameEstimate:
            reads.append(frame)
            time.sleep(0.01)
            return fake_estimate(sequence, settings, frame)

    lookup = Lookup(ResultCache(tmp_path), sequence, _found={settings: Kept()})  # type: ignore[dict-item]
    store = RunStore(tmp_path / "run", sequence.geometry)
    control = JobControl(1, threading.Event(), lambda _message: None)
    with ThreadPoolExecutor(2) as pool:
        ends = [pool.submit(_fill, lookup, settings, store, 1, control) for _ in range(2)]
        assert len({end.result() for end in ends}) == 1
    assert sorted(reads) == [1, 2, 3]
    assert store.frames() == (1, 2, 3)
