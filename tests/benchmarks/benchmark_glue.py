"""GLUE: time and memory on 2048 x 256, and strain error and contrast against NCC, published weights and the oracle.

    python tests/benchmarks/benchmark_glue.py time
    python tests/benchmarks/benchmark_glue.py accuracy [PROTOCOL ...] [--phantoms N]

Accuracy is measured on phantoms 1 to N of the protocols with a seed of their own, neither of training nor of any
evaluation set: it is what the defaults were tuned on.
"""

import argparse
import resource
import sys
from collections.abc import Iterator
from dataclasses import replace
from statistics import median
from time import perf_counter, process_time

import torch

from engine.estimators.base import ESTIMATORS
from engine.estimators.glue import GlueParameters
from engine.evaluation.evaluate import Evaluation, evaluate
from engine.evaluation.sets import EvaluationCase, case
from engine.pipeline import Settings
from engine.preprocess.alignment import bulk_motion
from engine.preprocess.pairing import normalise
from engine.simulation.protocols import protocol
from engine.types import FramePair

TUNING_SEED = 7
CPU = torch.device("cpu")


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("time", "accuracy"))
    parser.add_argument("protocols", nargs="*", default=["clean", "noisy"])
    parser.add_argument("--phantoms", type=int, default=3)
    arguments = parser.parse_args()
    if arguments.what == "time":
        _time()
        return
    for name in arguments.protocols:
        cases = tuple(_cases(name, arguments.phantoms))
        for title, parameters in (("tuned", GlueParameters()), ("published", GlueParameters(preset="published"))):
            methods = [Settings("glue", parameters)] + ([Settings("ncc")] if title == "tuned" else [])
            _print(f"{name}, {title}", evaluate(cases, methods, CPU))


def _cases(name: str, phantoms: int) -> Iterator[EvaluationCase]:
    made = protocol(name)
    for number, draw, recording in made.recordings(made.numbers[:phantoms], TUNING_SEED, draws=1):
        levels = tuple(load.strain for load in recording.plan.loads)
        yield case(f"{name} {number}.{draw}", recording.sequence(), levels)


def _print(title: str, table: Evaluation) -> None:
    for method in table.methods:
        for level in table.levels:
            error = table.summary(method, "strain_rmse_percent", level).median
            contrast = table.summary(method, "cnr", level).median
            share = table.summary(method, "nrmse_percent", level).median
            _write(
                f"{title:24s} {method:8s} {100 * level:4.1f} %: strain RMSE {error:.4f} %, CNR {contrast:.1f}, "
                f"NRMSE {share:.3f} %"
            )


def _pair() -> FramePair:
    """Noisy pair of 2048 x 256 at 1.5 %, with its bulk motion."""
    made = protocol("noisy")
    wide = replace(made, shape=(2048, 256), geometry=replace(made.geometry, pitch_m=0.15e-3))
    recording = next(iter(wide.recordings((1,), TUNING_SEED, draws=1)))[2]
    sequence = recording.sequence()
    pair = normalise(sequence.frame(0), sequence.frame(2), sequence.geometry)
    return replace(pair, initial=bulk_motion(pair, CPU))


def _time() -> None:
    pair = _pair()
    _write(f"memory before {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB at most")
    glue = ESTIMATORS.get("glue")
    for preset in ("tuned", "published"):
        walls, busy = [], []
        for _ in range(2):
            wall, cpu = perf_counter(), process_time()
            displacement = next(iter(glue.track(iter([pair]), GlueParameters(preset=preset), CPU)))
            walls.append(perf_counter() - wall)
            busy.append(process_time() - cpu)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        _write(
            f"{preset}: 2048 x 256 in {median(walls):.2f} s, CPU {median(busy):.2f} s, {torch.get_num_threads()} "
            f"threads, {dict(displacement.report)}; memory at most {memory:.0f} MiB"
        )


def _write(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
