"""Frames that are read while those before them are computed: a GPU would wait for the disk and for decompression."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from engine.types import Map, RFSequence

MOST = 32
"""Frames that are read before they are asked for, and of those that were, kept for whoever asks again."""


class FramesAhead:
    """Called with a frame's number it returns the frame, and a thread goes on to those that follow in an order.

    Frames may be asked for in any order, also others; an error of reading one is raised to whoever asks for it.
    """

    def __init__(self, read: Callable[[int], Map], order: Sequence[int]) -> None:
        self._read = read
        self._order = order
        self._place = {frame: place for place, frame in enumerate(order)}
        self._next = 0
        self._changed = threading.Condition()
        self._unused: dict[int, Map | Exception] = {}
        self._used: dict[int, Map | Exception] = {}
        self._reading: int | None = None
        self._ended = False
        threading.Thread(target=self._go_on, name="strainscope-reading-ahead", daemon=True).start()

    def __call__(self, index: int) -> Map:
        """Return a frame (H, W), read by now or here."""
        with self._changed:
            self._changed.wait_for(lambda: self._reading != index)
            found = self._unused.pop(index, None)
            found = self._used.get(index) if found is None else found
            if found is not None:
                self._keep(index, found)
            elif index in self._place:  # whoever asks has gone elsewhere
                self._next = self._place[index] + 1
                self._unused.clear()
                self._changed.notify_all()
        if found is None:
            found = self._read(index)
            with self._changed:
                self._keep(index, found)
        if isinstance(found, Exception):
            raise found
        return found

    def end(self) -> None:
        """Read no more; what is being read is left to itself."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _keep(self, index: int, found: Map | Exception) -> None:
        self._used[index] = found
        while len(self._used) > MOST:
            del self._used[next(iter(self._used))]
        self._changed.notify_all()

    def _go_on(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._ended or self._has_room())
                if self._ended:
                    return
                index = self._reading = self._order[self._next]
                self._next += 1
            try:
                found: Map | Exception = self._read(index)
            except Exception as error:  # noqa: BLE001 - it is raised where the frame is asked for
                found = error
            with self._changed:
                self._unused[index], self._reading = found, None
                self._changed.notify_all()

    def _has_room(self) -> bool:
        return self._next < len(self._order) and len(self._unused) < MOST


@contextmanager
def read_ahead(sequence: RFSequence, order: Sequence[int]) -> Iterator[RFSequence]:
    """Give the same recording, whose frames are read ahead in an order until this ends.

    >>> import numpy as np
    >>> from engine.types import Geometry
    >>> rf = np.arange(24.0).reshape(3, 4, 2)
    >>> with read_ahead(RFSequence.from_array(rf, Geometry(40e6, 5e6, 1540.0, 3e-4)), (1, 2)) as sequence:
    ...     float(sequence.frame(2)[0, 0])
    16.0
    """
    frames = FramesAhead(sequence.read_frame, order)
    try:
        yield replace(sequence, read_frame=frames)
    finally:
        frames.end()
