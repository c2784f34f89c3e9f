"""Python's cycle collection on the window's thread alone.

A collection may delete widgets that only a cycle still held. Python starts one on whatever thread happens to allocate,
and Qt's objects must not be deleted by another thread than theirs: that ends in a crash, rarely and anywhere.
"""

import gc
from functools import cache

from PySide6.QtCore import QObject, QTimer, Slot
from PySide6.QtWidgets import QMainWindow

from app.window.feature import FEATURES, Entry, FeatureContext

PERIOD_MS = 500
SETTLED_MS = 60_000
"""Memory counts as settled after this time in any case, for example where the methods cannot be loaded."""


@cache
def settle_memory() -> None:
    """Take all that was loaded out of collection, once, and allow collections from now on.

    The libraries hold 350 000 objects that never go; looking through them took 0.1 to 0.2 s each time.
    """
    gc.freeze()


class Collector(QObject):
    """Collects from a timer while any window is open, generation by generation as Python itself would.

    It waits until memory is settled: what is loaded at the start leaves no cycles worth the time.
    """

    _open = 0

    def __init__(self, window: QMainWindow) -> None:
        super().__init__(window)
        Collector._open += 1
        gc.disable()
        self._stopped = False
        self._timer = QTimer(self)
        self._timer.setInterval(PERIOD_MS)
        self._timer.timeout.connect(self.collect)
        self._timer.start()
        QTimer.singleShot(SETTLED_MS, self, settle_memory)

    @Slot()
    def collect(self) -> None:
        """Collect the oldest generation whose count has passed its threshold."""
        if not settle_memory.cache_info().currsize:
            return
        due = [
            generation
            for generation, (count, threshold) in enumerate(zip(gc.get_count(), gc.get_threshold(), strict=True))
            if threshold and count > threshold
        ]
        if due:
            gc.collect(due[-1])

    def stop(self) -> None:
        """Leave collection to Python again once the last window is closed."""
        if not self._stopped:
            self._stopped = True
            self._timer.stop()
            Collector._open -= 1
            if Collector._open == 0:
                gc.enable()


def build(context: FeatureContext) -> tuple[Entry, ...]:
    """No actions: it works unseen."""
    context.at_close.append(Collector(context.window).stop)
    return ()


FEATURES.register("collecting", build)
