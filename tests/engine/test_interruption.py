"""Stopping in the middle of a computation, in its own thread alone."""

import threading

import pytest
import torch

from engine.errors import CancelledError
from engine.interruption import interrupted_by
from engine.side_by_side import SideBySide


def test_stops_at_the_next_operation() -> None:
    stop = threading.Event()
    value = torch.zeros(())
    done: list[int] = []

    def work() -> None:
        for step in range(1000):
            done.append(int(value + step))
            if step == 10:
                stop.set()

    with pytest.raises(CancelledError), interrupted_by(stop.is_set):
        work()
    assert done == list(range(11))


def test_changes_no_result_and_ends_with_the_block() -> None:
    with interrupted_by(lambda: False):
        inside = torch.arange(6.0).reshape(2, 3).matmul(torch.ones(3))
    assert inside.tolist() == [3.0, 12.0]
    with interrupted_by(lambda: True):
        pass
    assert float(torch.ones(3).sum()) == 3


def test_other_threads_go_on() -> None:
    sums: list[float] = []
    with interrupted_by(lambda: True):
        other = threading.Thread(target=lambda: sums.append(float(torch.ones(4).sum())))
        other.start()
        other.join()
    assert sums == [4.0]


def test_work_that_is_handed_to_other_threads_stops_too() -> None:
    """Else whoever cancels would wait for frames that are computed side by side, and for a network's mirror image."""
    stop, begun = threading.Event(), threading.Event()

    def endless() -> object:
        value = torch.zeros(())
        while True:
            value = value + 1
            begun.set()

    own = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with interrupted_by(stop.is_set), SideBySide(2) as threads:
            result = threads.begin(endless)  # type: ignore[arg-type]
            assert begun.wait(10)
            stop.set()
            with pytest.raises(CancelledError):
                result()
    finally:
        torch.set_num_threads(own)
