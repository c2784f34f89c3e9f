"""A batch on a Dask cluster: a scheduler here, and a worker started as the documentation says."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from app.cli import main
from engine.batch.cluster import ClusterLostError, existing_cluster, run_jobs
from engine.batch.job import Job
from engine.errors import CancelledError, ParameterError
from engine.export.result_file import read_result

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning"),
]
ROOT = Path(__file__).parent.parent.parent.parent
GEOMETRY = ["--sampling-hz", "40e6", "--center-hz", "6e6", "--pitch-m", "3e-4"]
WORKER = ["dask", "worker", "--nworkers", "1", "--nthreads", "1", "--no-dashboard", "--preload", "strainscope"]
SCHEDULER = """
import sys, time
from distributed import LocalCluster
cluster = LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address=None, protocol="tcp")
print(cluster.scheduler_address, flush=True)
sys.stdin.read()
"""


@pytest.fixture(name="scheduler")
def fixture_scheduler() -> Iterator[str]:
    """The address of a scheduler in a process of its own, with one worker beside an `engine.py` that is not ours."""
    call = [sys.executable, "-c", SCHEDULER]
    with subprocess.Popen(call, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as scheduler:
        assert scheduler.stdout is not None
        yield scheduler.stdout.readline().strip()
        scheduler.kill()


@pytest.fixture(name="worker")
def fixture_worker(scheduler: str, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    folder = tmp_path / "of-the-worker"
    folder.mkdir()
    (folder / "engine.py").write_text("raise SystemExit('the wrong module')")
    call = [sys.executable, "-m", *WORKER, scheduler]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(call, cwd=folder, env=environment, stderr=subprocess.DEVNULL) as process:
        yield process
        process.kill()


@pytest.fixture(name="recordings")
def fixture_recordings(tmp_path: Path) -> list[Path]:
    rf = np.random.default_rng(0).standard_normal((2, 256, 16)).astype(np.float32)
    np.save(tmp_path / "0.npy", rf)
    return [tmp_path / "0.npy", Path(shutil.copy(tmp_path / "0.npy", tmp_path / "1.npy"))]


def no_settings(sequence: object) -> None:
    raise AssertionError("never asked: nobody works")


@pytest.mark.usefixtures("worker")
def test_a_batch_is_done_by_the_worker(
    scheduler: str, recordings: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.npy"
    bad.write_bytes(b"\x93NUMPY")
    out = tmp_path / "out"
    files = [*map(str, recordings), str(bad)]
    command = ["batch", *files, "-o", str(out), "--method", "ncc", "--scheduler", scheduler, *GEOMETRY, "--json"]
    assert main(command) == 2
    told = json.loads(capsys.readouterr().out)
    assert (told["done"], told["failed"]) == (2, 1)
    assert read_result(out / "0-result.h5").deformed_frames == (1,)


def test_no_worker_and_a_dead_scheduler_are_told(scheduler: str, recordings: list[Path]) -> None:
    jobs = [Job(path, path.with_suffix(".h5"), no_settings) for path in recordings]  # type: ignore[arg-type]
    with existing_cluster(scheduler) as client:
        began = time.monotonic()
        with pytest.raises(CancelledError):
            list(run_jobs(client, jobs, cancelled=lambda: time.monotonic() - began > 1))
        killer = threading.Timer(1, client.shutdown)
        killer.start()
        with pytest.raises(ClusterLostError, match="does not answer any more"):
            list(run_jobs(client, jobs))
        killer.join()
    with pytest.raises(ParameterError, match="no Dask scheduler answers at"), existing_cluster("tcp://127.0.0.1:1"):
        pass
