"""Which frames are estimated: from, to, every n-th, with the meaning of `--frames` on the command line."""

import math
from itertools import pairwise

from PySide6.QtCore import QSignalBlocker, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSpinBox, QWidget

Frames = tuple[int, ...] | None


class FrameRange(QWidget):
    """Asks for frames by `changed`, which carries a tuple of numbers, or None for all of them."""

    changed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.first, self.last, self.step = (
            _spin("First frame", "First frame that is estimated, counted from 0"),
            _spin("Last frame", "Last frame that is estimated"),
            _spin("Every n-th frame", "Estimate every n-th frame only"),
        )
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(3)
        for widget in (self.first, QLabel("to"), self.last, QLabel("every"), self.step):
            row.addWidget(widget, 1 if isinstance(widget, QSpinBox) else 0)
        for spin in (self.first, self.last, self.step):
            spin.valueChanged.connect(self._tell)

    def show_frames(self, frames: Frames, count: int) -> None:
        """Show the frames chosen of `count`; an uneven choice shows its ends and the step that all of it fits."""
        end = max(count - 1, 0)
        self.setEnabled(count > 2)
        if self.last.maximum() == end and self.frames() == frames:
            return  # the end of an uneven range stays where it was put
        chosen = frames or tuple(range(count))
        steps = [later - earlier for earlier, later in pairwise(chosen)]
        with QSignalBlocker(self.first), QSignalBlocker(self.last), QSignalBlocker(self.step):
            for spin, low, value in (
                (self.first, 0, chosen[0] if chosen else 0),
                (self.last, 0, chosen[-1] if chosen else 0),
                (self.step, 1, math.gcd(*steps) if steps else 1),
            ):
                spin.setRange(low, max(end, low))
                spin.setValue(value)

    def frames(self) -> Frames:
        """Return the frames that are shown; None for all of them."""
        first, last = sorted((self.first.value(), self.last.value()))
        if (first, last, self.step.value()) == (0, self.last.maximum(), 1):
            return None
        return tuple(range(first, last + 1, self.step.value()))

    @Slot()
    def _tell(self) -> None:
        self.changed.emit(self.frames())


def _spin(name: str, words: str) -> QSpinBox:
    spin = QSpinBox()
    spin.setAccessibleName(name)
    spin.setToolTip(words)
    spin.setKeyboardTracking(False)
    return spin
