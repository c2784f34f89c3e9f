"""Every method of ours and the outside peers on one set, in one table: medians over frames, and seconds a pair.

    python -m tests.benchmarks.compare_methods [--set small-noisy] [--method NAME ...] [--no-peers] [--json FILE]
    python -m tests.benchmarks.compare_methods --speed [--set validation-noisy] [--method NAME ...] [--no-peers]

Without --method all that have weights or need none take part. With --speed there is no accuracy, but what a pair
costs: the whole chain on the set's first recording, after a first frame, seconds by the clock (for a quiet machine)
and of the processors (which hardly depend on what else it does), each the least of some rounds; peers with a smoothing
of about what is chosen on the truth.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from time import perf_counter, process_time

import torch

from engine.estimators.base import ESTIMATORS
from engine.evaluation.evaluate import Evaluation, evaluate
from engine.evaluation.sets import evaluation_set
from engine.metrics.base import metrics_shown
from engine.pipeline import Settings, run
from engine.types import FrameEstimate
from tests.benchmarks.peers import estimates, peers, tuned


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def available() -> list[str]:
    """Names of the methods that can run."""
    return [name for name in ESTIMATORS.names() if ESTIMATORS.get(name).unavailable() is None]


def table(found: Evaluation) -> list[str]:
    """Lines of a Markdown table, one row a method."""
    lines = [
        "| method | " + " | ".join(metric.label for metric in metrics_shown("evaluation")) + " |",
        "|" + "---|" * (1 + len(metrics_shown("evaluation"))),
    ]
    for method in found.methods:
        cells = [f"{found.summary(method, metric.name).median:.3g}" for metric in metrics_shown("evaluation")]
        lines.append(f"| {method} | " + " | ".join(cells) + " |")
    return lines


def cost(work: Callable[[], Iterable[FrameEstimate]], rounds: int) -> str:
    """Seconds a pair by the clock and of the processors, as cells of a table, each the least of some rounds."""
    found = []
    for _ in range(rounds):
        started = perf_counter(), process_time()
        count = sum(1 for _ in work())
        found.append(((perf_counter() - started[0]) / count, (process_time() - started[1]) / count))
    return " | ".join(f"{min(each):.2f}" for each in zip(*found, strict=True))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print the table; --json keeps medians and means, also by strain level."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", dest="name", default="small-noisy")
    parser.add_argument("--method", dest="methods", action="append", default=[])
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--rounds", type=int, default=3, help="of --speed")
    given = parser.parse_args(arguments)
    chosen = evaluation_set(given.name)
    if given.speed:
        sequence = next(iter(chosen.cases())).sequence
        say(f"{sequence}, {torch.get_num_threads()} threads")
        say("| method | s a pair, by the clock | of the processors |")
        say("|---|---|---|")
        for name in given.methods or available():
            work = partial(run, sequence, Settings(name), torch.device(given.device))
            next(iter(run(sequence, Settings(name, frames=(1,)), torch.device(given.device))))
            say(f"| {name} | {cost(work, given.rounds)} |")
        for name, flow in ({} if given.no_peers else peers()).items():
            work = partial(estimates, sequence, flow=flow, smoothing=(1e-3, 5.0))
            say(f"| {name} | {cost(work, given.rounds)} |")
        return
    others = {}
    for name, flow in ({} if given.no_peers else peers()).items():
        others[name], smoothing = tuned(flow, chosen.cases())
        say(f"{name}: displacement smoothed by {1e3 * smoothing[0]:.1f} mm and {smoothing[1]:g} lines")
    methods = [Settings(name) for name in given.methods or available()]
    found = evaluate(chosen.cases(), methods, torch.device(given.device), others)
    for line in table(found):
        say(line)
    if given.json:
        given.json.write_text(json.dumps(summaries(found), indent=1), encoding="utf-8")


def summaries(found: Evaluation) -> dict[str, dict[str, dict[str, dict[str, float]]]]:
    """Median and mean by method, strain level ('all' or percent) and metric."""
    levels = {"all": None, **{f"{100 * level:g}": level for level in found.levels}}
    return {
        method: {
            name: {
                metric.name: {"median": summary.median, "mean": summary.mean}
                for metric in metrics_shown("evaluation")
                for summary in [found.summary(method, metric.name, level)]
            }
            for name, level in levels.items()
        }
        for method in found.methods
    }


if __name__ == "__main__":
    main()
