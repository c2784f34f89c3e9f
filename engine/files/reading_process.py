"""The client of the reading process: starts it before it is needed, asks, and starts another when it had to be ended.

Requests and answers go through pipes, see `hdf5_process`; nothing is unpickled. The child limits its own processor time
and memory; here its silence is limited, so that a dead network share ends in a line too.
"""

import atexit
import json
import os
import re
import signal
import struct
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

PROGRAM = Path(__file__).with_name("hdf5_process.py")
READ_HDF5 = "--read-hdf5"
"""The one argument of a frozen program that is to be the child; it has no Python beside it to run `PROGRAM`."""

SILENCE_S = 60.0
"""How long an answer may take; what the child computes meanwhile it limits itself, in processor time."""

ENDING_S = 2.0
"""How long a child that was killed may take to end before it is left to itself."""

LARGEST_ANSWER = 2**28
_LENGTH = struct.Struct("<I")
_TYPE = re.compile(r"[<>|][biuf][1248]|[<>]f16")


Answer = tuple[dict[str, Any], NDArray[Any] | None]


class ReadingEndedError(Exception):
    """The reading process had to be ended, or ended itself, while it read a file; the message says which."""


class ReadingProcess:
    """One child at a time, and a lock around it; a fork of this process starts a child of its own."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._child: subprocess.Popen[bytes] | None = None
        self._owner = 0

    def start(self) -> None:
        """Start the child if there is none; returns before it is ready."""
        with self._lock:
            if self._child is not None and self._owner == os.getpid() and self._child.poll() is None:
                return
            # Isolated, and without what `site` does: the child gets our search path, and is ready in less time.
            self._child = subprocess.Popen(
                [sys.executable, *([READ_HDF5] if hasattr(sys, "frozen") else ["-I", "-S", str(PROGRAM)])],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
            )
            self._owner = os.getpid()
            with suppress(OSError):  # it is gone already, which the first question finds out
                _send(self._child, sys.path)

    def ask(self, request: dict[str, Any]) -> Answer:
        """Return the answer, and the array that comes with it; a ReadingEndedError if there is none."""
        with self._lock:
            self.start()
            assert self._child is not None
            exchange = _Exchange(self._child, request)
            try:
                exchange.start()
                wait_for_answer(exchange)
            except BaseException:  # an interruption between question and answer: the next question needs a fresh child
                self._end()
                raise
            if exchange.answer is None:
                raise ReadingEndedError(self._end())
            return exchange.answer

    def ask_if_running(self, request: dict[str, Any]) -> None:
        """Ask what only matters to a child that is there, and pass over its end."""
        with self._lock, suppress(ReadingEndedError):
            if self._child is not None and self._owner == os.getpid():
                self.ask(request)

    def close(self) -> None:
        """End the child, also while another thread waits for its answer."""
        child = self._child
        if child is None or self._owner != os.getpid():
            return
        with suppress(OSError):
            child.kill()
        if self._lock.acquire(timeout=ENDING_S):
            try:
                self._end()
            finally:
                self._lock.release()

    def forget_lock(self) -> None:
        """Take a fresh lock in a fork: the thread that held the old one is not there."""
        self._lock = threading.RLock()

    def _end(self) -> str:
        """End the child and say why it had to be; one that the system holds fast is left behind."""
        child, self._child = self._child, None
        if child is None:
            return ""
        status: int | None = None
        with suppress(OSError, subprocess.TimeoutExpired):
            child.kill()
            status = child.wait(ENDING_S)
        for pipe in (child.stdin, child.stdout):
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()
        if status is not None and hasattr(signal, "SIGPROF") and status == -signal.SIGPROF:
            return "damaged file: reading it comes to no end"
        if status is None or (hasattr(signal, "SIGKILL") and status == -signal.SIGKILL):
            return f"reading it took longer than {SILENCE_S:g} s, or more memory than there is"
        return "damaged file: reading it ended the process that read it"


class _Exchange(threading.Thread):
    """One question to a child and its answer, which stays None where there is none."""

    def __init__(self, child: "subprocess.Popen[bytes]", request: dict[str, Any]) -> None:
        super().__init__(name="strainscope-reading", daemon=True)
        self.answer: Answer | None = None
        self._child, self._request = child, request

    def run(self) -> None:
        """Send, and receive; whatever is no answer is the child's end."""
        with suppress(OSError, EOFError, ValueError, TypeError, KeyError):
            _send(self._child, self._request)
            self.answer = self._received()

    def _received(self) -> Answer:
        (length,) = _LENGTH.unpack(self._take(_LENGTH.size))
        if length > LARGEST_ANSWER:
            raise EOFError
        answer = json.loads(self._take(length))
        if "shape" not in answer or "type" not in answer or "kind" in answer:
            return answer, None
        values = np.empty([int(size) for size in answer["shape"]], stored_type(answer["type"]))
        if values.size:
            self._fill(memoryview(values.reshape(-1).view(np.uint8).data))
        return answer, values

    def _take(self, count: int) -> bytes:
        data = bytearray(count)
        self._fill(memoryview(data))
        return bytes(data)

    def _fill(self, view: memoryview) -> None:
        assert self._child.stdout is not None
        while view:
            read = self._child.stdout.readinto(view)  # type: ignore[attr-defined]
            if not read:
                raise EOFError
            view = view[read:]


def wait_for_answer(exchange: _Exchange) -> None:
    """Wait for an answer, or for the end of patience; an interruption ends the wait, as `app.termination` knows."""
    exchange.join(SILENCE_S)


def _send(child: "subprocess.Popen[bytes]", message: object) -> None:
    assert child.stdin is not None
    text = json.dumps(message).encode()
    left = memoryview(_LENGTH.pack(len(text)) + text)
    while left:
        left = left[child.stdin.write(left) :]


def stored_type(text: Any) -> np.dtype[Any]:
    """Return the type that an answer names: a number, or a pair of numbers with names."""
    if isinstance(text, list):
        return np.dtype([(str(name), stored_type(each)) for name, each in text])
    if not _TYPE.fullmatch(str(text)):
        raise EOFError
    return np.dtype(str(text))


PROCESS = ReadingProcess()
"""The reading process of this program."""

atexit.register(PROCESS.close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=PROCESS.forget_lock)
