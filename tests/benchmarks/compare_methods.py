"""Every method of ours and the outside peers on one set, in one table: medians over frames, and seconds a pair.

    python -m tests.benchmarks.compare_methods [--set small-noisy] [--method NAME ...] [--no-peers] [--json FILE]

Without --method all that have weights or need none take part.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from engine.estimators.base import ESTIMATORS
from engine.evaluation.evaluate import Evaluation, evaluate
from engine.evaluation.sets import evaluation_set
from engine.metrics.base import metrics_shown
from engine.pipeline import Settings
from tests.benchmarks.peers import peers, tuned


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


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print the table; --json keeps medians and means, also by strain level."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", dest="name", default="small-noisy")
    parser.add_argument("--method", dest="methods", action="append", default=[])
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args(arguments)
    chosen = evaluation_set(given.name)
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
