"""Autosave: what a killed window leaves behind comes back, a closed one leaves nothing, and windows do not disturb."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication
from pytestqt.qtbot import QtBot

from app.features.log.state import LogState
from app.features.sessions.autosave_file import KEPT_DAYS, AutosaveFolder, autosave_folder
from app.features.sessions.autosaving import AutosaveController
from app.features.sessions.feature import Sessions
from app.features.sessions.file import SavedSettings, SavedSource, Session, load_session
from app.features.sessions.state import SessionState
from app.preferences import Preferences
from app.state import Regions
from app.window.main_window import MainWindow
from engine.types import Ellipse

from .conftest import open_and_wait

REGIONS = Regions(Ellipse(-1e-3, 3e-3, 8e-4, 1e-3, 15.0), None)
START_S = 60
KILLED = """
import sys
from pathlib import Path
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from app.controllers.estimation import Catalog, Engine
from app.window.main_window import MainWindow
from app.preferences import Preferences
from app.state import MethodInfo, Regions, StrainMethodInfo
from app.features.sessions.state import SessionState
from engine.strain.least_squares import LeastSquaresParams
from engine.types import Ellipse
from tests_fake import FakeParams

def catalog(_control):
    methods = (MethodInfo("first", "First", "classical", FakeParams), MethodInfo("second", "Second", "x", FakeParams))
    filters = (StrainMethodInfo("least-squares", "Least squares", LeastSquaresParams),)
    return Catalog(methods, "first", LeastSquaresParams(), strain_methods=filters)

application = QApplication(sys.argv)
preferences = Preferences(theme="dark", estimate_on_open=False).model_copy(update={"autosave_s": 0.2})
window = MainWindow(preferences, "cpu", Engine(catalog))
window.show()

def change():
    if window.state.recording is None:
        return
    window.commands.processing.choose_method("second")
    window.commands.playback.show_frame(4)
    window.commands.change_display(colormap="magma")
    window.commands.regions.place(Regions(Ellipse(-1e-3, 3e-3, 8e-4, 1e-3, 15.0), None))

window.state.methods_changed.connect(lambda: window.open_paths((Path(sys.argv[1]),)))
window.commands.files.opened.connect(lambda _regions: QTimer.singleShot(0, change))
sys.exit(application.exec())
"""


def files() -> list[Path]:
    return sorted(autosave_folder().glob("*.strainscope"))


def wait_for(there: Callable[[], bool], seconds: float = START_S) -> None:
    until = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < until, "timed out"
        time.sleep(0.05)
        QCoreApplication.processEvents()


def quick() -> Preferences:
    """Preferences of a window that keeps its session as often as a test needs."""
    return Preferences(theme="dark").model_copy(update={"autosave_s": 0.2})


def state_of(window: MainWindow) -> SessionState:
    return window.state.slice(SessionState)


def a_session(name: str = "left.h5") -> Session:
    return Session(
        source=SavedSource(paths=[f"/nowhere/{name}"], key="k"),
        settings=SavedSettings(method="first", strain_method="least-squares"),
    )


def leave_behind(name: str = "left.h5", age_s: float = 0.0) -> Path:
    """Put a session where a window that died would have left it."""
    autosave_folder().mkdir(parents=True, exist_ok=True)
    folder = AutosaveFolder()
    folder.write(a_session(name))
    path = next(path for path in files() if load_session(path).source.paths[0].endswith(name))
    kept = path.read_bytes()
    folder.close()
    path.write_bytes(kept)
    changed_s = time.time() - age_s
    os.utime(path, (changed_s, changed_s))
    return path


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRAINSCOPE_CONFIG", str(tmp_path / "config"))


def test_a_killed_window_comes_back(
    recording_path: Path, make_window: Callable[..., MainWindow], tmp_path: Path, qtbot: QtBot
) -> None:
    parameters = Path(__file__).with_name("conftest.py").read_text(encoding="utf-8")
    start = parameters.index("@dataclass(frozen=True)\nclass FakeParams")
    head = "from dataclasses import dataclass\nfrom engine.parameters import Parameters, parameter\n"
    (tmp_path / "tests_fake.py").write_text(head + parameters[start : parameters.index("\n\n\ndef expected_strain")])
    paths = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    environment = {**os.environ, "PYTHONPATH": paths, "TMPDIR": str(tmp_path)}  # it will not tidy up after itself
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(recording_path)], env=environment)
    try:
        wait_for(lambda: bool(files()) and load_session(files()[0]).frame == 4)
        first = make_window()
        qtbot.wait(200)
        assert state_of(first).recoverable == ()  # its owner lives
        first.close()
        process.send_signal(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
    finally:
        process.kill()
        process.wait(START_S)
    window = make_window(Preferences(theme="dark"))
    qtbot.waitUntil(lambda: len(state_of(window).recoverable) == 1, timeout=10_000)
    found = window.findChild(Sessions)
    assert isinstance(found, Sessions)
    assert found.bar.isVisible()
    assert "one.h5 was not closed properly" in found.bar.words.text()
    assert window.actions_by_name["recover"].isEnabled()
    found.bar.recover.click()
    state = window.state
    qtbot.waitUntil(lambda: state.run is not None and state.run.status == "complete", timeout=10_000)
    assert (state.frame, state.settings.method, state.display.colormap) == (4, "second", "magma")
    assert state.regions == REGIONS
    qtbot.waitUntil(lambda: state_of(window).recoverable == () and len(files()) == 1, timeout=10_000)
    assert int(files()[0].name.split("-")[0]) == os.getpid()  # it is this window's now
    assert not found.bar.isVisible()
    window.close()
    assert list(autosave_folder().iterdir()) == []


def test_what_changes_is_kept_and_a_clean_close_leaves_nothing(
    make_window: Callable[..., MainWindow], recording_path: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    window = make_window(quick())
    open_and_wait(window, (recording_path,), qtbot)
    qtbot.waitUntil(lambda: bool(files()), timeout=10_000)
    written = files()[0].stat().st_mtime_ns
    qtbot.wait(600)
    assert files()[0].stat().st_mtime_ns == written  # nothing has changed
    window.commands.regions.place(REGIONS)
    qtbot.waitUntil(lambda: "target" in load_session(files()[0]).regions, timeout=10_000)
    window.close()
    assert list(autosave_folder().iterdir()) == []


def test_a_named_session_is_recovered_under_its_name(
    make_window: Callable[..., MainWindow], recording_path: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    window = make_window(quick())
    open_and_wait(window, (recording_path,), qtbot)
    path = tmp_path / "study.strainscope"
    window.commands.regions.place(REGIONS)
    feature = window.findChild(Sessions)
    assert isinstance(feature, Sessions)
    feature.ask_save = lambda *_: path
    window.actions_by_name["save_session"].trigger()
    qtbot.waitUntil(lambda: bool(files()) and load_session(files()[0]).saved_as == str(path), timeout=10_000)
    window.commands.change_display(colormap="magma")
    qtbot.waitUntil(lambda: load_session(files()[0]).display["colormap"] == "magma", timeout=10_000)
    kept = files()[0].read_bytes()
    state_of(window).set_file(None, None)
    window.close()
    (autosave_folder() / "1-dead.strainscope").write_bytes(kept)
    other = make_window()
    qtbot.waitUntil(lambda: bool(state_of(other).recoverable), timeout=10_000)
    assert state_of(other).recoverable[0].name == "study.strainscope"
    other.actions_by_name["recover"].trigger()
    qtbot.waitUntil(lambda: state_of(other).path == path, timeout=10_000)
    assert other.isWindowModified()  # the file has the old colours
    assert load_session(path).display["colormap"] == "viridis"
    assert other.state.display.colormap == "magma"
    state_of(other).set_file(None, None)


def test_two_windows_keep_to_their_own(
    make_window: Callable[..., MainWindow], recording_path: Path, other_path: Path, qtbot: QtBot
) -> None:
    windows = [make_window(quick()), make_window(quick())]
    for window, path in zip(windows, (recording_path, other_path), strict=True):
        open_and_wait(window, (path,), qtbot)
    qtbot.waitUntil(lambda: len(files()) == 2, timeout=10_000)
    third = make_window()
    qtbot.wait(200)
    assert state_of(third).recoverable == ()
    windows[0].close()
    assert [Path(load_session(path).source.paths[0]).name for path in files()] == ["two.h5"]


def test_one_window_offers_what_is_left_and_hands_it_on(make_window: Callable[..., MainWindow], qtbot: QtBot) -> None:
    path = leave_behind()
    first, second = make_window(), None
    qtbot.waitUntil(lambda: len(state_of(first).recoverable) == 1, timeout=10_000)
    second = make_window()
    qtbot.wait(200)
    assert state_of(second).recoverable == ()
    first.close()
    assert path.exists()  # nobody decided
    third = make_window()
    qtbot.waitUntil(lambda: len(state_of(third).recoverable) == 1, timeout=10_000)


def test_discarding_offers_the_next_one(make_window: Callable[..., MainWindow], qtbot: QtBot) -> None:
    older, newer = leave_behind("older.h5", 3600), leave_behind("newer.h5")
    window = make_window()
    qtbot.waitUntil(lambda: len(state_of(window).recoverable) == 2, timeout=10_000)
    feature = window.findChild(Sessions)
    assert isinstance(feature, Sessions)
    assert feature.bar.words.text().startswith("newer.h5")
    feature.bar.discard.click()
    qtbot.waitUntil(lambda: not newer.exists(), timeout=10_000)
    assert feature.bar.words.text().startswith("older.h5")
    feature.bar.discard.click()
    qtbot.waitUntil(lambda: not older.exists(), timeout=10_000)
    assert not feature.bar.isVisible()
    assert not window.actions_by_name["recover"].isEnabled()


def test_a_recording_that_is_gone_keeps_what_was_left(make_window: Callable[..., MainWindow], qtbot: QtBot) -> None:
    path = leave_behind()
    window = make_window()
    qtbot.waitUntil(lambda: bool(state_of(window).recoverable), timeout=10_000)
    feature = window.findChild(Sessions)
    assert isinstance(feature, Sessions)
    asked: list[int] = []
    feature.ask_place = lambda *_: asked.append(1) or ()
    window.actions_by_name["recover"].trigger()
    qtbot.waitUntil(lambda: bool(asked), timeout=10_000)
    qtbot.wait(50)
    assert window.state.recording is None
    assert path.exists()
    assert window.actions_by_name["recover"].isEnabled()


def test_old_and_damaged_files_are_not_offered() -> None:
    old = leave_behind("old.h5", (KEPT_DAYS + 1) * 86400)
    damaged = autosave_folder() / "2-damaged.strainscope"
    damaged.write_bytes(b"{")
    folder = AutosaveFolder()
    assert folder.find() == ()
    assert not old.exists()
    folder.close()
    assert list(autosave_folder().glob("*.lock")) == []


def test_a_folder_that_cannot_be_written_is_told_once(
    make_window: Callable[..., MainWindow], recording_path: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "autosave").write_text("in the way")
    window = make_window(quick())
    open_and_wait(window, (recording_path,), qtbot)
    log = window.state.slice(LogState)
    qtbot.waitUntil(lambda: "cannot be kept" in log.text(), timeout=10_000)
    window.commands.regions.place(REGIONS)
    qtbot.wait(600)
    assert log.text().count("cannot be kept") == 1


def test_keeping_does_not_hold_the_window(
    make_window: Callable[..., MainWindow], recording_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that hangs holds the lane of sessions, and nothing else."""
    window = make_window(quick())
    disk = threading.Event()
    monkeypatch.setattr("app.features.sessions.autosave_file.save_session", lambda *_: disk.wait(30))
    open_and_wait(window, (recording_path,), qtbot)
    window.commands.part(AutosaveController).keep()
    qtbot.waitUntil(window.jobs.sessions.busy)
    window.commands.playback.show_frame(5)
    qtbot.waitUntil(lambda: window.state.picture is not None and window.state.picture.frame == 5)
    disk.set()
