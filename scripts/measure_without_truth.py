"""Measure what `scripts/without_truth.py` trained: `python scripts/measure_without_truth.py FOLDER [--minutes M]`.

On the first draw of phantoms 19 to 21 of the MUSSE-Net paper's protocol, none of which was trained on, at 0.5, 2.5 and
4.5 % (a sequence as long as in training), with its strain window of 5.5 mm and the networks' preset `paper`: a row for
every network, mean and deviation over its seeds, beside the bulk alignment alone, each network without the alignment,
and the oracle. Rows are kept as they are measured, in FOLDER; of all that are there, the table, the curves over strain
and the strain maps are made. Pixels are not left out for poor matches here, so that every row is over the same.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from statistics import fmean, pstdev

import numpy as np
import torch
from matplotlib.figure import Figure
from without_truth import NETWORKS, SEEDS, UNALIGNED, weights_of

from engine.estimators.base import ESTIMATORS
from engine.evaluation.evaluate import Row
from engine.evaluation.oracle import oracle_estimate
from engine.evaluation.sets import EvaluationCase, evaluation_set
from engine.files.atomic import atomic_path
from engine.metrics.base import METRICS, MetricInput
from engine.pipeline import Pairs, Preparation, Settings
from engine.preprocess.alignment import bulk_motion
from engine.strain.base import STRAIN_METHODS
from engine.types import Displacement, FramePair

SET, DRAWS, WINDOW_M = "tehrani-rivaz-validation", 1, 5.5e-3
OLD = "usse-net-unsupervised-v1"
FRAMES = (1, 5, 9)
CPU = torch.device("cpu")
COLUMNS = {
    "SNRt": "snr_target",
    "SNRbg": "snr_background",
    "CNR": "cnr",
    "NRMSE %": "nrmse_percent",
    "SNRe": "snre",
    "strain RMSE %": "strain_rmse_percent",
    "displacement RMSE (samples)": "displacement_rmse_samples",
}


@dataclass(frozen=True)
class Entry:
    """One thing to measure: a row of the table has several, one a seed."""

    title: str
    name: str
    displacements: Callable[[EvaluationCase], Iterator[Displacement]]


def main() -> None:
    """Measure what is not measured yet; then write table and pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=math.inf, help="Begin no further measurement after this time")
    chosen = parser.parse_args()
    started = time.monotonic()
    measured = chosen.folder / "measured"
    entries = []
    for entry in _entries(chosen.folder):
        path = measured / f"{entry.name}.json"
        if not path.exists() and time.monotonic() - started < 60 * chosen.minutes:
            _measure(entry, path)
        if path.exists():
            entries.append(entry)
    rows = [row for entry in entries for row in _rows(entry, measured)]
    _say(_table(rows))
    _say(_over_strain(rows))
    _draw_curves([row for row in rows if "aligned" not in row.method], chosen.folder / "curves.png")
    shown = [entry for entry in entries if entry.name in {"oracle", "bulk", OLD} or entry.name.endswith("-1")]
    _draw_maps(shown, sorted({row.level for row in rows}), chosen.folder)


def _entries(folder: Path) -> Iterator[Entry]:
    yield Entry("oracle", "oracle", _true)
    yield Entry("bulk alignment alone", "bulk", lambda case: (_initial(pair) for pair in _pairs(case.name)))
    yield Entry(OLD, OLD, _tracked("usse-net", OLD, aligned=True))
    runs = [(network, network, seed, True) for network in NETWORKS for seed in SEEDS]
    runs += [(f"{network}, not aligned", network, SEEDS[0], False) for network in NETWORKS]
    runs += [("usse-net, trained and run unaligned", UNALIGNED, SEEDS[0], False)]
    for title, network, seed, aligned in runs:
        path = weights_of(folder, network, seed)
        if path.exists():
            method = "usse-net" if network == UNALIGNED else network
            name = f"{title.replace(', ', '-').replace(' ', '-')}-{seed}"
            yield Entry(title, name, _tracked(method, str(path.resolve()), aligned=aligned))


def _tracked(network: str, weights: str, *, aligned: bool) -> Callable[[EvaluationCase], Iterator[Displacement]]:
    estimator = ESTIMATORS.get(network)
    params = estimator.Params.from_text({"preset": "paper", "weights": weights})

    def displacements(case: EvaluationCase) -> Iterator[Displacement]:
        pairs = (pair if aligned else replace(pair, initial=None) for pair in _pairs(case.name))
        return estimator.track(pairs, params, CPU)

    return displacements


@cache
def _cases() -> dict[str, EvaluationCase]:
    return {case.name: case for case in replace(evaluation_set(SET), draws=DRAWS).cases()}


@cache
def _pairs(name: str) -> tuple[FramePair, ...]:
    """All pairs of a recording with its bulk motion, found once for all rows."""
    sequence = _cases()[name].sequence
    pairs = Pairs(sequence, Preparation(), 0, lambda: False)
    found = (pairs.of(frame) for frame in FRAMES)
    return tuple(replace(pair, initial=bulk_motion(pair, CPU)) for pair in found)


def _initial(pair: FramePair) -> Displacement:
    assert pair.initial is not None
    return pair.initial


def _true(case: EvaluationCase) -> Iterator[Displacement]:
    settings = Settings("bulk")
    return (oracle_estimate(case.truth, case.sequence.geometry, frame, settings, CPU).displacement for frame in FRAMES)


def _measure(entry: Entry, path: Path) -> None:
    """Measure one entry on all recordings, and keep the maps of the first."""
    method = STRAIN_METHODS.get("least-squares")
    params = method.Params.from_text({"window_m": str(WINDOW_M)})
    found, maps = [], {}
    started = time.monotonic()
    for number, case in enumerate(_cases().values()):
        for frame, displacement in zip(FRAMES, entry.displacements(case), strict=True):
            strain = method.strain(displacement, None, params, CPU)
            truth = case.truth.read_frame(frame)
            source = MetricInput.of_strain(
                strain, target=case.target, background=case.background, displacement=displacement, truth=truth
            )
            values = {name: METRICS.get(name).measure(source).value for name in COLUMNS.values()}
            found.append({"case": case.name, "frame": frame, "level": case.levels[frame - 1], "values": values})
            if number == 0:
                maps[str(frame)] = strain.axial[::8, ::2].astype(np.float16)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path.with_suffix(".npz"), **maps)
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(found))
    _say(f"{entry.name}: {len(found)} frames in {time.monotonic() - started:.0f} s")


def _rows(entry: Entry, folder: Path) -> list[Row]:
    found = json.loads((folder / f"{entry.name}.json").read_text())
    return [Row(entry.title, f"{entry.name} {row['case']}", row["frame"], row["level"], row["values"]) for row in found]


def _mean_and_deviation(rows: list[Row], column: str) -> str:
    """Mean over seeds and its deviation; with one seed the deviation over frames, in brackets."""
    seeds = {row.case.split(" ")[0]: list[float]() for row in rows}
    for row in rows:
        seeds[row.case.split(" ")[0]].append(row.values[column])
    means = [fmean(value for value in values if math.isfinite(value)) for values in seeds.values()]
    if len(means) > 1:
        return f"{fmean(means):.3g} ± {pstdev(means):.2g}"
    (values,) = seeds.values()
    return f"{means[0]:.3g} ({pstdev(value for value in values if math.isfinite(value)):.2g})"


def _table(rows: list[Row]) -> str:
    lines = []
    for title in dict.fromkeys(row.method for row in rows):
        own = [row for row in rows if row.method == title]
        lines.append([title, *(_mean_and_deviation(own, column) for column in COLUMNS.values())])
    return _markdown([["", *COLUMNS], *lines])


def _over_strain(rows: list[Row]) -> str:
    """NRMSE by applied strain."""
    levels = sorted({row.level for row in rows})
    lines = []
    for title in dict.fromkeys(row.method for row in rows):
        own = [[row for row in rows if (row.method, row.level) == (title, level)] for level in levels]
        lines.append([title, *(_mean_and_deviation(found, "nrmse_percent") for found in own)])
    return _markdown([["NRMSE %", *(f"{100 * level:g} %" for level in levels)], *lines])


def _markdown(lines: list[list[str]]) -> str:
    head, *rest = ("| " + " | ".join(cells) + " |" for cells in lines)
    return "\n".join([head, "|---" * len(lines[0]) + "|", *rest])


def _draw_curves(rows: list[Row], path: Path) -> None:
    """Draw the paper's figure 4, and NRMSE: means and deviations over all frames and seeds, over applied strain."""
    levels = sorted({row.level for row in rows})
    shown = ("SNRt", "SNRbg", "CNR", "NRMSE %")
    figure = Figure(figsize=(3.2 * len(shown), 3.4), layout="constrained")
    for title, axis in zip(shown, figure.subplots(1, len(shown)), strict=True):
        for method in dict.fromkeys(row.method for row in rows):
            values = [
                [row.values[COLUMNS[title]] for row in rows if (row.method, row.level) == (method, level)]
                for level in levels
            ]
            means, deviations = [fmean(found) for found in values], [pstdev(found) for found in values]
            percent = [100 * level for level in levels]
            axis.errorbar(percent, means, deviations, label=method, linewidth=1, capsize=2, marker="o", markersize=3)
        axis.set(xlabel="applied strain (%)", title=title)
    handles, labels = axis.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    figure.savefig(path, dpi=110)


def _draw_maps(entries: list[Entry], levels: list[float], folder: Path) -> None:
    """Strain maps of all methods as one picture, frames across, each frame in its own limits."""
    figure = Figure(figsize=(2.0 * len(FRAMES), 1.75 * len(entries)), layout="constrained")
    axes = figure.subplots(len(entries), len(FRAMES), squeeze=False)
    truth = np.load(folder / "measured" / "oracle.npz")
    for entry, row in zip(entries, axes, strict=True):
        maps = np.load(folder / "measured" / f"{entry.name}.npz")
        for frame, level, axis in zip(FRAMES, levels, row, strict=True):
            top = float(np.nanpercentile(-100.0 * truth[str(frame)], 99.5))
            axis.imshow(-100.0 * maps[str(frame)].astype(np.float32), vmin=0, vmax=top, aspect="auto", cmap="viridis")
            axis.set(xticks=[], yticks=[])
            if entry is entries[0]:
                axis.set_title(f"{100 * level:g} %", fontsize=9)
        row[0].set_ylabel(entry.title.replace(", ", "\n"), fontsize=7)
    figure.savefig(folder / "maps.png", dpi=75)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
