"""A window on a fake engine: fast, and every map says by its value of which recording, method and frame it is."""

import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import h5py
import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QDockWidget,
    QLineEdit,
    QMessageBox,
    QTabWidget,
)
from pytestqt.exceptions import TimeoutError as WaitError
from pytestqt.qtbot import QtBot
from shiboken6 import isValid

from app.controllers import map_reading
from app.controllers.estimation import Catalog, Device, Engine, ShownFrame
from app.features.export import source as export_source
from app.features.log.state import LogState
from app.jobs import JobControl
from app.preferences import Preferences
from app.state import Display, MethodInfo, StrainMethodInfo, Tool
from app.state.run_store import RunStore
from app.theme import Theme, apply_theme
from app.views.image_pane import ImagePane
from app.window.central import CentralArea
from app.window.main_window import MainWindow
from app.window.start_up.warming import warm_up
from engine.errors import StrainscopeError
from engine.estimators.base import ESTIMATORS
from engine.parameters import Parameters, parameter
from engine.pipeline import Settings
from engine.strain.least_squares import LeastSquaresParams
from engine.types import Displacement, FrameEstimate, Provenance, RFSequence, Strain

ESTIMATORS.discover()  # else the first test that asks what a run would be kept under waits for their libraries
# Else the first window loads this on a thread, and what is loaded makes loggers while pytest goes through all of them.
warm_up(JobControl(0, threading.Event(), lambda message: None))

FRAMES, ROWS, LINES = 6, 300, 32
SIZE = (1200, 760)
TRUTH = {"demo_target": (-0.002, 0.003, 0.001, 0.0012, 0.0), "demo_background": (0.002, 0.003, 0.001, 0.0012, 20.0)}
WORKER_END_S = 10.0
METHODS = {"first": 1, "second": 2}


@dataclass(frozen=True)
class FakeParams(Parameters):
    """Parameters of the fake methods, one of each kind."""

    window_m: float = parameter(2e-3, unit="m", minimum=0.5e-3, maximum=10e-3, help="Axial window")
    passes: int = parameter(2, minimum=1, maximum=5, help="Number of passes")
    robust: bool = parameter(True, help="Drop outliers")


def expected_strain(sequence: RFSequence, method: str, frame: int) -> float:
    """Strain that the fake engine gives everywhere: recording, method and frame are read off its digits."""
    return -(frame * 1e-3 + METHODS[method] * 1e-2 + float(sequence.frame(0)[0, 0]) * 1e-1)


@dataclass
class FakeEngine:
    """Gives constant maps at once, or waits at each frame for `gate`; `error` is raised instead when set."""

    gate: threading.Event = field(default_factory=threading.Event)
    error: Exception | None = None
    started: list[tuple[str, str]] = field(default_factory=list)
    shown: ShownFrame | None = None

    def __post_init__(self) -> None:
        self.gate.set()

    def estimate(
        self,
        sequence: RFSequence,
        settings: Settings,
        store: RunStore,
        device: Device,
        shown: ShownFrame,
        control: JobControl,
    ) -> str:
        self.shown = shown
        self.started.append((sequence.name, settings.method))
        wanted = range(sequence.shape[0]) if settings.frames is None else settings.frames
        frames = [frame for frame in wanted if frame != settings.reference and frame not in store]
        for done, frame in enumerate(frames):
            while not self.gate.wait(0.005):
                control.check()
            control.check()
            if self.error is not None:
                raise self.error
            store.add(fake_estimate(sequence, settings, frame))
            control.item(frame)
            control.progress(done + 1, len(frames))
        return "cpu"

    def list_methods(self, _control: JobControl) -> Catalog:
        methods = (
            MethodInfo("first", "First method", "classical", FakeParams),
            MethodInfo("second", "Second method", "network", FakeParams),
            MethodInfo("absent", "Absent method", "network", FakeParams, "it has no weights"),
        )
        filters = (StrainMethodInfo("least-squares", "Least squares", LeastSquaresParams),)
        return Catalog(methods, "first", LeastSquaresParams(), strain_methods=filters)


def fake_estimate(sequence: RFSequence, settings: Settings, frame: int) -> FrameEstimate:
    """Estimate whose strain is the expected constant."""
    shape = sequence.shape[1:]
    strain = np.full(shape, expected_strain(sequence, settings.method, frame), np.float32)
    strain[1::2, ::2] *= np.float32(1.01)
    zero = np.zeros(shape, np.float32)
    quality = np.full(shape, 0.9, np.float32)
    quality[:, : shape[1] // 4] = 0.3
    return FrameEstimate(
        settings.reference,
        frame,
        Displacement(zero, zero, sequence.geometry),
        Strain(strain, sequence.geometry, 2e-3),
        quality,
    )


def write_recording(path: Path, number: float, frames: int = FRAMES, *, mark: int = 0, **attributes: object) -> Path:
    """Write a small recording of our own format whose first sample is `number`; `mark` makes it another one."""
    random = np.random.default_rng(int(number))
    rf = random.standard_normal((frames, ROWS, LINES)).astype(np.float32)
    rf[:, 0, 0] = number
    rf[:, 1, 1] += mark / 1e3
    with h5py.File(path, "w") as file:
        file["rf"] = rf
        file.attrs.update(
            format="strainscope-rf",
            version=1,
            sampling_hz=40e6,
            center_hz=7e6,
            sound_speed_m_s=1540.0,
            pitch_m=0.3e-3,
            start_depth_m=0.0,
            frame_rate_hz=20.0,
            **attributes,
        )
    return path


@pytest.fixture(autouse=True, scope="session")
def _provenance() -> Iterator[None]:
    """The fake methods are in no registry, so the provenance of their runs is made here."""
    with pytest.MonkeyPatch.context() as patched:
        for module, name in (
            (export_source, "make_provenance"),
            (export_source, "describe_run"),
            (map_reading, "describe_run"),
        ):
            make = getattr(module, name)

            def made(sequence: RFSequence, settings: Settings, *rest: object, make: object = make) -> Provenance:
                if settings.method in METHODS:
                    return Provenance(settings.method, {}, "", "0", "0" * 64)
                return make(sequence, settings, *rest)  # type: ignore[operator, no-any-return]

            patched.setattr(module, name, made)
        yield


@pytest.fixture(name="recording_path")
def fixture_recording_path(tmp_path: Path) -> Path:
    return write_recording(tmp_path / "one.h5", 1, **TRUTH)


@pytest.fixture(name="other_path")
def fixture_other_path(tmp_path: Path) -> Path:
    return write_recording(tmp_path / "two.h5", 2)


@pytest.fixture(name="fake")
def fixture_fake() -> FakeEngine:
    return FakeEngine()


@pytest.fixture(name="make_window")
def fixture_make_window(
    qapp: QApplication, qtbot: QtBot, fake: FakeEngine, tmp_path: Path, lasting: "Lasting"
) -> Iterator[Callable[..., MainWindow]]:
    """Make windows; at the end every one of them must be gone, with its threads."""
    lasting.close()
    with _windows(qapp, fake, tmp_path / "config") as make:
        yield partial(make, qtbot)


@contextmanager
def _windows(qapp: QApplication, fake: FakeEngine, config: Path) -> Iterator[Callable[..., MainWindow]]:
    made: list[MainWindow] = []

    def make(qtbot: QtBot, preferences: Preferences | None = None, engine: Engine | None = None) -> MainWindow:
        chosen = engine or Engine(fake.list_methods, fake.estimate)
        window = MainWindow(preferences or Preferences(theme="dark"), "cpu", chosen)
        window.resize(*SIZE)
        window.show()
        made.append(window)
        qtbot.waitUntil(lambda: bool(window.state.methods))
        return window

    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("STRAINSCOPE_CONFIG", str(config))
        patched.setattr(CentralArea, "_rehearse", lambda area: None)  # it makes the first painting quick, no other
        apply_theme(qapp, "dark")
        yield make
        fake.gate.set()
        for window in filter(isValid, made):
            window.close()
            window.deleteLater()
        qapp.processEvents()
        qapp.sendPostedEvents(None, 52)  # deferred deletes
        qapp.processEvents()
        workers = [thread for thread in threading.enumerate() if thread.name.startswith("strainscope-")]
        for thread in workers:  # one deep in a library call when its window closed ends when the call returns
            thread.join(WORKER_END_S)
        for thread in threading.enumerate():
            if thread.name.startswith("strainscope-"):
                thread.join(30)  # on a busy machine a job may outlast the patience of closing
        left = [thread.name for thread in workers if thread.is_alive()]
        assert not left, f"threads left: {left}"
        shown = [type(widget).__name__ for widget in qapp.topLevelWidgets() if widget.isVisible()]
        assert not shown, f"windows left: {shown}"


@pytest.fixture(name="window")
def fixture_window(make_window: Callable[..., MainWindow]) -> MainWindow:
    """A window without a recording."""
    return make_window()


ALONE = {"window", "make_window", "fake", "recording_path"}
"""A test that asks for one of these has a window of its own, and so has each of a file that is not `ONE_WINDOW`."""


class Lasting:
    """A window that several tests of a file have after one another, each with a recording never opened before.

    What it shows then must be what a new window shows, in every control and action: else it makes room for one.
    """

    def __init__(self, qapp: QApplication, folders: Callable[[], Path]) -> None:
        self._qapp, self._folders = qapp, folders
        self._stack = ExitStack()
        self._window: MainWindow | None = None
        self._settings = Settings("")
        self._first: list[tuple[object, ...]] = []
        self._panels: dict[str, bool] = {}

    def opened(self, qtbot: QtBot) -> MainWindow:
        """Return the window with a recording whose strain is estimated and shown."""
        folder = self._folders()
        path = write_recording(folder / "one.h5", 1, mark=int(re.sub(r"\D", "", folder.name) or 0), **TRUTH)
        window = self._window
        if window is not None and isValid(window) and window.isVisible():
            tidy(window, self._settings, self._panels)
            open_and_wait(window, (path,), qtbot)
            with suppress(WaitError):
                qtbot.waitUntil(lambda: looks(window) == self._first, timeout=2000)
                return window
        self.close()
        make = self._stack.enter_context(_windows(self._qapp, FakeEngine(), self._folders()))
        window = self._window = make(qtbot)
        open_and_wait(window, (path,), qtbot)
        qtbot.waitUntil(lambda: window.state.activity is None)
        self._settings, self._first, self._panels = window.state.settings, looks(window), panels_of(window)
        return window

    def close(self) -> None:
        """Let the window go."""
        self._window = None
        self._stack.close()


def panels_of(window: MainWindow) -> dict[str, bool]:
    """Return which panels are shown."""
    return {panel: window.docks.is_shown(panel) for panel in window.docks.order()}


def tidy(window: MainWindow, settings: Settings, panels: dict[str, bool]) -> None:
    """Take back what outlasts a recording: dialogs, preferences, size, theme, panels, method, tool."""
    for dialog in window.findChildren(QDialog):
        dialog.reject()
    for name, value in Preferences(theme="dark"):
        setattr(window.preferences, name, value)
    window.resize(*SIZE)
    if Theme.name != "dark":
        window.set_theme("dark")
    for panel, shown in panels_of(window).items():
        if shown != panels[panel]:
            window.docks.toggle(panel)
    state = window.state
    state.set_playing(False)
    state.set_settings(settings)
    state.set_tool(Tool.PAN)
    state.set_display(Display())
    state.slice(LogState).clear()


def looks(window: MainWindow) -> list[tuple[object, ...]]:
    """Return what is set in every control, which docks are shown, and what every action says of itself.

    Left out is a page of the middle that is not shown: it is made when it is first, and follows the state when it is.
    """
    names = ("text", "currentText", "currentIndex", "value", "checked", "enabled")
    kinds = (QAbstractButton, QComboBox, QAbstractSpinBox, QAbstractSlider, QLineEdit, QTabWidget)
    images = window.central.images
    pages = [images.widget(index) for index in range(images.count()) if index != images.currentIndex()]
    things = [
        thing
        for kind in kinds
        for thing in window.findChildren(kind)
        if thing.window() is window and not any(page.isAncestorOf(thing) for page in pages)
    ]
    shown = [thing.isHidden() for thing in window.findChildren(QDockWidget)]
    return [(shown,), *(tuple(map(thing.property, names)) for thing in (*things, *window.actions_by_name.values()))]


@pytest.fixture(name="lasting", scope="module")
def fixture_lasting(qapp: QApplication, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lasting]:
    lasting = Lasting(qapp, lambda: tmp_path_factory.mktemp("lasting"))
    yield lasting
    lasting.close()


@pytest.fixture(name="opened")
def fixture_opened(request: pytest.FixtureRequest, qtbot: QtBot, lasting: Lasting) -> MainWindow:
    """A window with a recording whose strain is estimated and shown."""
    if getattr(request.module, "ONE_WINDOW", False) and ALONE.isdisjoint(request.fixturenames):
        return lasting.opened(qtbot)
    window: MainWindow = request.getfixturevalue("window")
    open_and_wait(window, (request.getfixturevalue("recording_path"),), qtbot)
    return window


def open_and_wait(window: MainWindow, paths: tuple[Path, ...], qtbot: QtBot) -> None:
    """Open files and wait until frame 2 is shown with its strain."""
    state, before = window.state, window.state.recording
    window.open_paths(paths)
    qtbot.waitUntil(lambda: state.recording is not before, timeout=30_000)
    qtbot.waitUntil(lambda: state.run is not None and state.run.status == "complete", timeout=30_000)
    qtbot.waitUntil(lambda: state.picture is not None and state.picture.strain is not None, timeout=10_000)


def shown_error(window: MainWindow) -> str:
    """Text of the error dialog that is open, which is closed."""
    boxes = [box for box in window.findChildren(QMessageBox) if box.isVisible()]
    if not boxes:
        return ""
    text = boxes[-1].text()
    boxes[-1].close()
    return text


def error_of(window: MainWindow, qtbot: QtBot) -> str:
    """Wait for an error dialog and return its text."""
    texts: list[str] = []
    qtbot.waitUntil(lambda: bool(texts.append(shown_error(window)) or texts[-1]), timeout=10_000)
    return texts[-1]


def place(pane: ImagePane, x_mm: float, z_mm: float) -> QPoint:
    """Pixel of the plot's viewport at a place in millimetres."""
    return pane.plot.mapFromScene(pane.plot.box.mapViewToScene(QPointF(x_mm, z_mm)))


def drag(pane: ImagePane, start: QPoint, end: QPoint, qtbot: QtBot) -> None:
    """Drag with the left button, in steps as a hand does."""
    port = pane.plot.viewport()
    qtbot.mouseMove(port, start)
    qtbot.mousePress(port, Qt.MouseButton.LeftButton, pos=start)
    for step in range(1, 6):
        qtbot.mouseMove(port, start + (end - start) * step / 5)
        qtbot.wait(5)
    qtbot.mouseRelease(port, Qt.MouseButton.LeftButton, pos=end)
    qtbot.wait(5)


class BrokenError(StrainscopeError):
    """An error of the fake engine."""
