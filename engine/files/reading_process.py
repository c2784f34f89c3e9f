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
SILENCE_S = 60.0
"""How long an answer may take; what the child computes meanwhile it limits itself, in processor time."""

LARGEST_ANSWER = 2**28
_LENGTH = struct.Struct("<I")
_TYPE = re.compile(r"[<>|][biuf][1248]|[<>]f16")


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
                [sys.executable, "-I", "-S", str(PROGRAM)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            self._owner = os.getpid()
            self._send(sys.path)

    def ask(self, request: dict[str, Any]) -> tuple[dict[str, Any], NDArray[Any] | None]:
        """Return the answer, and the array that comes with it; a ReadingEndedError if there is none."""
        with self._lock:
            self.start()
            assert self._child is not None
            watch = threading.Timer(SILENCE_S, self._child.kill)
            watch.daemon = True
            watch.start()
            try:
                self._send(request)
                return self._receive()
            except (OSError, EOFError):
                raise ReadingEndedError(self._end()) from None
            except BaseException:  # an interruption between question and answer: the next question needs a fresh child
                self._end()
                raise
            finally:
                watch.cancel()

    def ask_if_running(self, request: dict[str, Any]) -> None:
        """Ask what only matters to a child that is there, and pass over its end."""
        with self._lock, suppress(ReadingEndedError):
            if self._child is not None and self._owner == os.getpid():
                self.ask(request)

    def close(self) -> None:
        """End the child."""
        with self._lock:
            if self._child is not None and self._owner == os.getpid():
                self._end()

    def _send(self, message: object) -> None:
        assert self._child is not None
        assert self._child.stdin is not None
        text = json.dumps(message).encode()
        self._child.stdin.write(_LENGTH.pack(len(text)) + text)
        self._child.stdin.flush()

    def _receive(self) -> tuple[dict[str, Any], NDArray[Any] | None]:
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
        assert self._child is not None
        assert self._child.stdout is not None
        while view:
            read = self._child.stdout.readinto(view)  # type: ignore[attr-defined]
            if not read:
                raise EOFError
            view = view[read:]

    def _end(self) -> str:
        """End the child and say why it had to be."""
        child, self._child = self._child, None
        if child is None:
            return ""
        with suppress(OSError):
            child.kill()
        status = child.wait()
        for pipe in (child.stdin, child.stdout):
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()
        if hasattr(signal, "SIGPROF") and status == -signal.SIGPROF:
            return "damaged file: reading it comes to no end"
        if status == -signal.SIGKILL if hasattr(signal, "SIGKILL") else False:
            return f"reading it took longer than {SILENCE_S:g} s, or more memory than there is"
        return "damaged file: reading it ended the process that read it"


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
