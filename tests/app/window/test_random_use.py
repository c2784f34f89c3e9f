"""A user in a hurry: actions, keys, drags and every field at random; no error, no wrong map, no thread left behind.

A seed that fails is in the name of the test, and what was done last is in the message.
"""

import random
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QComboBox,
    QDialog,
    QDockWidget,
    QDoubleSpinBox,
    QFileDialog,
    QGraphicsView,
    QMessageBox,
    QSpinBox,
    QToolButton,
    QWidget,
)
from pytestqt.qtbot import QtBot

from app.features.profile.controller import ProfileController
from app.features.profile.state import ProfileState
from app.state import Regions
from app.window.main_window import MainWindow
from engine.metrics.profile import ProfileLine

from .conftest import expected_strain, open_and_wait

STEPS = 90
NAMED_KEYS = ("Left", "Right", "Up", "Down", "Delete", "Escape", "Return", "Space")
KEYS = [getattr(Qt.Key, f"Key_{name}") for name in NAMED_KEYS]
KEYS += [getattr(Qt.Key, f"Key_{letter}") for letter in "TBLPQE"]
NEVER = {"quit", "warm_up", "demo", "adapt"}
FIELDS = (QComboBox, QAbstractSpinBox, QAbstractButton)


class Monkey:
    """Does one thing after another, and remembers what."""

    def __init__(self, window: MainWindow, paths: list[Path], seed: int) -> None:
        self.window, self.paths, self.random = window, paths, random.Random(seed)
        self.done: list[str] = []

    def act(self) -> None:
        """Do one thing."""
        dialogs = [dialog for dialog in self.window.findChildren(QDialog) if dialog.isVisible()]
        if dialogs and self.random.random() < 0.7:
            self.answer(dialogs[-1])
            return
        do = self.random.choices(
            (self.action, self.drag, self.key, self.field, self.open, self.shape, self.undo_all),
            (25, 20, 12, 25, 6, 6, 6),
        )[0]
        do()

    def note(self, *words: object) -> None:
        self.done.append(" ".join(map(str, words)))

    def answer(self, dialog: QDialog) -> None:
        self.note("answer", type(dialog).__name__)
        if isinstance(dialog, QMessageBox):
            self.random.choice(dialog.buttons()).click()
        else:
            self.random.choice([dialog.accept, dialog.reject])()

    def action(self) -> None:
        name = self.random.choice([name for name in self.window.actions_by_name if name not in NEVER])
        self.note("action", name)
        self.window.actions_by_name[name].trigger()

    def drag(self) -> None:
        views = [view for view in self.window.findChildren(QGraphicsView) if view.isVisible()]
        port = self.random.choice(views).viewport()
        start, end = (QPoint(self.random.randrange(port.width()), self.random.randrange(port.height())) for _ in "ab")
        self.note("drag", start.toTuple(), end.toTuple())
        QTest.mousePress(port, Qt.MouseButton.LeftButton, pos=start)
        QTest.mouseMove(port, (start + end) / 2)
        if self.random.random() < 0.2:
            self.key()
        QTest.mouseMove(port, end)
        QTest.mouseRelease(port, Qt.MouseButton.LeftButton, pos=end)

    def key(self) -> None:
        key = self.random.choice(KEYS)
        self.note("key", key.name)
        QTest.keyClick(self.window, key)

    def field(self) -> None:
        fields = [field for field in self.window.findChildren(QWidget) if isinstance(field, FIELDS)]
        field = self.random.choice([field for field in fields if field.isVisible() and field.isEnabled()])
        self.note("field", type(field).__name__, field.accessibleName())
        if isinstance(field, QComboBox) and field.count():
            field.setCurrentIndex(self.random.randrange(field.count()))
        elif isinstance(field, QSpinBox | QDoubleSpinBox):
            field.setValue(self.random.choice([field.minimum(), field.maximum(), field.value() + field.singleStep()]))
        elif isinstance(field, QAbstractButton) and not (isinstance(field, QToolButton) and field.defaultAction()):
            field.click()

    def open(self) -> None:
        path = self.random.choice(self.paths)
        self.note("open", path.name)
        self.window.open_paths((path,))

    def shape(self) -> None:
        self.note("shape")
        self.window.resize(*self.random.choice([(200, 200), (1200, 760)]))
        dock = self.random.choice(self.window.findChildren(QDockWidget))
        self.random.choice([dock.close, dock.show])()

    def undo_all(self) -> None:
        """Go back to the beginning and forward again: everything drawn must come back exactly."""
        self.note("undo all")
        history, drawn = self.window.commands.regions.history, [self.drawn()]
        steps = 0
        while history.stack.canUndo():
            history.undo()
            drawn.append(self.drawn())
            steps += 1
        for before in reversed(drawn[:-1]):
            history.redo()
            assert self.drawn() == before
        assert steps == len(drawn) - 1

    def drawn(self) -> tuple[Regions, ProfileLine | None]:
        return self.window.state.regions, self.window.state.slice(ProfileState).line

    def look(self) -> None:
        """Check that what is shown belongs to what is chosen."""
        state, picture = self.window.state, self.window.state.picture
        if picture is None or state.recording is None:
            return
        assert picture.recording == state.recording.number
        assert picture.run == (None if state.run is None else state.run.number)
        if picture.strain is not None and state.settings.strain_method == "least-squares" and state.run is not None:
            wanted = expected_strain(state.recording.sequence, state.settings.method, picture.frame)
            shown = picture.strain[1, 1]
            again = np.isnan(shown)  # the rim of what the real filter makes of the fake displacement
            assert again or picture.persistence > 1 or np.isclose(shown, wanted, rtol=1e-5)


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """File dialogs answer by themselves: now and then with nothing."""
    chosen = random.Random(0)

    def ask(*_arguments: object, **_options: object) -> tuple[str, str]:
        return (str(tmp_path / f"out{chosen.randrange(9)}") if chosen.random() < 0.7 else ""), ""

    def ask_many(*_arguments: object, **_options: object) -> tuple[list[str], str]:
        return [], ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", ask)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_arguments: ("", ""))
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", ask_many)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_arguments: "")
    monkeypatch.setattr(QFileDialog, "exec", lambda _dialog: 0)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_user_in_a_hurry(
    window: MainWindow, recording_path: Path, other_path: Path, tmp_path: Path, qtbot: QtBot, seed: int
) -> None:
    (tmp_path / "broken.h5").write_bytes(recording_path.read_bytes()[:3000])
    open_and_wait(window, (recording_path,), qtbot)
    window.commands.part(ProfileController)
    monkey = Monkey(window, [recording_path, other_path, tmp_path / "broken.h5", tmp_path / "absent.h5"], seed)
    try:
        with qtbot.captureExceptions() as caught:
            for _ in range(STEPS):
                monkey.act()
                qtbot.wait(monkey.random.choice([0, 0, 2, 5]))
                monkey.look()
        assert caught == []
    except BaseException:
        print(f"seed {seed}; last done: {'; '.join(monkey.done[-12:])}")  # noqa: T201
        raise
    finally:
        for dialog in window.findChildren(QDialog):
            dialog.close()
