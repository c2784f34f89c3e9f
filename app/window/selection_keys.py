"""Keys that move, resize and turn what is selected on the images, whatever it is."""

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent

from app.controllers.selectable import Selectable

ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}
TURNS_DEG = {
    Qt.Key.Key_BracketLeft: -1.0,
    Qt.Key.Key_BracketRight: 1.0,
    Qt.Key.Key_BraceLeft: -10.0,
    Qt.Key.Key_BraceRight: 10.0,
}
"""Braces are the brackets with Shift on most keyboards; where neither is a key of its own there is R."""
R_TURN_DEG = 5.0
FAST = 10


def arrow_of(event: QKeyEvent) -> tuple[int, int] | None:
    """Return the steps to the right and down of an arrow key, or None for another key."""
    return ARROWS.get(Qt.Key(event.key()))


def take_key(event: QKeyEvent, drawn: Sequence[Selectable]) -> bool:
    """Let a key do its work on what is selected; say whether it had any."""
    modifiers, key = event.modifiers(), Qt.Key(event.key())
    if key in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
        return any(entry.put_in_the_middle() for entry in drawn)
    selected = next((entry for entry in drawn if entry.is_selected()), None)
    if selected is None:
        return False
    shift = bool(modifiers & Qt.KeyboardModifier.ShiftModifier)
    steps = ARROWS.get(key)
    if steps is not None:
        across, down = (step * (FAST if shift else 1) for step in steps)
        if modifiers & Qt.KeyboardModifier.AltModifier:
            selected.resize(across, -down)
        else:
            selected.nudge(across, down)
        return True
    degrees = TURNS_DEG.get(key)
    if key is Qt.Key.Key_R and not modifiers & ~Qt.KeyboardModifier.ShiftModifier:
        degrees = -R_TURN_DEG if shift else R_TURN_DEG
    elif degrees is not None and shift and abs(degrees) == 1:
        degrees *= FAST
    if degrees is None:
        return False
    selected.turn(degrees)
    return True
