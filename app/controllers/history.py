"""Undo and redo of everything that is drawn on the images: one drag, or one run of key presses, is one step back."""

import time
from collections.abc import Callable
from typing import Generic, TypeVar

from PySide6.QtCore import QObject, Slot
from PySide6.QtGui import QUndoCommand, QUndoStack

MERGE_S = 1.0
"""Key presses of one kind that follow each other faster than this are one step of undo."""

T = TypeVar("T")


class Change(QUndoCommand, Generic[T]):
    """From one value to another, both taken to the state by `apply`."""

    def __init__(self, apply: Callable[[T], None], before: T, after: T, words: str, merge_id: int) -> None:
        super().__init__(words)
        self._apply = apply
        self.before = before
        self.after = after
        self._merge_id = merge_id

    def redo(self) -> None:
        """Set the new value."""
        self._apply(self.after)

    def undo(self) -> None:
        """Set the old value."""
        self._apply(self.before)

    def id(self) -> int:
        """Return the number under which steps merge; -1 never does."""
        return self._merge_id

    def mergeWith(self, other: QUndoCommand) -> bool:
        """Take a later step into this one."""
        if not isinstance(other, Change) or other.id() != self._merge_id:
            return False
        self.after = other.after
        return True


class History(QObject):
    """The steps of one window; those of different controllers lie in one row, as the user made them.

    `settle` holds what makes a step of a drag that has begun: called before any other step is made, undone or redone,
    so that a drag in which a key is pressed leaves the steps in the order in which things changed.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.stack = QUndoStack(self)
        self.settle: list[Callable[[], None]] = []
        self._steps: list[QUndoCommand] = []  # Python must keep what the stack holds by pointer
        self._gesture = ""
        self._gesture_id = 0
        self._gesture_at = 0.0

    def push(self, apply: Callable[[T], None], before: T, after: T, words: str, gesture: str = "") -> None:
        """Set a value as one step; steps of the same `gesture` that follow each other fast are one."""
        self._settle()
        if before == after:
            return
        now = time.monotonic()
        if gesture != self._gesture or now - self._gesture_at > MERGE_S:
            self._gesture_id += 1
        self._gesture, self._gesture_at = gesture, now
        step = Change(apply, before, after, words, self._gesture_id if gesture else -1)
        self._steps.append(step)
        self.stack.push(step)

    @Slot()
    def undo(self) -> None:
        """Take the last step back; while something is dragged, that is the drag so far."""
        self._settle()
        self.stack.undo()

    @Slot()
    def redo(self) -> None:
        """Make the step again that was taken back last."""
        self._settle()
        self.stack.redo()

    def _settle(self) -> None:
        for settle in self.settle:
            settle()

    def clear(self) -> None:
        """Forget all steps: what they change is gone."""
        self.stack.clear()
        self._steps.clear()
