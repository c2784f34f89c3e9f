"""Jobs on an existing Dask cluster, by the address of its scheduler.

Who can reach a scheduler can run code on its workers: where others share the network or the computer, it belongs
behind TLS (`tls://` and Dask's own configuration of certificates), which `Client` takes up by itself.

A job asks its worker whether anybody still waits for it, so it ends soon after the batch is stopped or has died.
"""

import logging
import queue
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from engine.batch.job import Job, Outcome, failed, run_job
from engine.errors import CancelledError, ParameterError, StrainscopeError

if TYPE_CHECKING:
    from distributed import Client, Future

CONNECT_S = 10.0
POLL_S = 0.2
CLOSE_S = 5.0


class ClusterLostError(StrainscopeError):
    """The scheduler does not answer any more; what was done by then is done."""

    def __init__(self) -> None:
        super().__init__("the Dask scheduler does not answer any more")


@contextmanager
def existing_cluster(address: str) -> Iterator["Client"]:
    """Connect to a scheduler; one that does not answer, or a lack of Dask here, is a ParameterError."""
    try:
        from distributed import Client
    except ImportError:
        raise ParameterError("a Dask scheduler needs the extra `cluster`: pip install distributed") from None
    for name in ("distributed", "tornado", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # a scheduler that dies is said in one line, here
    try:
        client = Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ParameterError(f"no Dask scheduler answers at {address} ({reason})") from None
    try:
        yield client
    finally:
        with suppress(OSError, RuntimeError, TimeoutError):
            client.close(timeout=CLOSE_S)


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
                if client.status != "running":
                    raise ClusterLostError from None
                continue
            yield _outcome(waiting.pop(future), future)
    finally:
        with suppress(OSError, RuntimeError, TimeoutError):
            client.cancel(list(waiting))


def _outcome(job: Job, future: "Future[Outcome]") -> Outcome:
    """Take a job's outcome; what no job foresees, as a worker that died, is one line too."""
    from distributed import KilledWorker

    if future.cancelled():
        raise ClusterLostError
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
