"""The whole chain on a GPU, steady state: pairs a second, stages, memory, launches and waits, parity with the CPU.

    python -m tests.benchmarks.benchmark_gpu [METHOD ...] [--rows 1600] [--lines 128] [--frames 64] [--time cpu]
        [--precision float16]

Counted, on any machine, is what bounds a GPU: operations that torch dispatches for a pair in batches of 16 (a launch
takes about 5 us; views launch nothing and stand apart), and the places where the program waits for a number of the
device (`item`, `bool`, `nonzero`, a mask as an index) or takes an array to the host and goes on there; the results
that leave are among the latter. Counted is what a second batch adds to a first one, so that what happens once in a
recording does not count. Counted is the way that a GPU goes, which asks nothing, makes all iterations of a solver and
labels connected areas itself; convolutions and products are one operation each.

Timed, on a GPU or where --time says, are frames after a first batch, and the stages of one batch, beside what the
device reaches in copying and in matrix products. With --precision networks compute in half precision, which is
compared with the CPU's float32 on a CPU too.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from time import perf_counter
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from numpy.typing import NDArray
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from engine.device import frames_at_once
from engine.estimators.base import ESTIMATORS, BatchEstimator
from engine.on_device import Departure
from engine.pipeline import Finish, Pairs, Preparation, Settings, run
from engine.preprocess.alignment import bulk_motions
from engine.types import RFSequence
from tests.benchmarks.benchmark_ncc import GEOMETRY, recording
from tests.benchmarks.benchmark_networks import matmul_rate, timings

METHODS = ("usenet", "reusenet", "usse-net", "musse-net", "ncc", "glue", "glue-stack")
BATCH = 16
WAITS = {"aten::_local_scalar_dense", "aten::nonzero", "aten::masked_select", "aten::equal", "aten::unique"}
LEAVES = {torch.Tensor.cpu, torch.Tensor.numpy, torch.Tensor.tolist}


class Operations(TorchDispatchMode):
    """Counts what is dispatched: launches, views and waits for a number."""

    def __init__(self) -> None:
        super().__init__()
        self.launches: Counter[str] = Counter()
        self.waits: Counter[str] = Counter()
        self.views = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.name().split(".")[0]
        if name in WAITS or (name == "aten::index" and any(_is_mask(entry) for entry in args[1])):
            self.waits[name] += 1
        elif func.is_view:
            self.views += 1
        else:
            self.launches[name] += 1
        return func(*args, **(kwargs or {}))


class Departures(TorchFunctionMode):
    """Counts the arrays that are taken to the host and waited for; `cpu` and `numpy` after one another are one."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self._gone: set[int] = set()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        if func in LEAVES:
            self.count += id(args[0]) not in self._gone
            self._gone = {id(found)}
        return found


def counted(work: Callable[[], object]) -> tuple[Operations, int]:
    """Run some work; return its operations and how often it went to the host."""
    with ExitStack() as stack:
        operations = stack.enter_context(Operations())
        departures = stack.enter_context(Departures())
        work()
    return operations, departures.count


def _is_mask(index: object) -> bool:
    return isinstance(index, torch.Tensor) and index.dtype in {torch.bool, torch.uint8}


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the counts, and where there is a device to time, the times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("methods", nargs="*", default=METHODS)
    parser.add_argument("--rows", type=int, default=1600)
    parser.add_argument("--lines", type=int, default=128)
    parser.add_argument("--frames", type=int, default=64, help="frames that are timed, after a batch that is not")
    parser.add_argument("--batch", type=int, default=0, help="frames in a batch that is timed; 0 suits the device")
    parser.add_argument("--time", choices=["cpu", "cuda"], default="cuda" if torch.cuda.is_available() else "")
    parser.add_argument("--precision", choices=["float32", "float16", "bfloat16"], default="float32")
    parser.add_argument("--most", type=int, default=0, help="also list this many of the most frequent operations")
    given = parser.parse_args(arguments)
    frames = recording(given.rows, given.lines, 2 * BATCH + 1)
    _say("| method | operations a pair | views | waits | arrays to the host |\n|---|---|---|---|---|")
    for method in given.methods:
        _count(method, frames, given.most)
    if given.time:
        device = torch.device(given.time)
        batch = given.batch or frames_at_once((given.rows, given.lines), device)
        sequence = RFSequence.from_array(recording(given.rows, given.lines, batch + given.frames + 1), GEOMETRY)
        _say(f"\n{_reach(device)}; frames {given.rows} x {given.lines}, batches of {batch}")
        for method in given.methods:
            _say(_times(_settings(method, given.precision), sequence, device, batch))


def _settings(method: str, precision: str) -> Settings:
    parameters = ESTIMATORS.get(method).Params
    has_one = any(entry.name == "precision" for entry in parameters.describe())
    return Settings(method, parameters(precision=precision) if has_one else None)


def _count(method: str, frames: NDArray[np.float32], most: int) -> None:
    def chain(batches: int) -> object:
        sequence = RFSequence.from_array(frames[: batches * BATCH + 1], GEOMETRY)
        return list(run(sequence, Settings(method), torch.device("cpu"), batch=BATCH))

    with (
        patch("engine.numerics.host.HOSTS", set()),
        patch("engine.estimators.global_cost.stack.frames_at_once", lambda shape, device: BATCH),
    ):
        chain(1)  # what is made once a process
        once, twice = counted(lambda: chain(1)), counted(lambda: chain(2))
    launches = twice[0].launches - once[0].launches
    waits = twice[0].waits - once[0].waits
    views, departures = twice[0].views - once[0].views, twice[1] - once[1]
    numbers = (launches.total(), views, waits.total(), departures)
    _say(f"| {method} | " + " | ".join(f"{number / BATCH:.1f}" for number in numbers) + " |")
    for name, number in (launches + waits).most_common(most):
        _say(f"  {name} {number / BATCH:.1f}")


def _reach(device: torch.device) -> str:
    """Say what a device copies in a second, and multiplies."""
    values = torch.ones(2**26, device=device)
    copied = 2 * values.numel() * values.element_size() / timings(values.clone, device, 5)[0]
    return (
        f"{device}: copies {copied / 1e9:.0f} GB/s, matrix product {matmul_rate(device, 'float32') / 1e9:.0f} GFLOP/s"
    )


def _times(settings: Settings, sequence: RFSequence, device: torch.device, batch: int) -> str:
    """Say the pairs a second after a first batch, stages of a batch, memory, and the difference from the CPU."""
    method, own = settings.method, Settings(settings.method)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    total = sequence.shape[0] - 1
    started, begun = 0.0, 0
    for done, estimate in enumerate(run(sequence, settings, device, batch=batch), 1):
        if done == batch:
            started, begun = perf_counter(), done
        last = estimate
    rate = (total - begun) / (perf_counter() - started)
    words = [f"{method}: {rate:.1f} pairs/s", *_stages(settings.resolved(), sequence, device, batch)]
    if device.type == "cuda":
        words.append(f"{torch.cuda.max_memory_allocated() / 2**20:.0f} MiB at most")
    if device.type == "cuda" or settings.parameters not in {None, own.resolved().parameters}:
        (exact,) = run(sequence, replace(own, frames=(total,)), torch.device("cpu"))
        difference = np.abs(exact.displacement.axial_samples - last.displacement.axial_samples)
        words.append(f"last frame differs from the CPU's by {np.nanmax(difference):.1e} samples at most")
    return "; ".join(words)


def _stages(settings: Settings, sequence: RFSequence, device: torch.device, batch: int) -> list[str]:
    """Time the stages of one batch, each waited for; a method that takes pairs one by one has none."""
    estimator = ESTIMATORS.get(settings.method)
    if not isinstance(estimator, BatchEstimator):
        return []
    pairs, finish = Pairs(sequence, Preparation(), 0, lambda: False), Finish(settings, sequence.geometry)
    tracker, frames = estimator.tracker(settings.parameters, device), range(1, batch + 1)
    with torch.inference_mode():
        taken = pairs.batch(frames, device)
        aligned = replace(taken, initial=bulk_motions(taken).motion)
        found = tracker(aligned)
        maps = finish.maps(aligned, found)
        stages: dict[str, Callable[[], object]] = {
            "read": lambda: pairs.batch(frames, device),
            "align": lambda: bulk_motions(taken),
            "track": lambda: tracker(aligned),
            "finish": lambda: finish.maps(aligned, found),
            "leave": lambda: Departure(maps).arrays(),
        }
        return [f"{name} {1e3 * timings(stage, device, 3)[1] / batch:.2f} ms" for name, stage in stages.items()]


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
