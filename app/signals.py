"""Signals in the program's first moments, before there is anything to unwind: one line and the status, at once.

What the console script imports first, so it imports next to nothing; `termination` takes over once work begins.
"""

import atexit
import os
import signal
from types import FrameType

NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
STATUS = 130
LINE = b"strainscope: interrupted\n"

_BEFORE: dict[int, object] = {}


def answer_signals() -> None:
    """End at the signals that end a program with one line; those that are ignored stay ignored."""
    for name in NAMES:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            _BEFORE[number] = signal.signal(number, end)
    atexit.register(_ignore)  # the first to be registered runs last: all is done, and the interpreter taken apart


def give_signals_back() -> None:
    """Let the signals do what they did before: a window waits where no handler of ours would run."""
    for number, handler in _BEFORE.items():
        signal.signal(number, handler)  # type: ignore[arg-type]
    _BEFORE.clear()


def end(_number: int, _frame: FrameType | None) -> None:
    """Say so and leave: nothing has been begun, or all is done."""
    os.write(2, LINE)
    os._exit(STATUS)


def _ignore() -> None:
    for number in _BEFORE:
        signal.signal(number, signal.SIG_IGN)
