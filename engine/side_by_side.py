"""Frames that a CPU computes side by side: threads within one frame mostly wait for one another, its maps are small."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Self, TypeVar

import torch

from engine.failures import is_out_of_memory
from engine.interruption import as_here

T = TypeVar("T")
R = TypeVar("R")

MOST = 4
"""Frames that are in memory together at most."""


class SideBySide:
    """Threads for some frames, which share those of torch; one after the other once memory does not suffice for more.

    Work returns what waits for its result, as work of a GPU does.

    >>> with SideBySide(3) as threads:
    ...     waiting = [threads.begin(lambda: torch.ones(2).sum().item) for _ in range(3)]
    ...     [result() for result in waiting]
    [2.0, 2.0, 2.0]
    """

    def __init__(self, frames: int) -> None:
        self._own = torch.get_num_threads()
        self.count = max(min(frames, self._own, MOST), 1)
        self._alone = self.count == 1
        self._pool = ThreadPoolExecutor(
            self.count, initializer=torch.set_num_threads, initargs=(self._own // self.count,)
        )

    def begin(self, work: Callable[[], Callable[[], T]], *, at_once: bool = False) -> Callable[[], T]:
        """Begin some work that depends on nothing else; return what waits for its result, or raises its error.

        A single one, and what is wanted `at_once`, is done here and now with all threads, or raises its error here.
        """
        if self._alone:
            return work()
        if at_once:
            return self._with_room(work, work)
        future = self._pool.submit(as_here(work))
        return lambda: self._with_room(lambda: future.result()(), lambda: work()())

    def _with_room(self, first: Callable[[], R], again: Callable[[], R]) -> R:
        """Do something, and once memory does not suffice beside the others, again when these are done."""
        try:
            return first()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        self._alone = True
        self._pool.shutdown()
        return again()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._pool.shutdown(cancel_futures=True)
        torch.set_num_threads(self._own)  # for threads that are still to come; this one's have not changed
