"""How long a cohort that is done already takes to say so, and what its bookkeeping costs beside the work.

    python -m tests.benchmarks.benchmark_cohort --recordings 10000
    python -m tests.benchmarks.benchmark_cohort --recordings 200 --work

Without `--work` results and notes of an earlier run are put in place, and the same command goes on. With it, small
recordings are estimated by one process, and the processor time of the rest of the program is set beside its.
"""

import argparse
import os
import shutil
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np

from app.cli import main as strainscope
from app.commands.batch import _settings_for
from app.commands.estimate import choose_settings
from engine.batch.job import Job, run_job
from engine.batch.ledger import Ledger, settings_key
from engine.simulation.write import write_recording
from engine.types import Geometry, RFSequence


def recordings(folder: Path, count: int) -> list[Path]:
    """Write small recordings: one, and copies of it."""
    frames = np.random.default_rng(0).standard_normal((3, 400, 32)).astype(np.float32)
    first = folder / "recording-00000.h5"
    write_recording(first, RFSequence.from_array(frames, Geometry(40e6, 5e6, 1540.0, 3e-4)))
    paths = [first.with_name(f"recording-{number:05d}.h5") for number in range(count)]
    for path in paths[1:]:
        shutil.copyfile(first, path)
    return paths


def finished(paths: list[Path], results: Path) -> None:
    """Leave what a run that is done leaves: a result for each recording, and a note of it."""
    results.mkdir()
    settings = choose_settings("ncc", "least-squares", [], 0)
    ledger = Ledger(results, settings_key(settings, None))
    jobs = [Job(path, results / f"{path.stem}-result.h5", partial(_settings_for, settings, None)) for path in paths]
    outcome = run_job(jobs[0])
    for job in jobs[1:]:
        shutil.copyfile(jobs[0].output, job.output)
    for job in jobs:
        ledger.add(job, outcome)


def main() -> None:
    """Make a cohort and time the command."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--recordings", type=int, default=10_000)
    options.add_argument("--work", action="store_true")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        source, results = Path(name) / "recordings", Path(name) / "results"
        source.mkdir()
        paths = recordings(source, given.recordings)
        if not given.work:
            finished(paths, results)
        started, before = time.perf_counter(), os.times()
        status = strainscope(["batch", str(source), "-o", str(results), "--method", "ncc", "--workers", "1"])
        wall_s, after = time.perf_counter() - started, os.times()
        own, work = (
            (after.user + after.system - before.user - before.system),
            (after.children_user + after.children_system - before.children_user - before.children_system),
        )
        print(f"status {status}: {wall_s:.1f} s, {own:.2f} s of this process, {work:.2f} s of its children")  # noqa: T201


if __name__ == "__main__":
    main()
