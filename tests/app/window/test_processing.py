"""Runs: filling in, cancelling, going on, errors, and that no result appears where it does not belong."""

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.controllers import estimation, pair_finding
from app.controllers.estimation import Device, Fallback
from app.jobs import JobControl
from app.panels.method import MethodPanel
from app.state import StrainMethodInfo
from app.state.kept_settings import KeptSettings
from app.state.run_store import RunStore
from app.window.main_window import MainWindow
from engine.pair_finder import PairReport, PairScore
from engine.pipeline import Settings
from engine.strain.kalman import KalmanParameters
from engine.strain.least_squares import LeastSquaresParams
from engine.types import FrameEstimate, Geometry, RFSequence

from .conftest import (
    FRAMES,
    BrokenError,
    FakeEngine,
    FakeParams,
    expected_strain,
    fake_estimate,
    open_and_wait,
    shown_error,
)


def test_first_method_is_default_and_absent_one_is_grey(window: MainWindow) -> None:
    assert window.state.settings.method == "first"
    window.commands.processing.choose_method("absent")
    assert window.state.settings.method == "first"
    assert "no weights" in window.state.notice


def test_frames_fill_in_one_by_one(window: MainWindow, fake: FakeEngine, recording_path: Path, qtbot: QtBot) -> None:
    fake.gate.clear()
    window.open_paths((recording_path,))
    qtbot.waitUntil(lambda: window.state.run is not None and window.state.picture is not None)
    assert "Frame 1 waits" in window.central.view.strain.message()
    assert window.status.cancel.isVisible()
    seen: list[int] = []
    window.state.estimate_arrived.connect(lambda _run, frame: seen.append(frame))
    fake.gate.set()
    qtbot.waitUntil(lambda: len(seen) == 5)
    assert seen == [1, 2, 3, 4, 5]
    qtbot.waitUntil(lambda: not window.status.cancel.isVisible())
    qtbot.waitUntil(lambda: window.central.view.strain.message() == "")


def test_cancel_keeps_done_frames_and_continue_finishes(
    window: MainWindow, fake: FakeEngine, recording_path: Path, qtbot: QtBot
) -> None:
    fake.gate.clear()
    window.open_paths((recording_path,))
    qtbot.waitUntil(lambda: bool(fake.started))
    run = window.state.run
    assert run is not None
    sequence = window.state.recording.sequence if window.state.recording else None
    assert sequence is not None
    run.store.add(fake_estimate(sequence, run.settings, 1))
    window.commands.cancel()
    assert run.status == "cancelled"
    assert window.state.activity is None
    fake.gate.set()
    qtbot.wait(30)
    assert run.store.frames() == (1,)
    window.commands.processing.start()
    qtbot.waitUntil(lambda: run.status == "complete")
    assert window.state.run is run
    assert run.store.frames() == (1, 2, 3, 4, 5)


def test_engine_error_is_told_and_keeps_the_recording(
    window: MainWindow, fake: FakeEngine, recording_path: Path, qtbot: QtBot
) -> None:
    fake.error = BrokenError("the method needs at least 999 lines, found 32")
    window.open_paths((recording_path,))
    texts: list[str] = []
    qtbot.waitUntil(lambda: bool(texts.append(shown_error(window)) or texts[-1]))
    assert texts[-1] == "the method needs at least 999 lines, found 32"
    assert window.state.recording is not None
    assert window.state.run is not None
    assert window.state.run.status == "failed"
    fake.error = None
    window.commands.processing.start()
    qtbot.waitUntil(lambda: window.state.run is not None and window.state.run.status == "complete")


def test_unexpected_error_is_told_too(window: MainWindow, fake: FakeEngine, recording_path: Path, qtbot: QtBot) -> None:
    fake.error = ZeroDivisionError("division by zero")
    window.open_paths((recording_path,))
    texts: list[str] = []
    qtbot.waitUntil(lambda: bool(texts.append(shown_error(window)) or texts[-1]))
    assert "ZeroDivisionError" in texts[-1]


def test_each_method_keeps_its_own_run(opened: MainWindow, qtbot: QtBot) -> None:
    first = opened.state.run
    opened.commands.processing.choose_method("second")
    assert opened.state.run is None
    assert opened.state.picture is not None
    assert opened.state.picture.strain is None
    assert "Second method" in opened.central.view.strain.message()
    opened.commands.processing.start()
    qtbot.waitUntil(lambda: opened.state.run is not None and opened.state.run.status == "complete")
    qtbot.waitUntil(lambda: opened.state.picture is not None and opened.state.picture.strain is not None)
    assert opened.state.run is not first
    opened.commands.processing.choose_method("first")
    assert opened.state.run is first
    qtbot.waitUntil(lambda: opened.state.picture is not None and opened.state.picture.strain is not None)


def test_a_method_brings_its_strain_window_unless_the_user_chose_one(opened: MainWindow) -> None:
    first, second, *others = opened.state.methods
    opened.state.set_methods((first, replace(second, strain_window_m=1e-3), *others))
    processing = opened.commands.processing
    windows = []
    for method in ("second", "first"):
        processing.choose_method(method)
        windows.append(opened.state.settings.strain_parameters.window_m)
    processing.set_strain_parameters(LeastSquaresParams(window_m=3e-3))
    processing.choose_method("second")
    windows.append(opened.state.settings.strain_parameters.window_m)
    processing.choose_strain_method("least-squares")
    windows.append(opened.state.settings.strain_parameters.window_m)
    assert windows == [1e-3, 2e-3, 3e-3, 1e-3]


def test_a_recording_seen_for_the_first_time_is_read_in_the_methods_own_window(opened: MainWindow) -> None:
    first, *others = opened.state.methods
    opened.state.set_methods((replace(first, strain_window_m=1e-3), *others))
    opened.commands.processing.restore(KeptSettings())
    assert opened.state.settings.method == "first"
    assert opened.state.settings.strain_parameters == LeastSquaresParams(window_m=1e-3)


def test_second_run_with_other_reference(opened: MainWindow, qtbot: QtBot) -> None:
    opened.commands.processing.set_reference(3)
    assert opened.state.run is None
    opened.commands.processing.start()
    qtbot.waitUntil(lambda: opened.state.run is not None and opened.state.run.status == "complete")
    assert opened.state.run is not None
    assert opened.state.run.store.frames() == (0, 1, 2, 4, 5)
    opened.commands.playback.show_frame(3)
    qtbot.waitUntil(lambda: "reference frame" in opened.central.view.strain.message())


def test_pairs_beside_the_method_are_chosen_or_typed(opened: MainWindow) -> None:
    """The same texts as on the command line; one that is none leaves the pairs as they are."""
    panel = opened.findChild(MethodPanel)
    assert panel is not None
    box = panel.pairs.editors["pairing"]
    for text, one_reference in (("sliding", False), ("lag 3", False), ("0-2, 1-3", False), ("sliding added up", True)):
        box.setEditText(text)
        box.edited.emit()
        assert opened.state.settings.pairs.text == text
        assert panel.reference.isEnabled() == one_reference
    box.setEditText("often")
    box.edited.emit()
    assert opened.state.settings.pairs.text == "sliding added up"
    assert box.currentText() == "Steps added up from the reference"


def test_pairs_that_were_found_are_offered(opened: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    report = PairReport((PairScore(1, 4, -0.01, 0.9, 1.0, 8.0),), 1, 3, ((0, 2), (3, 5)), (0.0,) * 6)
    monkeypatch.setattr(pair_finding, "find_pairs", lambda *_args, **_named: report)
    panel = opened.findChild(MethodPanel)
    assert panel is not None
    usual = panel.pairs.editors["pairing"].count()
    for _ in range(2):  # a second look replaces what the first one found
        panel.find_pairs.click()
        qtbot.waitUntil(lambda: "Best pair 1-4" in opened.state.notice, timeout=10_000)
        qtbot.waitUntil(panel.find_pairs.isEnabled, timeout=10_000)
        box = panel.pairs.editors["pairing"]
        assert [box.itemData(row) for row in range(usual, box.count())] == ["1-4", "lag 3", "0-2, 3-5"]


def test_another_strain_window_filters_the_stored_displacement(
    opened: MainWindow, fake: FakeEngine, qtbot: QtBot
) -> None:
    started, before = len(fake.started), opened.state.run
    opened.commands.processing.set_strain_parameters(LeastSquaresParams(window_m=4e-3))
    qtbot.waitUntil(lambda: opened.state.run is not None and opened.state.run.status == "complete")
    run = opened.state.run
    assert run is not None
    assert run is not before
    assert len(fake.started) == started
    assert run.store.frames() == (1, 2, 3, 4, 5)
    strain, quality, _ = run.store.shown_maps(3)
    assert np.nanmax(np.abs(strain)) < 1e-6  # the fake displacement is zero
    assert quality[0, -1] == pytest.approx(0.9)
    assert run.store.summary(3).window_m == pytest.approx(4e-3, abs=4e-5)


class Watch:
    """Checks every picture at the moment it is shown against what the state says it is."""

    def __init__(self, window: MainWindow) -> None:
        self.window = window
        self.seen = 0
        self.wrong: list[str] = []
        window.state.picture_changed.connect(self.check)
        window.state.measurements_changed.connect(self.check)

    def check(self) -> None:
        state = self.window.state
        picture, recording = state.picture, state.recording
        if picture is None or picture.strain is None:
            return
        self.seen += 1
        assert recording is not None
        wanted = expected_strain(recording.sequence, state.settings.method, picture.frame)
        if not np.isclose(picture.strain[1, 1], wanted, rtol=1e-5):
            self.wrong.append(f"{state.settings.method} {picture.frame}: {picture.strain[1, 1]} is not {wanted}")
        caption = self.window.central.view.strain._caption.text()
        title = state.method.title if state.method else ""
        if caption and "against" in caption and title not in caption and self.window.state.picture is picture:
            self.wrong.append(f"caption {caption!r} under {title}")


def test_nothing_wrong_is_ever_shown_while_everything_is_switched(
    window: MainWindow, recording_path: Path, other_path: Path, qtbot: QtBot
) -> None:
    watch = Watch(window)
    random = np.random.default_rng(7)
    open_and_wait(window, (recording_path,), qtbot)
    for step in range(60):
        match random.integers(5):
            case 0:
                window.open_paths((other_path if step % 2 else recording_path,))
            case 1 | 2:
                window.commands.processing.choose_method("second" if step % 2 else "first")
                window.commands.processing.start()
            case _:
                window.commands.playback.show_frame(int(random.integers(6)))
        qtbot.wait(int(random.integers(0, 12)))
    window.commands.processing.start()
    qtbot.waitUntil(lambda: window.state.run is not None and window.state.run.status == "complete", timeout=60_000)
    assert watch.seen > 10
    assert not watch.wrong


def test_run_of_a_closed_recording_is_dropped(
    window: MainWindow, fake: FakeEngine, recording_path: Path, other_path: Path, qtbot: QtBot
) -> None:
    fake.gate.clear()
    window.open_paths((recording_path,))
    qtbot.waitUntil(lambda: bool(fake.started))
    window.open_paths((other_path,))
    qtbot.waitUntil(lambda: "two.h5" in window.windowTitle())
    fake.gate.set()
    qtbot.waitUntil(lambda: window.state.run is not None and window.state.run.status == "complete")
    assert window.state.run is not None
    assert window.state.run.recording == window.state.recording.number if window.state.recording else False


def make_sequence() -> RFSequence:
    geometry = Geometry(sampling_hz=40e6, center_hz=7e6, sound_speed_m_s=1540.0, pitch_m=0.3e-3)
    rf = np.ones((4, 20, 8), np.float32)
    return RFSequence.from_array(rf, geometry)


def test_gpu_out_of_memory_goes_on_visibly_on_the_cpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class OutOfMemoryError(RuntimeError):
        pass

    class Gpu:
        type = "cuda"

    sequence, settings = make_sequence(), Settings(method="first")
    asked: list[tuple[str, tuple[int, ...] | None]] = []

    def chain(
        sequence: RFSequence, settings: Settings, device: object, *_more: object, **_named: object
    ) -> list[FrameEstimate]:
        asked.append((str(getattr(device, "type", device)), settings.frames))
        frames = [1, 2, 3] if settings.frames is None else list(settings.frames)
        for frame in frames:
            if getattr(device, "type", "") == "cuda" and frame == 3:
                raise OutOfMemoryError("CUDA out of memory")
            yield fake_estimate(sequence, settings, frame)

    monkeypatch.setattr(estimation.pipeline, "run", chain)
    device = Device()
    device._chosen = Gpu()  # type: ignore[assignment]
    messages: list[object] = []
    control = JobControl(1, threading.Event(), lambda message: messages.append(message.value))
    store = RunStore(tmp_path / "store", sequence.geometry)
    assert estimation.estimate(sequence, settings, store, device, lambda: 1, control) == "cpu"
    assert store.frames() == (1, 2, 3)
    assert asked == [("cuda", None), ("cpu", (3,))]
    assert any(isinstance(value, Fallback) for value in messages)


def test_files_of_a_recording_that_is_gone_are_deleted(opened: MainWindow, other_path: Path, qtbot: QtBot) -> None:
    run = opened.state.run
    assert run is not None
    folder = run.store.folder
    assert len(list(folder.iterdir())) == FRAMES - 1
    open_and_wait(opened, (other_path,), qtbot)
    assert run.store.frames() == ()
    qtbot.waitUntil(lambda: not folder.exists())


def test_another_strain_filter_only_filters_anew(opened: MainWindow, qtbot: QtBot) -> None:
    """The Kalman filter comes with its own form; tracking is not repeated, and a filter that cannot run says why."""
    state = opened.state
    filters = (
        StrainMethodInfo("least-squares", "Least squares", LeastSquaresParams),
        StrainMethodInfo("kalman", "Kalman", KalmanParameters),
        StrainMethodInfo("end-to-end-cnn", "End-to-end CNN", KalmanParameters, "no weights"),
    )
    state.set_methods(state.methods, filters)
    panel = opened.findChild(MethodPanel)
    assert isinstance(panel, MethodPanel)
    before = state.run
    panel.strain_method.setCurrentIndex(panel.strain_method.findData("kalman"))
    assert (state.settings.strain_method, state.settings.strain_parameters) == ("kalman", KalmanParameters())
    qtbot.waitUntil(lambda: state.run is not None and state.run.status == "complete", timeout=20_000)
    assert state.run is not before
    assert state.run is not None
    assert state.run.store.frames() == (1, 2, 3, 4, 5)
    opened.commands.processing.choose_strain_method("end-to-end-cnn")
    assert "no weights" in state.notice
    assert state.settings.strain_method == "kalman"


def test_an_image_less_deep_than_the_window_is_said(opened: MainWindow, qtbot: QtBot) -> None:
    opened.commands.processing.set_parameters(FakeParams(window_m=10e-3))
    opened.commands.processing.start()
    qtbot.waitUntil(lambda: opened.state.run is not None and opened.state.run.status == "complete")
    assert "5.8 mm deep, less than the window of first, 10 mm" in opened.state.notice
