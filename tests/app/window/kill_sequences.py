"""Random use of a window that is killed in the middle, again and again: what was drawn must be there afterwards.

    python tests/app/window/kill_sequences.py --sequences 200

Each sequence is a process of its own on one folder of workspaces. It draws, edits, removes, undoes, steps, changes
methods and changes recordings at random, and tells of every change of the regions; then it gets SIGKILL. Of each
recording the regions on disk must be those that were there at most `--within` seconds before, or later ones. The last
line is a JSON object with what was found, and with the age of the oldest change that was not on disk at a kill.
"""

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).parents[3]))

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from app.controllers.estimation import Engine
from app.controllers.reading import OpenedFile
from app.jobs import JobControl
from app.preferences import Preferences
from app.state import Regions, Role
from app.state.workspace_store import WorkspaceStore
from app.window.main_window import MainWindow
from app.window.start_up.warming import warm_up
from engine.estimators.base import ESTIMATORS
from engine.types import Ellipse
from tests.app.window.conftest import FakeEngine, write_recording

Told = tuple[float, str, dict[str, Any]]


class User:
    """Does something every few milliseconds, and tells of every change of the regions."""

    def __init__(self, window: MainWindow, paths: list[Path], seed: int, tell: int) -> None:
        self.window, self.paths, self.random, self.tell = window, paths, random.Random(seed), tell
        self.key = ""
        window.state.recording_closing.connect(self.forget)
        window.state.regions_changed.connect(self.say)
        window.commands.files.opened.connect(self.begin)
        self.timer = QTimer(window)
        self.timer.timeout.connect(self.act)

    def forget(self) -> None:
        self.key = ""

    def begin(self, opened: OpenedFile) -> None:
        self.key = opened.key
        self.say()

    def say(self) -> None:
        if self.key:
            told = (time.monotonic(), self.key, asdict(self.window.state.regions))
            os.write(self.tell, json.dumps(told).encode() + b"\n")

    def act(self) -> None:
        window = self.window
        if window.state.recording is None:
            return
        regions = window.commands.regions
        role = self.random.choice(list(Role))
        actions = window.actions_by_name
        ways = (
            lambda: regions.edit(role, self.ellipse(), finished=self.random.random() < 0.7),
            lambda: regions.replace_all(Regions(self.ellipse(), self.ellipse()), "test"),
            lambda: (regions.select(role), regions.nudge(1, 1)),
            lambda: (regions.select(role), regions.delete_selected()),
            actions["undo"].trigger,
            actions["redo"].trigger,
            actions["start_afresh"].trigger,
            lambda: window.commands.playback.show_frame(self.random.randrange(6)),
            lambda: window.commands.processing.choose_method(self.random.choice(["first", "second"])),
            lambda: window.open_paths((self.random.choice(self.paths),)),
        )
        self.random.choices(ways, (20, 10, 15, 4, 6, 3, 1, 8, 4, 4))[0]()

    def ellipse(self) -> Ellipse:
        ends = ((-4, 4), (1, 5), (0.5, 2), (0.5, 2))
        return Ellipse(*(1e-3 * self.random.uniform(*pair) for pair in ends), self.random.uniform(-90, 90))


def use(paths: list[Path], seed: int, tell: int) -> None:
    """Be the process that is killed."""
    application = QApplication(sys.argv[:1])
    fake = FakeEngine()
    window = MainWindow(Preferences(theme="dark"), "cpu", Engine(fake.list_methods, fake.estimate))
    window.show()
    user = User(window, paths, seed, tell)
    window.open_paths((random.Random(seed).choice(paths),))
    user.timer.start(15)
    application.exec()


def run(paths: list[Path], seed: int, seconds: float) -> tuple[list[Told], float]:
    """Let one process work for some seconds after its first word and kill it; return what it told and when it ended."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            use(paths, seed, writing)
        finally:
            os._exit(1)
    os.close(writing)
    first = os.read(reading, 1 << 16)
    time.sleep(seconds)
    killed = time.monotonic()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    text = first
    while more := os.read(reading, 1 << 16):
        text += more
    os.close(reading)
    return [tuple(json.loads(line)) for line in text.splitlines() if line.endswith(b"]")], killed


def _last_index(said: list[tuple[float, dict[str, Any]]], found: dict[str, Any]) -> int:
    """Return the place of the last told state that is the one on disk, or -1 where it was told before."""
    return max((place for place, (_, regions) in enumerate(said) if regions == found), default=-1)


def tell(words: str) -> None:
    """Say something at once."""
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sequences", type=int, default=200)
    parser.add_argument("--within", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    list(ESTIMATORS)  # what every process would load anew
    warm_up(JobControl(0, threading.Event(), lambda _message: None))
    chance = random.Random(options.seed)
    changes = lost = torn = 0
    longest = 0.0
    with tempfile.TemporaryDirectory() as folder:
        os.environ["STRAINSCOPE_CONFIG"] = str(Path(folder) / "config")
        paths = [write_recording(Path(folder) / f"{number}.h5", number) for number in (1, 2, 3)]
        before: dict[str, Any] = {}
        for number in range(options.sequences):
            told, killed = run(paths, options.seed * 100_000 + number, chance.uniform(0.1, 3.0))
            changes += len(told)
            store = WorkspaceStore()
            for key in {key for _, key, _ in told}:
                said = [(when, regions) for when, of, regions in told if of == key]
                if key in before and said[0][1] != before[key]:
                    lost += 1
                    tell(f"sequence {number}: other regions at opening than were on disk")
                kept = store.get(key)
                old = [regions for when, regions in said if when <= killed - options.within]
                new = [regions for when, regions in said if when > killed - options.within]
                allowed = [*old[-1:], *new] if old else [*new, before.get(key, said[0][1])]
                found = asdict(Regions()) if kept is None else json.loads(json.dumps(kept.parts["regions"]))
                unsaved = [when for when, regions in said[_last_index(said, found) + 1 :]]
                longest = max([longest, *(killed - when for when in unsaved[:1])])
                torn += kept is None and (store.folder / f"{key}.json").exists()
                if found not in allowed:
                    lost += 1
                    tell(f"sequence {number}: {found} is on disk, {len(allowed)} states may be, last {allowed[-1]}")
                before[key] = found
    counts = {"sequences": options.sequences, "changes": changes, "lost": lost, "torn": torn}
    tell(json.dumps({**counts, "oldest_unsaved_s": round(longest, 2)}))
    return int(bool(lost or torn))


if __name__ == "__main__":
    raise SystemExit(main())
