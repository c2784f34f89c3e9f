"""Ctrl-C and the signals that end a program: noted at once, acted on between the calls of libraries.

An exception that is raised inside a callback of a foreign library (HDF5 that writes, a destructor) breaks that
library or is swallowed. So the first signal is only noted, and KeyboardInterrupt is raised at once where no library is
in the middle of anything, else at the first call after it has come back. A command that asks `interruptions` is not
interrupted at all: it ends in its own time. The second signal ends the program at once, whatever any library does, and
removes the temporary files that were being written.
"""

import _thread
import math
import os
import signal
import socket
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from app.signals import NAMES, STATUS, end

CLEANING_S = 5.0
"""How long what an interruption unwinds may take before it counts as swallowed."""

LOOK_EVERY_S = 1e-3
"""How often is asked whether it is safe: at every call, a stack as deep as an import's takes all the time there is."""

AT_ONCE = b"strainscope: ended at once\n"

_PLUMBING = (str(Path(__file__).parents[1] / "engine" / "files") + os.sep, __file__, weakref.__file__)
"""What runs from these files, or is called from them, is never cut short: files are put in their place, and finalisers
swallow what is raised in them."""

_WAITING = "wait_for_answer"
"""The wait for the reading process, which may be long and holds nothing: `ReadingProcess.ask` clears up after it."""

_IMPORTED = "<module>"
"""What runs while a file is imported, which has nothing open yet."""

_LIBRARY = f"{os.sep}h5py{os.sep}"
_UNBROKEN = frozenset({"__enter__", "__exit__", "__del__", "__torch_function__", "cb"})
"""`cb` is what `importlib` names a finaliser of its own."""


class EndedEarlyError(Exception):
    """A command that ended in its own time after a signal; the message says what is done and how to go on."""


class _Signals:
    """What has been asked for so far; one instance, since signals belong to the process."""

    def __init__(self) -> None:
        self.count = 0
        self.cooperative = 0
        self.raised_at = self._looked_at = -math.inf

    def note(self, _number: int, frame: FrameType | None) -> None:
        """Handle the signal in the main thread: note it, and interrupt where that is safe."""
        self.count += 1
        if self.cooperative:
            return
        sys.setprofile(self._look)
        if frame is not None:
            self._interrupt_if_safe(frame, time.monotonic())

    def _look(self, frame: FrameType, _event: str, _argument: Any) -> None:
        now = time.monotonic()
        if now - self._looked_at > LOOK_EVERY_S:
            self._looked_at = now
            self._interrupt_if_safe(frame, now)

    def _interrupt_if_safe(self, frame: FrameType, now: float) -> None:
        """Raise, and not again for a while: what cleans up is left in peace. Raising ends the profiling as well."""
        if now - self.raised_at > CLEANING_S and may_interrupt(frame):
            self.raised_at = now
            raise KeyboardInterrupt


_SIGNALS = _Signals()


def was_interrupted() -> bool:
    """Say whether a signal was acted on since `forget_signals`: what fails then, fails because of that."""
    return _SIGNALS.raised_at > -math.inf


def forget_signals() -> None:
    """Begin anew."""
    _SIGNALS.count, _SIGNALS.raised_at = 0, -math.inf


def may_interrupt(frame: FrameType) -> bool:
    """Say whether an exception raised in this frame breaks no library and no file that is being put in its place."""
    outer: FrameType | None = frame
    while outer is not None:
        code = outer.f_code
        if code.co_name == _WAITING:
            return True
        plumbing = code.co_filename.startswith(_PLUMBING) or _LIBRARY in code.co_filename
        if code.co_name in _UNBROKEN or (plumbing and code.co_name != _IMPORTED):
            return False
        outer = outer.f_back
    return True


@contextmanager
def ended_like_ctrl_c() -> Iterator[None]:
    """Let the signals that end a program end the block by a KeyboardInterrupt; those ignored stay ignored."""
    if threading.current_thread() is not threading.main_thread():  # where no handler can be set
        yield
        return
    numbers = [getattr(signal, name) for name in NAMES if hasattr(signal, name)]
    usual = (signal.SIG_DFL, signal.default_int_handler, end)
    taken = {number: signal.getsignal(number) for number in numbers if signal.getsignal(number) in usual}
    if taken:
        forget_signals()
    with _second_ends(frozenset(int(number) for number in taken)):
        for number in taken:
            signal.signal(number, _SIGNALS.note)
        try:
            yield
        finally:
            sys.setprofile(None)
            for number, handler in taken.items():
                signal.signal(number, handler)


@contextmanager
def interruptions() -> Iterator[Callable[[], bool]]:
    """Let the work in the block end in its own time, checkpoint and all: yield the question whether it should."""
    before = _SIGNALS.count
    _SIGNALS.cooperative += 1
    try:
        with ended_like_ctrl_c():
            yield lambda: _SIGNALS.count > before
    finally:
        _SIGNALS.cooperative -= 1


@contextmanager
def _second_ends(numbers: frozenset[int]) -> Iterator[None]:
    """Watch for the second signal on a thread of its own: the main one may be deep in a library.

    The first is sent once more while the block goes on: some callback may have swallowed what it raised.
    """
    if not numbers:
        yield
        return
    told, tells = socket.socketpair()
    tells.setblocking(False)
    before = signal.set_wakeup_fd(tells.fileno(), warn_on_full_buffer=False)
    watcher = threading.Thread(target=_watch, args=(told, numbers), name="strainscope-signals", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        tells.close()
        watcher.join()
        told.close()


def _watch(told: socket.socket, numbers: frozenset[int]) -> None:
    seen: list[int] = []
    own = 0
    while True:
        try:
            received = told.recv(64)
        except TimeoutError:
            own += 1  # it comes back here like any other
            _give_again(seen[0])
            continue
        if not received:
            return
        seen += [number for number in received if number in numbers]
        if len(seen) - own > 1:
            end_at_once()
        if seen:
            told.settimeout(CLEANING_S)


def _give_again(number: int) -> None:
    if hasattr(signal, "pthread_kill"):  # which also wakes a thread that waits
        signal.pthread_kill(threading.main_thread().ident or 0, number)
    else:
        _thread.interrupt_main(signal.Signals(number))


def end_at_once() -> None:
    """End the process without waiting for anything, with no half-written file left."""
    from engine.files.atomic import discard_unfinished

    discard_unfinished()
    os.write(2, AT_ONCE)
    os._exit(STATUS)
