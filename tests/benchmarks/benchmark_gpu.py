"""The whole chain on a GPU, steady state: pairs a second, memory, launches and synchronisations, parity with the CPU.

    python -m tests.benchmarks.benchmark_gpu [METHOD ...] [--rows 1600] [--lines 128]

Without a GPU it counts on the CPU what would bound one: operations that torch dispatches for a pair (a launch takes
about 5 us; views launch nothing and stand apart), and the places where the program waits for a number of the device
(`item`, `bool`, `nonzero`, a mask as an index) or takes an array to the host and goes on there. Counted is what a
second batch adds to a first one, so that what happens once in a recording does not count.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from engine.pipeline import Settings, run
from engine.types import RFSequence
from tests.benchmarks.benchmark_ncc import GEOMETRY, recording

METHODS = ("usenet", "reusenet", "usse-net", "musse-net", "ncc", "glue")
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
    """Print a table, a row a method."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("methods", nargs="*", default=METHODS)
    parser.add_argument("--rows", type=int, default=1600)
    parser.add_argument("--lines", type=int, default=128)
    parser.add_argument("--most", type=int, default=0, help="also list this many of the most frequent operations")
    given = parser.parse_args(arguments)
    sequence = RFSequence.from_array(recording(given.rows, given.lines, 2 * BATCH + 1), GEOMETRY)
    _say("| method | operations a pair | views | waits | arrays to the host |\n|---|---|---|---|---|")
    for method in given.methods:
        _count(method, sequence, given.most)


def _count(method: str, sequence: RFSequence, most: int) -> None:
    def chain(batches: int) -> object:
        settings = Settings(method, frames=tuple(range(1, batches * BATCH + 1)))
        return list(run(sequence, settings, torch.device("cpu"), batch=BATCH))

    chain(1)  # what is made once a process
    once, twice = counted(lambda: chain(1)), counted(lambda: chain(2))
    launches = twice[0].launches - once[0].launches
    waits = twice[0].waits - once[0].waits
    views, departures = twice[0].views - once[0].views, twice[1] - once[1]
    numbers = (launches.total(), views, waits.total(), departures)
    _say(f"| {method} | " + " | ".join(f"{number / BATCH:.1f}" for number in numbers) + " |")
    for name, number in (launches + waits).most_common(most):
        _say(f"  {name} {number / BATCH:.1f}")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
