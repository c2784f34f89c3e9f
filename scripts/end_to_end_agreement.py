"""The end-to-end paper's own measures of strain and displacement: `python scripts/end_to_end_agreement.py PICTURE.png`.

Wu et al. 2018, section 3: SNRe and CNRe of the inclusion in the paper's decibels (10 log of mean over deviation, and of
the squared contrast; natural logarithms by the size of its numbers), linear regression and Bland-Altman analysis of
every pixel against the truth. Both systems are run on the set `end-to-end-cnn`, each with its own strain filter;
`--strain-weights` takes others for the strain network (`scripts/strain_cnn.py --first-stage` trains such).
"""

import argparse
import math
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import fmean, pstdev

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray

from engine.evaluation.evaluate import ORACLE
from engine.evaluation.measure import measure
from engine.evaluation.oracle import oracle_estimate
from engine.evaluation.sets import EvaluationCase, evaluation_set
from engine.metrics.accuracy import comparable, displacement_accuracy
from engine.metrics.base import DEFAULT_WINDOW_M
from engine.pipeline import Settings, run
from engine.strain.base import STRAIN_METHODS
from engine.types import FrameEstimate, Map, Mask

NETWORK = "end-to-end CNN"
SYSTEMS = {
    NETWORK: Settings("end-to-end-cnn", strain_method="end-to-end-cnn").in_equal_window(),
    "AM2D + Kalman": Settings("am2d", strain_method="kalman").in_equal_window(),
    ORACLE: Settings("bulk"),
}
QUANTITIES = ("displacement (mm)", "strain (%)")
THINNED = (slice(None, None, 8), slice(None, None, 4))
CPU = torch.device("cpu")

Pairs = NDArray[np.float64]
"""Estimates and truth, (2, pixels)."""


def main() -> None:
    """Run both systems, print a row for each and draw the analysis."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("picture", type=Path)
    parser.add_argument("--phantoms", type=int, default=4, help="How many of the set's phantoms")
    parser.add_argument("--strain-weights", default="", help="Weights of the strain network, by path")
    chosen = parser.parse_args()
    strain = STRAIN_METHODS.get("end-to-end-cnn").Params.from_text({"weights": chosen.strain_weights})
    systems = {**SYSTEMS, NETWORK: replace(SYSTEMS[NETWORK], strain_parameters=strain)}
    chosen_set = evaluation_set("end-to-end-cnn")
    chosen_set = replace(chosen_set, numbers=chosen_set.numbers[: chosen.phantoms])
    numbers: dict[str, list[dict[str, float]]] = {title: [] for title in systems}
    pixels: dict[str, dict[str, list[Pairs]]] = {title: {name: [] for name in QUANTITIES} for title in systems}
    for case in chosen_set.cases():
        for title, settings in systems.items():
            for frame, estimate in _estimates(case, title, settings):
                truth = case.truth.read_frame(frame)
                displacement, strain = estimate.displacement, estimate.strain
                values = measure(case, truth, estimate, math.nan)
                numbers[title].append(
                    {**values, **_decibels(values, displacement_accuracy(displacement, truth)["snrd"].value)}
                )
                seen = comparable(truth, strain.geometry, strain.window_m or DEFAULT_WINDOW_M)
                both = (displacement.axial_m, truth.axial_displacement_m), (strain.axial, truth.axial_strain)
                for name, scale, maps in zip(QUANTITIES, (1e3, -100.0), both, strict=True):
                    pixels[title][name].append(_pixels(scale, *maps, seen))
    columns = ("displacement_rmse_samples", "strain_rmse_percent", "SNRd dB", "SNRe dB", "CNRe dB")
    _say("| | " + " | ".join(columns) + " |\n" + "|---" * (len(columns) + 1) + "|")
    for title, rows in numbers.items():
        cells = [_mean_and_deviation([row[name] for row in rows]) for name in columns]
        _say(f"| {title} | " + " | ".join(cells) + " |")
    for title, quantities in pixels.items():
        for name, found in quantities.items():
            _say(f"{title}, {name}: {_agreement(np.concatenate(found, axis=1))}")
    _draw(pixels, chosen.picture)


def _estimates(case: EvaluationCase, title: str, settings: Settings) -> Iterator[tuple[int, FrameEstimate]]:
    if title == ORACLE:
        for frame in range(1, case.sequence.shape[0]):
            yield frame, oracle_estimate(case.truth, case.sequence.geometry, frame, settings, CPU)
        return
    for estimate in run(case.sequence, settings, CPU):
        yield estimate.deformed_frame, estimate


def _decibels(values: dict[str, float], snrd: float) -> dict[str, float]:
    return {
        "SNRd dB": 10 * math.log(snrd) if math.isfinite(snrd) else math.nan,
        "SNRe dB": 10 * math.log(values["snr_target"]),
        "CNRe dB": 20 * math.log(values["cnr"]),
    }


def _mean_and_deviation(values: list[float]) -> str:
    finite = [value for value in values if math.isfinite(value)]
    return f"{fmean(finite):.3g} ± {pstdev(finite):.2g}" if finite else "-"


def _pixels(scale: float, estimate: Map, truth: Map, seen: Mask) -> Pairs:
    """Return some of the pixels that both have, estimates and truth."""
    kept = (seen & np.isfinite(estimate) & np.isfinite(truth))[THINNED]
    return scale * np.stack([estimate[THINNED][kept], truth[THINNED][kept]]).astype(np.float64)


def _agreement(both: Pairs) -> str:
    """Say regression of the estimate on the truth, and bias with its limits of agreement."""
    estimate, truth = both
    slope, offset = np.polyfit(truth, estimate, 1)
    correlation = np.corrcoef(truth, estimate)[0, 1]
    error = estimate - truth
    low, high = error.mean() - 1.96 * error.std(), error.mean() + 1.96 * error.std()
    return (
        f"estimate = {slope:.4f} truth {offset:+.4f}, r = {correlation:.5f}; "
        f"bias {error.mean():+.4g}, limits of agreement {low:.4g} to {high:.4g}"
    )


def _draw(pixels: dict[str, dict[str, list[Pairs]]], path: Path) -> None:
    """Regression above, Bland-Altman below; the shade is the number of pixels."""
    columns = [(title, name) for title in pixels if title != ORACLE for name in QUANTITIES]
    figure = Figure(figsize=(3.0 * len(columns), 5.6), layout="constrained")
    for place, (title, name) in enumerate(columns):
        estimate, truth = np.concatenate(pixels[title][name], axis=1)
        above, below = (
            figure.add_subplot(2, len(columns), place + 1),
            figure.add_subplot(2, len(columns), len(columns) + place + 1),
        )
        above.hexbin(truth, estimate, gridsize=60, bins="log", mincnt=1)
        above.set(title=f"{title}\n{name}", xlabel="truth", ylabel="estimate")
        error = estimate - truth
        below.hexbin((estimate + truth) / 2, error, gridsize=60, bins="log", mincnt=1)
        for line in (error.mean(), error.mean() - 1.96 * error.std(), error.mean() + 1.96 * error.std()):
            below.axhline(line, color="0.3", linewidth=0.8, linestyle="--")
        below.set(xlabel="mean of both", ylabel="estimate - truth")
    figure.savefig(path, dpi=110)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
