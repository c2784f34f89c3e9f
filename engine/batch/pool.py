"""Jobs on processes of this machine, which talk through pipes of their own: no other account can reach them.

A worker that dies costs the recording it was at, and another takes its place. Workers end with this process, however
that ends: a job asks whether its parent is still there.
"""

import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from engine.batch.job import Job, Outcome, failed, run_job
from engine.errors import CancelledError

POLL_S = 0.2
CLOSE_S = 5.0


def processors() -> int:
    """Count the processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads_per_worker(workers: int) -> int:
    """Share the processors among the workers, at least one thread each; OMP_NUM_THREADS keeps it lower."""
    limit = os.environ.get("OMP_NUM_THREADS", "")
    share = max(1, processors() // workers)
    return min(share, int(limit)) if limit.isdecimal() and int(limit) > 0 else share


@dataclass
class _Worker:
    """A process, the pipe to it, and the job that it is at."""

    process: BaseProcess
    pipe: "Connection[Job | None, Outcome]"
    job: Job | None = None


def run_jobs_here(
    jobs: Sequence[Job], workers: int, threads: int, cancelled: Callable[[], bool] = lambda: False
) -> Iterator[Outcome]:
    """Yield each job's outcome as it is done, with so many threads of torch in each worker.

    Once `cancelled()` says so, all jobs are called off and a CancelledError is raised. The workers are gone when the
    iterator ends, whatever ends it.
    """
    waiting, running = deque(jobs), list[_Worker]()
    try:
        while waiting or any(worker.job for worker in running):
            if cancelled():
                raise CancelledError("cancelled")
            while len(running) < workers and len(running) < len(waiting) + sum(
                worker.job is not None for worker in running
            ):
                running.append(_start(threads))
            for worker in [each for each in running if each.job is None and waiting]:
                _give(worker, waiting.popleft())
            ready = wait([worker.pipe for worker in running if worker.job], POLL_S)
            for worker in [each for each in running if each.pipe in ready]:
                yield _taken(worker)
                if not worker.process.is_alive():
                    running.remove(worker)
                    _end([worker])
    finally:
        _end(running)


def _start(threads: int) -> _Worker:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, threads), name="strainscope-batch", daemon=True)
    process.start()
    theirs.close()
    return _Worker(process, ours)


def _give(worker: _Worker, job: Job) -> None:
    worker.job = job
    try:
        worker.pipe.send(job)
    except OSError:
        worker.process.join(CLOSE_S)  # its pipe is readable by now, and says so


def _taken(worker: _Worker) -> Outcome:
    """Take the outcome of a worker's job; that of one that died is one line."""
    job, worker.job = worker.job, None
    assert job is not None
    try:
        return worker.pipe.recv()
    except (EOFError, OSError):
        worker.process.join(CLOSE_S)
        worker.process.kill()
        worker.process.join()
        return failed(job, f"{job.recording.name}: its worker died, perhaps for lack of memory")


def _end(running: Sequence[_Worker]) -> None:
    for worker in running:
        worker.process.terminate()
    for worker in running:
        worker.process.join(CLOSE_S)
        worker.process.kill()
        worker.process.join()
        worker.pipe.close()


def _serve(pipe: "Connection[Outcome, Job | None]", threads: int) -> None:
    """Do jobs until the parent has no more or is gone; this is a worker's main function."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all; the parent decides
    import torch

    torch.set_num_threads(threads)
    gone = _parent_gone()
    while True:
        try:
            job = pipe.recv()
            if job is None:
                return
            pipe.send(run_job(job, gone))
        except (EOFError, OSError, CancelledError):
            return


def _parent_gone() -> Callable[[], bool]:
    """Return the question whether the parent has ended, which is looked up a few times a second only."""
    parent, asked = multiprocessing.parent_process(), [0.0, 0.0]

    def gone() -> bool:
        now = time.monotonic()
        if now - asked[0] > POLL_S:
            asked[:] = now, float(parent is not None and not parent.is_alive())
        return bool(asked[1])

    return gone
