"""Everything is switched at once, fast and at random: no result may ever be seen where it does not belong."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.controllers.estimation import Engine
from app.state import Role
from app.state.run_store import RunStore
from app.window.main_window import MainWindow
from engine.metrics.contrast import region_metrics
from engine.pipeline import Settings
from engine.types import Ellipse, RFSequence

from .conftest import FRAMES, FakeEngine, expected_strain, fake_estimate, open_and_wait

MEAN_OVER_VALUE = (1.0020, 1.0030)
"""A quarter of the fake map is one per cent higher, so its mean is this far above its constant."""


class Witness:
    """Looks at everything that is shown, at the moment at which it is shown."""

    def __init__(self, window: MainWindow) -> None:
        self.window = window
        self.pictures = self.numbers = self.histories = 0
        self.wrong: list[str] = []
        state = window.state
        state.picture_changed.connect(self.see_picture)
        state.measurements_changed.connect(self.see_numbers)
        state.history_changed.connect(self.see_history)

    def wanted(self, frame: int) -> float:
        state = self.window.state
        assert state.recording is not None
        return expected_strain(state.recording.sequence, state.settings.method, frame)

    def say(self, what: str, found: object) -> None:
        state = self.window.state
        self.wrong.append(f"{what}: {found} under {state.settings.method}, {state.recording}, frame {state.frame}")

    def see_picture(self) -> None:
        state, picture = self.window.state, self.window.state.picture
        if picture is None:
            return
        if state.recording is None or picture.recording != state.recording.number:
            self.say("picture of another recording", picture.recording)
        if picture.run != (None if state.run is None else state.run.number):
            self.say("picture of another run", picture.run)
        if picture.strain is None:
            if self.window.central.view.strain.image.has_image():
                self.say("old strain stays on screen", picture.frame)
            return
        self.pictures += 1
        if not np.isclose(picture.strain[1, 1], self.wanted(picture.frame), rtol=1e-5):
            self.say("strain", picture.strain[1, 1])
        if picture.reference_frame != state.settings.reference:
            self.say("reference", picture.reference_frame)
        if picture.averaged[-1] != picture.frame or len(picture.averaged) > picture.persistence:
            self.say("averaged frames", picture.averaged)

    def see_numbers(self) -> None:
        state, measured = self.window.state, self.window.state.measurements
        picture, recording = state.picture, state.recording
        if not measured.values or recording is None:
            return
        self.numbers += 1
        if picture is None or picture.strain is None or measured.frame != picture.frame:
            self.say("numbers without their picture", measured.frame)
            return
        regions = state.regions
        again = region_metrics(
            picture.strain,
            recording.sequence.geometry,
            regions.target,
            regions.background,
            window_m=picture.window_m,
        )
        for name in ("mean_image", "mean_target", "cnr"):
            values = measured.values[name].value, again[name].value
            if not np.array_equal(*values, equal_nan=True):
                self.say(f"number {name}", values)

    def see_history(self) -> None:
        self.histories += 1
        for frame, entry in self.window.state.history.items():
            ratio = entry.values["mean_image"].value / (-100 * self.wanted(frame))
            if not MEAN_OVER_VALUE[0] < ratio < MEAN_OVER_VALUE[1]:
                self.say(f"history of frame {frame}", ratio)


class SlowEngine(FakeEngine):
    """Takes a random time for each frame, and now and then pays no attention to being cancelled."""

    def estimate(self, sequence: RFSequence, settings: Settings, *given: Any) -> str:
        *others, control = given
        random = np.random.default_rng(settings.reference)

        class Deaf:
            """A control that hears of a cancel only after every other frame."""

            asked = 0
            item, progress = control.item, control.progress

            def check(self) -> None:
                time.sleep(random.uniform(0, 2e-3))
                Deaf.asked += 1
                if Deaf.asked % 2:
                    control.check()

        return super().estimate(sequence, settings, *others, Deaf())


@pytest.fixture(name="fake")
def fixture_fake() -> FakeEngine:
    return SlowEngine()


def act(window: MainWindow, random: np.random.Generator, paths: tuple[Path, Path]) -> None:
    """Do one thing at random, as a hurried user would."""
    commands = window.commands
    match int(random.integers(10)):
        case 0:
            window.open_paths((paths[random.integers(2)],))
        case 1:
            commands.processing.choose_method("second" if random.integers(2) else "first")
        case 2:
            commands.processing.start()
        case 3:
            commands.cancel()
        case 4:
            commands.processing.set_reference(int(random.integers(2)))
        case 5:
            place = Ellipse(*random.uniform((-2e-3, 2e-3), (2e-3, 4e-3)), 1e-3, 1e-3)
            commands.regions.set_ellipse(Role.TARGET, place)
        case 6:
            commands.playback.toggle()
        case 7:
            commands.change_display(persistence=int(random.integers(1, 4)), relative=bool(random.integers(2)))
        case _:
            commands.playback.show_frame(int(random.integers(FRAMES)))


def strain_is_shown(window: MainWindow) -> bool:
    """Say whether the strain of the frame that is looked at is on screen."""
    picture = window.state.picture
    return picture is not None and picture.frame == window.state.frame and picture.strain is not None


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_result_is_ever_seen_where_it_does_not_belong(
    window: MainWindow, recording_path: Path, other_path: Path, qtbot: QtBot, seed: int
) -> None:
    random = np.random.default_rng(seed)
    open_and_wait(window, (recording_path,), qtbot)
    witness = Witness(window)
    for _ in range(120):
        act(window, random, (recording_path, other_path))
        if random.integers(3):
            qtbot.wait(int(random.integers(1, 15)))
    window.commands.playback.pause()
    state = window.state
    qtbot.waitUntil(lambda: not window.commands.files.is_running(), timeout=10_000)
    window.commands.processing.start()
    qtbot.waitUntil(lambda: state.run is not None and state.run.status == "complete", timeout=10_000)
    qtbot.waitUntil(lambda: len(state.history) == FRAMES - 1, timeout=10_000)
    for frame in sorted(set(range(FRAMES)) - {state.settings.reference}):
        window.commands.playback.show_frame(frame)
        qtbot.waitUntil(lambda: strain_is_shown(window), timeout=10_000)
    assert witness.wrong == []
    assert min(witness.pictures, witness.numbers) >= FRAMES - 1
    assert witness.histories > 0


def test_a_frame_that_a_cancelled_run_brings_late_is_shown_when_the_run_goes_on(
    make_window: Callable[..., MainWindow], fake: FakeEngine, recording_path: Path, qtbot: QtBot
) -> None:
    begun, brought = threading.Event(), threading.Event()

    def estimate(sequence: RFSequence, settings: Settings, store: RunStore, *others: Any) -> str:
        """Bring the last frame only once the run is cancelled, as a solver that cannot be interrupted does."""
        control = others[-1]
        if settings.method == "second" and not brought.is_set():
            begun.set()
            while not control.cancelled():
                time.sleep(1e-3)
            store.add(fake_estimate(sequence, settings, FRAMES - 1))
            brought.set()
            control.check()
        return fake.estimate(sequence, settings, store, *others)

    window = make_window(engine=Engine(fake.list_methods, estimate))
    open_and_wait(window, (recording_path,), qtbot)
    state, commands = window.state, window.commands
    commands.processing.choose_method("second")
    commands.playback.show_frame(FRAMES - 1)
    commands.processing.start()
    assert begun.wait(5)
    commands.cancel()
    assert brought.wait(5)
    commands.processing.start()
    qtbot.waitUntil(lambda: state.run is not None and state.run.status == "complete")
    qtbot.waitUntil(lambda: strain_is_shown(window))
    qtbot.waitUntil(lambda: len(state.history) == FRAMES - 1)


def test_a_late_picture_of_the_recording_before_is_dropped(
    opened: MainWindow, other_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    gate, asked = threading.Event(), threading.Event()
    recording = opened.state.recording
    assert recording is not None
    read = type(recording.sequence).frame

    def slow(sequence: RFSequence, index: int) -> object:
        if sequence is recording.sequence and threading.current_thread().name == "strainscope-pictures":
            asked.set()
            gate.wait(10)
        return read(sequence, index)

    opened.commands.pictures._cache._kept.clear()
    monkeypatch.setattr(RFSequence, "frame", slow)
    witness = Witness(opened)
    opened.commands.playback.show_frame(4)
    assert asked.wait(5)
    opened.open_paths((other_path,))
    qtbot.waitUntil(lambda: opened.state.recording is not recording)
    gate.set()
    qtbot.waitUntil(lambda: opened.state.picture is not None and opened.state.picture.strain is not None)
    assert witness.wrong == []
