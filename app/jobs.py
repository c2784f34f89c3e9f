"""The one door to threads: a job is a function run on a worker's thread; its answers come back on the GUI thread.

Each worker runs one job at a time, in order of submission. Every submission has a number. A new submission to the same
`slot` supersedes the older ones of that slot: their late answers are dropped, so no answer can appear where it no
longer belongs. A job gets a `JobControl` and calls `progress(done, total)`, `cancelled()` and `item(value)` as it
goes; a thrown exception comes back to `failed`.

Cancelling answers at once. A cancelled job that does not stop soon, deep in a solver that nobody can interrupt, is left
to itself: its worker goes on with a new thread, and what the old job still says is dropped.
"""

import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot

from engine.errors import CancelledError
from engine.failures import explanation, record

PROGRESS_PERIOD_S = 0.1
"""Progress is told at most this often: queued signals have no back-pressure."""

SWITCH_INTERVAL_S = 2e-4
"""How long a thread may keep the interpreter while the window's thread waits; Python's own 5 ms add up to a stutter."""

PATIENCE_MS = 250
"""How long a worker waits for a cancelled job before it goes on without it."""

CLOSE_TIMEOUT_S = 2.0
"""How long closing waits for jobs that have been told to stop."""


def _ignore(*_arguments: object) -> None:
    """Stand in for an answer nobody asked for."""


@dataclass(frozen=True)
class Callbacks:
    """Where a job's answers go; every function is called on the GUI thread.

    Exactly one of `done`, `failed` and `cancelled` is called for a job that was not superseded.
    """

    done: Callable[[Any], None] = _ignore
    failed: Callable[[BaseException], None] = _ignore
    cancelled: Callable[[], None] = _ignore
    item: Callable[[Any], None] = _ignore
    progress: Callable[[int, int], None] = _ignore


@dataclass(frozen=True)
class _Message:
    """One envelope from a worker's thread to the GUI thread."""

    number: int
    kind: Literal["done", "failed", "cancelled", "item", "progress"]
    value: Any = None


class JobControl:
    """What a running job sees of the outside: whether to stop, and where to tell how far it is."""

    def __init__(self, number: int, stop: threading.Event, post: Callable[[_Message], None]) -> None:
        self._number = number
        self._stop = stop
        self._post = post
        self._told_at = 0.0

    def cancelled(self) -> bool:
        """Say whether the job should stop."""
        return self._stop.is_set()

    def check(self) -> None:
        """Raise CancelledError if the job should stop."""
        if self.cancelled():
            raise CancelledError("cancelled")

    def progress(self, done: int, total: int) -> None:
        """Tell how far the job is; calls that come too fast are dropped, the last one never is."""
        now = time.monotonic()
        if done < total and now - self._told_at < PROGRESS_PERIOD_S:
            return
        self._told_at = now
        self._post(_Message(self._number, "progress", (done, total)))

    def item(self, value: object) -> None:
        """Hand over a partial result: a frozen value, or an array nobody writes to any more."""
        self._post(_Message(self._number, "item", value))


@dataclass
class _Submission:
    number: int
    work: Callable[[JobControl], Any]
    callbacks: Callbacks
    slot: str
    stop: threading.Event = field(default_factory=threading.Event)


class Worker(QObject):
    """One thread and its queue."""

    _posted = Signal(object)

    def __init__(self, name: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._condition = threading.Condition()
        self._waiting: deque[_Submission] = deque()
        self._live: dict[int, _Submission] = {}
        self._number = 0
        self._closing = False
        self._running: _Submission | None = None
        self._posted.connect(self._deliver, Qt.ConnectionType.QueuedConnection)
        self._name = name
        self._thread = self._new_thread()

    def submit(self, work: Callable[[JobControl], Any], callbacks: Callbacks | None = None, *, slot: str = "") -> int:
        """Queue a job and return its number; with a `slot`, older jobs of that slot are superseded."""
        self._number += 1
        submission = _Submission(self._number, work, callbacks or Callbacks(), slot)
        with self._condition:
            if slot:
                self._supersede(slot)
            self._live[submission.number] = submission
            self._waiting.append(submission)
            self._condition.notify_all()
        return submission.number

    def submit_latest(self, work: Callable[[JobControl], Any], callbacks: Callbacks, *, slot: str) -> int:
        """Queue a job in place of those of its slot that have not begun; the one that runs still answers.

        For streams whose answers carry their own label, as pictures of a cine do: superseding the running job each
        time would starve the screen.
        """
        with self._condition:
            stale = [entry for entry in self._waiting if entry.slot == slot]
            for entry in stale:
                self._waiting.remove(entry)
                self._live.pop(entry.number, None)
        self._number += 1
        submission = _Submission(self._number, work, callbacks, slot)
        with self._condition:
            self._live[submission.number] = submission
            self._waiting.append(submission)
            self._condition.notify_all()
        return submission.number

    def cancel(self, number: int) -> None:
        """Stop a job: `cancelled` is called at once, and whatever it still says is dropped."""
        submission = self._live.pop(number, None)
        if submission is None:
            return
        submission.stop.set()
        with self._condition:
            if submission in self._waiting:
                self._waiting.remove(submission)
            running = submission is self._running
        if running:
            QTimer.singleShot(PATIENCE_MS, self, partial(self._leave_behind, submission))
        submission.callbacks.cancelled()

    def busy(self) -> bool:
        """Say whether a job waits or runs (a cancelled one may still be on its way out)."""
        with self._condition:
            return self._running is not None or bool(self._waiting)

    def drain(self, timeout_s: float) -> None:
        """Wait until every job that was submitted is done, or so long; their answers come later."""
        with self._condition:
            self._condition.wait_for(lambda: self._running is None and not self._waiting, timeout_s)

    def close(self) -> None:
        """Stop everything and end the thread; nothing is delivered from here on."""
        self.stop()
        self.join(CLOSE_TIMEOUT_S)

    def stop(self) -> None:
        """Tell every job to stop; nothing is delivered from here on."""
        with self._condition:
            self._closing = True
            self._waiting.clear()
            for submission in self._live.values():
                submission.stop.set()
            if self._running is not None:
                self._running.stop.set()
            self._condition.notify_all()
        self._live.clear()

    def join(self, timeout_s: float) -> None:
        """Wait for the thread of a stopped worker; one that is deep in a solver ends with the program."""
        self._thread.join(max(timeout_s, 0.0))

    def _new_thread(self) -> threading.Thread:
        # Daemon: a job that cannot be interrupted (one network frame on a slow CPU) must not keep the process alive.
        thread = threading.Thread(target=self._serve, name=f"strainscope-{self._name}", daemon=True)
        thread.start()
        return thread

    def _leave_behind(self, submission: _Submission) -> None:
        with self._condition:
            if submission is not self._running or self._closing:
                return
            self._running = None
            self._thread = self._new_thread()

    def _supersede(self, slot: str) -> None:
        for submission in [entry for entry in self._live.values() if entry.slot == slot]:
            submission.stop.set()
            del self._live[submission.number]
            if submission in self._waiting:
                self._waiting.remove(submission)

    def _serve(self) -> None:
        """Run jobs until closed, or until another thread has taken over; this is the worker's thread."""
        submission: _Submission | None = None
        while True:
            with self._condition:
                if submission is not self._running:
                    return
                self._running = submission = None
                self._condition.notify_all()
                while not self._waiting and not self._closing:
                    self._condition.wait()
                if self._closing:
                    return
                self._running = submission = self._waiting.popleft()
            self._post(self._run(submission))

    def _run(self, submission: _Submission) -> _Message:
        control = JobControl(submission.number, submission.stop, self._post)
        try:
            return _Message(submission.number, "done", submission.work(control))
        except CancelledError:
            return _Message(submission.number, "cancelled")
        except BaseException as error:  # noqa: BLE001 - the door to the GUI: whatever a job throws must be shown
            if explanation(error) is None:
                record(error)
            return _Message(submission.number, "failed", error)

    def _post(self, message: _Message) -> None:
        if not self._closing:
            self._posted.emit(message)

    @Slot(object)
    def _deliver(self, message: _Message) -> None:
        submission = self._live.get(message.number)
        if submission is None or self._closing:
            return
        if message.kind in {"done", "failed", "cancelled"}:
            del self._live[message.number]
        callbacks = submission.callbacks
        match message.kind:
            case "done":
                callbacks.done(message.value)
            case "failed":
                callbacks.failed(message.value)
            case "cancelled":
                callbacks.cancelled()
            case "item":
                callbacks.item(message.value)
            case "progress":
                callbacks.progress(*message.value)


class Jobs(QObject):
    """The workers of the window.

    `engine` estimates, `pictures` prepares what is shown, `numbers` measures all frames, `files` opens and exports,
    `keeping` writes workspaces, which wait for nothing else, `results` reads and writes kept results.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        # Qt would paint even an outline with several threads, and wait for them while estimating has all processors.
        os.environ.setdefault("QT_NO_GUI_THREADPOOL", "1")
        self.engine = Worker("engine", self)
        self.pictures = Worker("pictures", self)
        self.numbers = Worker("numbers", self)
        self.files = Worker("files", self)
        self.keeping = Worker("keeping", self)
        self.results = Worker("results", self)

    def close(self) -> None:
        """End every thread: all are told to stop before the first is waited for."""
        workers = (self.engine, self.pictures, self.numbers, self.files, self.keeping, self.results)
        for worker in workers:
            worker.stop()
        until = time.monotonic() + CLOSE_TIMEOUT_S
        for worker in workers:
            worker.join(until - time.monotonic())
