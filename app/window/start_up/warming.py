"""Load what exports need while the window is idle: at the first export it would hold up the window's thread."""

from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event

import numpy as np
from PySide6.QtCore import QObject, Slot

from app.jobs import JobControl
from app.window.feature import FEATURES, Entry, FeatureContext
from app.window.start_up.collecting import settle_memory
from engine.types import Geometry

FORMATS = (".png", ".pdf", ".svg")
_WARM = Event()
"""Set once all is loaded: a second window of the program finds it so."""


class Warming(QObject):
    """Waits until the methods are loaded, then draws figures nobody sees."""

    def __init__(self, context: FeatureContext) -> None:
        super().__init__(context.window)
        self._state = context.state
        self._worker = context.jobs.numbers
        self._state.methods_changed.connect(self._begin)

    @Slot()
    def _begin(self) -> None:
        self._state.methods_changed.disconnect(self._begin)
        self._worker.submit(warm_up)


def warm_up(control: JobControl) -> None:
    """Load matplotlib, its fonts and its writers; runs on the thread for numbers, which has nothing to do yet."""
    if _WARM.is_set():
        return
    from engine.figures.content import FigureContent, StrainPanel
    from engine.figures.save import save_figure

    geometry = Geometry(sampling_hz=40e6, center_hz=5e6, sound_speed_m_s=1540.0, pitch_m=0.3e-3)
    strain = np.linspace(-0.02, -0.01, 64 * 16, dtype=np.float32).reshape(64, 16)
    content = FigureContent((StrainPanel("", strain),), geometry)
    try:
        with TemporaryDirectory(prefix="strainscope-") as folder:
            for suffix in FORMATS:
                control.check()
                save_figure(content, Path(folder) / f"figure{suffix}", 50)
        _WARM.set()
    finally:
        settle_memory()


def build(context: FeatureContext) -> tuple[Entry, ...]:
    """No actions: it works unseen."""
    Warming(context)
    return ()


FEATURES.register("warming", build)
