"""Cine in real time: the clock decides the frame, so a slow screen skips frames and never time."""

import math
import time

from PySide6.QtCore import QObject, QTimer, Slot

from app.state import ViewerState
from engine.reliability.frame import best_frame

TICK_MS = 15
ASSUMED_RATE_HZ = 20.0
"""Playing speed of a recording that does not give its frame rate."""


class PlaybackController(QObject):
    """Steps, jumps and plays."""

    def __init__(self, state: ViewerState, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._speed = 1.0
        self.assumed_rate_hz = ASSUMED_RATE_HZ
        self._started_at = 0.0
        self._started_frame = 0
        self._timer = QTimer(self)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self._tick)
        state.recording_changed.connect(self.pause)
        state.playing_changed.connect(self._playing_changed)

    def show_frame(self, frame: int) -> None:
        """Go to a frame; playing goes on from there."""
        self._state.set_frame(frame)
        self._restart_clock()

    def step(self, frames: int) -> None:
        """Go some frames on or back, stopping at the ends."""
        self.pause()
        self._state.set_frame(self._state.frame + frames)

    def first(self) -> None:
        """Go to the first frame."""
        self.show_frame(0)

    def last(self) -> None:
        """Go to the last frame."""
        if self._state.recording is not None:
            self.show_frame(self._state.recording.frames - 1)

    def best(self) -> None:
        """Go to the frame whose strain can be trusted most."""
        run = self._state.run
        frames = () if run is None else run.store.frames()
        best = None if run is None else best_frame(run.store.summary(frame).reliability for frame in frames)
        self._go(best, "No frame of this run can be relied on." if frames else "There is no estimated frame yet.")

    def best_contrast(self) -> None:
        """Go to the frame of the highest CNR, or, without two measurable regions, of the highest SNRe."""
        for name in ("cnr", "snre"):
            values = {frame: entry.values[name].value for frame, entry in self._state.history.items()}
            finite = {frame: value for frame, value in values.items() if math.isfinite(value)}
            if finite:
                self._go(max(finite, key=lambda frame: finite[frame]), "")
                return
        self._go(None, "There is no measured frame yet.")

    def _go(self, frame: int | None, otherwise: str) -> None:
        if frame is None:
            self._state.set_notice(otherwise)
        else:
            self.pause()
            self._state.set_frame(frame)

    def set_speed(self, speed: float) -> None:
        """Play faster or slower than real time."""
        self._speed = speed
        self._restart_clock()

    def toggle(self) -> None:
        """Play or pause."""
        if self._state.playing:
            self.pause()
        elif self._state.recording is not None and self._state.recording.frames > 1:
            self._restart_clock()
            self._timer.start()
            self._state.set_playing(True)

    @Slot()
    def pause(self) -> None:
        """Stop playing."""
        self._timer.stop()
        self._state.set_playing(False)

    @Slot()
    def _playing_changed(self) -> None:
        """Stop with whoever stops playing, as a frame that cannot be read does."""
        if not self._state.playing:
            self._timer.stop()

    def rate_hz(self) -> float:
        """Frames a second at the present speed."""
        recording = self._state.recording
        rate = None if recording is None else recording.sequence.geometry.frame_rate_hz
        return (rate or self.assumed_rate_hz) * self._speed

    def _restart_clock(self) -> None:
        self._started_at = time.monotonic()
        self._started_frame = self._state.frame

    @Slot()
    def _tick(self) -> None:
        recording = self._state.recording
        if recording is None:
            self.pause()
            return
        passed = int((time.monotonic() - self._started_at) * self.rate_hz())
        frame = (self._started_frame + passed) % recording.frames
        if not self._is_empty(frame):
            self._state.set_frame(frame)

    def _is_empty(self, frame: int) -> bool:
        """Say whether it is the reference, whose strain would be blank once a loop: the frame before it stays."""
        run = self._state.run
        if run is None or not run.settings.pairs.one_reference or not run.store.frames():
            return False
        return frame == run.settings.reference
