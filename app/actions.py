"""Every menu entry and key in one table: name, words, key, icon, what it does, and when it can be done."""

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QWidget

from app.theme import icon

KEY_MAP = (
    ("Space", "Play or pause"),
    ("Left, Right", "Frame before, next frame; with an ellipse selected: move it"),
    ("Up, Down", "With an ellipse selected: move it"),
    ("Shift + arrows", "Move the ellipse ten times as far"),
    ("Home, End", "First frame, last frame"),
    ("G", "Go to the best frame: highest CNR, without two regions highest SNRe"),
    ("T, B", "Select the target, the background; again, or without one: draw it"),
    ("Delete", "Remove the selected ellipse"),
    ("Escape", "Leave the tool, then the selection; stop playing"),
    ("F", "Show the whole image"),
    ("O", "Strain over B-mode on and off"),
    ("Ctrl+O", "Open a recording"),
    ("Ctrl+R", "Estimate strain, or go on with it"),
    ("Ctrl+.", "Cancel"),
    ("Ctrl+Z, Ctrl+Shift+Z", "Undo, redo"),
    ("Ctrl+E", "Export a figure"),
    ("Ctrl+Shift+E", "Export the table of all metrics"),
    ("Ctrl+Shift+S", "Save the result"),
    ("F1", "This list"),
)
"""What the help shows; the keys themselves are in `make_actions` and the main window's plain keys."""

NUDGES = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}


@dataclass(frozen=True)
class ActionInfo:
    """One entry; `hint` is shown as its key where the key is handled elsewhere."""

    name: str
    text: str
    do: Callable[[], None]
    key: str = ""
    icon: str = ""
    hint: str = ""
    checkable: bool = False


def make_actions(parent: QWidget, infos: tuple[ActionInfo, ...]) -> dict[str, QAction]:
    """Build the actions of a window by name."""
    actions: dict[str, QAction] = {}
    for info in infos:
        action = QAction(f"{info.text}\t{info.hint}" if info.hint else info.text, parent)
        if info.key:
            action.setShortcut(QKeySequence(info.key))
        words = info.text.replace("\u2026", "").replace("&", "")
        shown = info.key or info.hint
        action.setToolTip(f"{words} ({shown})" if shown else words)
        action.setCheckable(info.checkable)
        if info.icon:
            action.setIcon(icon(info.icon))
            action.setProperty("icon_name", info.icon)
        action.triggered.connect(_Call(info.do))
        actions[info.name] = action
    return actions


def restyle(actions: dict[str, QAction]) -> None:
    """Tint the icons for the theme in force."""
    for action in actions.values():
        name = action.property("icon_name")
        if name:
            action.setIcon(icon(name))


def nudge_of(event: QKeyEvent) -> tuple[int, int] | None:
    """Return the steps by which an arrow key moves an ellipse, or None for another key."""
    steps = NUDGES.get(Qt.Key(event.key()))
    if steps is None:
        return None
    factor = 10 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1
    return steps[0] * factor, steps[1] * factor


class _Call:
    """Drop the `checked` argument that Qt passes along."""

    def __init__(self, do: Callable[[], None]) -> None:
        self._do = do

    def __call__(self, _checked: bool = False) -> None:
        self._do()
