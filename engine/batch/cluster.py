"""Jobs on Dask: an embedded cluster of processes on this machine, or an existing one by its address.

A job asks its worker whether anybody still waits for it, so it ends soon after the batch is stopped or has died.
"""

import logging
import os
import queue
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from engine.batch.job import Job, Outcome, failed, run_job
from engine.errors import CancelledError, ParameterError

if TYPE_CHECKING:
    from distributed import Client, Future

CONNECT_S = 10.0
POLL_S = 0.2
CLOSE_S = 10.0


def processors() -> int:
    """Count the processors that this process may use."""
    from dask.system import CPU_COUNT

    return int(CPU_COUNT)


def threads_per_worker(workers: int) -> int:
    """Share the processors among the workers, at least one thread each; OMP_NUM_THREADS keeps it lower."""
    limit = os.environ.get("OMP_NUM_THREADS", "")
    share = max(1, processors() // workers)
    return min(share, int(limit)) if limit.isdecimal() and int(limit) > 0 else share


@contextmanager
def local_cluster(workers: int) -> Iterator["Client"]:
    """Start worker processes that end with the block, whatever ends it; Ctrl-C is left to this process."""
    from distributed import Client, LocalCluster

    with _interrupts_ignored():
        cluster = LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            memory_limit=0,
            dashboard_address=None,
            silence_logs=logging.CRITICAL,
        )
    try:
        with Client(cluster, set_as_default=False) as client:
            yield client
    finally:
        cluster.close(timeout=CLOSE_S)


@contextmanager
def existing_cluster(address: str) -> Iterator["Client"]:
    """Connect to a scheduler; one that does not answer is a ParameterError."""
    from distributed import Client

    try:
        client = Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ParameterError(f"no Dask scheduler answers at {address} ({reason})") from None
    with client:
        yield client


def run_jobs(
    client: "Client", jobs: Sequence[Job], threads: int | None = None, cancelled: Callable[[], bool] = lambda: False
) -> Iterator[Outcome]:
    """Yield each job's outcome as it is done; `threads` limits torch in each worker, None leaves it as it is.

    Once `cancelled()` says so, all jobs are called off and a CancelledError is raised.
    """
    ended: queue.Queue[Future[Outcome]] = queue.Queue()
    waiting = {client.submit(_run_on_worker, job, threads, pure=False): job for job in jobs}
    for future in waiting:
        future.add_done_callback(ended.put)
    try:
        while waiting:
            if cancelled():
                raise CancelledError("cancelled")
            try:
                future = ended.get(timeout=POLL_S)
            except queue.Empty:
                continue
            yield _outcome(waiting.pop(future), future)
    finally:
        client.cancel(list(waiting))


def _outcome(job: Job, future: "Future[Outcome]") -> Outcome:
    """Take a job's outcome; what no job foresees, as a worker that died, is one line too."""
    from distributed import KilledWorker

    error = future.exception()
    if error is None:
        outcome: Outcome = future.result()
        return outcome
    if isinstance(error, KilledWorker):
        return failed(job, f"{job.recording.name}: its worker died, perhaps for lack of memory")
    return failed(job, f"{job.recording.name}: {type(error).__name__}: {error}")


def _run_on_worker(job: Job, threads: int | None) -> Outcome:
    import torch

    if threads is not None:
        torch.set_num_threads(threads)
    return run_job(job, _nobody_waits())


def _nobody_waits() -> Callable[[], bool]:
    """Say whether the scheduler has taken this task back: its client cancelled it, left, or died."""
    from distributed import get_worker

    worker = get_worker()
    tasks, key = worker.state.tasks, worker.get_current_task()

    def cancelled() -> bool:
        task = tasks.get(key)
        return task is None or task.state == "cancelled"

    return cancelled


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Let child processes inherit that Ctrl-C, which a terminal sends to all of them, is not for them."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
