"""Seconds that NCC takes for a pair while other programs keep the processors busy, by how idle threads wait.

    python tests/benchmarks/benchmark_busy.py [--programs N] [--pairs N]

Each row is a fresh process, because the libraries read the waiting policy when they are loaded. `as shipped` is what
`import engine` sets; `spinning` is what the libraries do by themselves. Frames are 2000 x 128, the first pair is not
counted.
"""

import argparse
import json
import os
import subprocess
import sys
from contextlib import ExitStack
from statistics import median
from time import perf_counter

SPINNING = {"OMP_WAIT_POLICY": "", "GOMP_SPINCOUNT": "300000", "KMP_BLOCKTIME": "200", "OPENBLAS_THREAD_TIMEOUT": "26"}
"""The libraries' own defaults, given as a user would, so that `engine` leaves them alone."""

POLICIES = {"spinning": SPINNING, "as shipped": {}, "one thread": {"OMP_NUM_THREADS": "1"}}
BUSY = "while True: pass"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=int, default=3, help="busy programs beside the measured one")
    parser.add_argument("--pairs", type=int, default=2, help="pairs timed, after one that is not")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.child:
        sys.stdout.write(json.dumps(seconds(chosen.pairs)) + "\n")
        return
    sys.stdout.write("| busy programs | policy | s per pair |\n|---|---|---|\n")
    for programs in (0, chosen.programs):
        for policy, variables in POLICIES.items():
            with ExitStack() as stack:
                for _ in range(programs):
                    stack.callback(subprocess.Popen([sys.executable, "-c", BUSY]).kill)
                sys.stdout.write(f"| {programs} | {policy} | {measured(variables, chosen.pairs):.2f} |\n")
                sys.stdout.flush()


def measured(variables: dict[str, str], pairs: int) -> float:
    """Median seconds a pair in a fresh process with these variables and none of ours."""
    ours = {"OMP_NUM_THREADS", *SPINNING}
    environment = {name: value for name, value in os.environ.items() if name not in ours} | variables
    command = [sys.executable, __file__, "--child", "--pairs", str(pairs)]
    answer = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    return float(median(json.loads(answer)))


def seconds(pairs: int) -> list[float]:
    """Time NCC on `pairs` pairs, here."""
    import engine  # noqa: F401, I001  before numpy: what this measures

    import numpy as np

    from engine.device import choose_device
    from engine.pipeline import Settings, run
    from engine.types import Geometry, RFSequence

    field = np.random.default_rng(0).standard_normal((2000, 128)).astype(np.float32)
    frames = np.stack([np.roll(field, frame, axis=0) for frame in range(pairs + 2)])
    sequence = RFSequence.from_array(frames, Geometry(40e6, 5e6, 1540.0, 0.2e-3))
    times, started = [], perf_counter()
    for _ in run(sequence, Settings(method="ncc"), choose_device("cpu")):
        times.append(perf_counter() - started)
        started = perf_counter()
    return times[1:]


if __name__ == "__main__":
    main()
