"""The door to threads: order, numbers, superseding, cancelling, errors, the thread in which answers arrive."""

import threading
import time
from collections.abc import Iterator
from functools import partial

import pytest
from pytestqt.qtbot import QtBot

from app.jobs import Callbacks, JobControl, Worker


@pytest.fixture(name="worker")
def fixture_worker(qtbot: QtBot) -> Iterator[Worker]:
    worker = Worker("test")
    yield worker
    worker.close()


def give(value: object, _control: JobControl) -> object:
    return value


def test_answer_arrives_on_the_gui_thread(worker: Worker, qtbot: QtBot) -> None:
    seen: list[tuple[object, bool]] = []
    worker.submit(
        partial(give, 7),
        Callbacks(done=lambda value: seen.append((value, threading.current_thread() is threading.main_thread()))),
    )
    qtbot.waitUntil(lambda: bool(seen))
    assert seen == [(7, True)]


def test_jobs_run_one_after_the_other_in_order(worker: Worker, qtbot: QtBot) -> None:
    seen: list[int] = []
    for number in range(5):
        worker.submit(partial(give, number), Callbacks(done=seen.append))
    qtbot.waitUntil(lambda: len(seen) == 5)
    assert seen == [0, 1, 2, 3, 4]


def test_superseded_job_never_answers(worker: Worker, qtbot: QtBot) -> None:
    gate, running, seen, stopped = threading.Event(), threading.Event(), [], []

    def slow(control: JobControl) -> str:
        running.set()
        gate.wait(5)
        stopped.append(control.cancelled())
        control.item("late item")
        return "late"

    worker.submit(slow, Callbacks(done=seen.append, item=seen.append), slot="x")
    assert running.wait(5)
    worker.submit(partial(give, "middle"), Callbacks(done=seen.append), slot="x")
    worker.submit(partial(give, "last"), Callbacks(done=seen.append), slot="x")
    gate.set()
    qtbot.waitUntil(lambda: "last" in seen)
    assert seen == ["last"]
    assert stopped == [True]


def test_latest_keeps_the_running_job_and_drops_the_waiting_ones(worker: Worker, qtbot: QtBot) -> None:
    gate, running, seen = threading.Event(), threading.Event(), []

    def slow(_control: JobControl) -> str:
        running.set()
        gate.wait(5)
        return "running"

    worker.submit_latest(slow, Callbacks(done=seen.append), slot="x")
    assert running.wait(5)
    for name in ("dropped", "latest"):
        worker.submit_latest(partial(give, name), Callbacks(done=seen.append), slot="x")
    gate.set()
    qtbot.waitUntil(lambda: "latest" in seen)
    assert seen == ["running", "latest"]


def test_cancel_answers_at_once_while_the_job_is_still_on_its_way_out(worker: Worker, qtbot: QtBot) -> None:
    gate, running, seen = threading.Event(), threading.Event(), []

    def stubborn(_control: JobControl) -> None:
        running.set()
        gate.wait(5)

    number = worker.submit(stubborn, Callbacks(done=seen.append, cancelled=lambda: seen.append("cancelled")))
    assert running.wait(5)
    worker.cancel(number)
    assert seen == ["cancelled"]
    gate.set()
    qtbot.waitUntil(lambda: not worker.busy())
    qtbot.wait(20)
    assert seen == ["cancelled"]


def test_check_turns_into_a_cancelled_answer(worker: Worker, qtbot: QtBot) -> None:
    started, ended = threading.Event(), threading.Event()

    def polite(control: JobControl) -> None:
        started.set()
        try:
            while True:
                control.check()
                time.sleep(0.001)
        finally:
            ended.set()

    number = worker.submit(polite)
    assert started.wait(5)
    worker.cancel(number)
    assert ended.wait(1)


def test_every_error_comes_back(worker: Worker, qtbot: QtBot) -> None:
    seen: list[BaseException] = []

    def broken(_control: JobControl) -> None:
        raise MemoryError("no room")

    worker.submit(broken, Callbacks(failed=seen.append))
    qtbot.waitUntil(lambda: bool(seen))
    assert isinstance(seen[0], MemoryError)
    again: list[object] = []
    worker.submit(partial(give, "still alive"), Callbacks(done=again.append))
    qtbot.waitUntil(lambda: bool(again))


def test_last_progress_is_never_dropped(worker: Worker, qtbot: QtBot) -> None:
    seen: list[tuple[int, int]] = []

    def counts(control: JobControl) -> None:
        for done in range(1001):
            control.progress(done, 1000)

    worker.submit(counts, Callbacks(progress=lambda done, total: seen.append((done, total))))
    qtbot.waitUntil(lambda: (1000, 1000) in seen)
    assert len(seen) < 200


def test_closing_ends_the_thread(qtbot: QtBot) -> None:
    worker = Worker("closing")
    seen: list[object] = []

    def waits(control: JobControl) -> None:
        while not control.cancelled():
            time.sleep(0.001)

    worker.submit(waits, Callbacks(done=seen.append))
    worker.close()
    qtbot.wait(20)
    assert not seen
    assert "strainscope-closing" not in {thread.name for thread in threading.enumerate()}


def test_a_cancelled_job_that_does_not_stop_is_left_behind(worker: Worker, qtbot: QtBot) -> None:
    gate, running = threading.Event(), threading.Event()
    seen: list[object] = []

    def stuck(control: JobControl) -> str:
        running.set()
        gate.wait(20)
        control.item("late item")
        return "late"

    number = worker.submit(stuck, Callbacks(done=seen.append, item=seen.append, cancelled=partial(seen.append, "told")))
    worker.submit(partial(give, "next"), Callbacks(done=seen.append))
    assert running.wait(5)
    worker.cancel(number)
    assert seen == ["told"]
    qtbot.waitUntil(lambda: "next" in seen)  # long before the gate opens
    assert not worker.busy()
    gate.set()
    worker.submit(partial(give, "after"), Callbacks(done=seen.append))
    qtbot.waitUntil(lambda: "after" in seen)
    qtbot.waitUntil(lambda: sum(thread.name == "strainscope-test" for thread in threading.enumerate()) == 1)
    assert seen == ["told", "next", "after"]
