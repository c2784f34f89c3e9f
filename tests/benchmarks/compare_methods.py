"""Every method of ours and the outside peers on one set, in one table: medians over frames, and seconds a pair.

    python -m tests.benchmarks.compare_methods [--set small-noisy] [--method NAME ...] [--no-peers] [--json FILE]
    python -m tests.benchmarks.compare_methods --processor [--set validation-noisy] [--method NAME ...] [--no-peers]

Without --method all that have weights or need none take part. With --processor there is no accuracy, but what a pair
costs: processor seconds of the whole chain on the set's first recording, after a first frame, least of some rounds,
which hardly depend on what else the machine does; peers with a smoothing of about what is chosen on the truth.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from time import process_time

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


def processor_seconds(work: Callable[[], Iterable[FrameEstimate]], rounds: int) -> float:
    """Processor seconds that an estimate takes, least of some rounds."""
    found = []
    for _ in range(rounds):
        started = process_time()
        count = sum(1 for _ in work())
        found.append((process_time() - started) / count)
    return min(found)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print the table; --json keeps medians and means, also by strain level."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", dest="name", default="small-noisy")
    parser.add_argument("--method", dest="methods", action="append", default=[])
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--processor", action="store_true")
    parser.add_argument("--rounds", type=int, default=3, help="of --processor")
    given = parser.parse_args(arguments)
    chosen = evaluation_set(given.name)
    if given.processor:
        sequence = next(iter(chosen.cases())).sequence
        say(f"{sequence}, {torch.get_num_threads()} threads")
        for name in given.methods or available():
            work = partial(run, sequence, Settings(name), torch.device(given.device))
            next(iter(run(sequence, Settings(name, frames=(1,)), torch.device(given.device))))
            say(f"| {name} | {processor_seconds(work, given.rounds):.2f} |")
        for name, flow in ({} if given.no_peers else peers()).items():
            work = partial(estimates, sequence, flow=flow, smoothing=(1e-3, 5.0))
            say(f"| {name} | {processor_seconds(work, given.rounds):.2f} |")
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
