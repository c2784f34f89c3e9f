"""The protocols of Kibria & Rivaz 2018 over many frame pairs: rate of failure, and the histogram of CNR.

Failure rate: of all strain maps of a recording, from every method, the one of highest CNR is the reference, unless it
is turned over against most of them (CNR has no sign); a map whose signed correlation with it is below 0.6 has failed.
The paper chose its reference by eye. CNR: 120 pairs of windows in every map (`engine.metrics.cnr_histogram`), so no
truth is needed but the lesion's outline.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.errors import ParameterError
from engine.files.atomic import atomic_path
from engine.metrics.cnr_histogram import cnr_histogram
from engine.metrics.similarity import FAILURE_NCC, ncc
from engine.pipeline import Cancelled, Settings, run
from engine.types import Ellipse, Map, RFSequence

if TYPE_CHECKING:
    import torch

_BINS = 30


@dataclass(frozen=True)
class Recording:
    """What the protocols need: a name, the RF, and the outline of the lesion."""

    name: str
    sequence: RFSequence
    lesion: Ellipse


@dataclass(frozen=True)
class PairResult:
    """One strain map: its 120 values of CNR (fewer where windows do not fit) and its correlation with the best."""

    method: str
    recording: str
    frame: int
    cnr: NDArray[np.float64]
    ncc_with_best: float
    is_reference: bool


@dataclass(frozen=True)
class MethodSummary:
    """A method over all pairs: failures in %, and mean, deviation (ddof 0) and median of all its values of CNR."""

    pairs: int
    failed: int
    failure_rate_percent: float
    cnr_values: int
    cnr_mean: float
    cnr_deviation: float
    cnr_median: float


def compare_many_pairs(
    recordings: Iterable[Recording],
    methods: Sequence[Settings],
    device: "torch.device",
    progress: Callable[[str, int], None] = lambda name, done: None,
    cancelled: Cancelled = lambda: False,
) -> tuple[PairResult, ...]:
    """Run every method over every recording.

    No method at all, or a recording whose lesion leaves no place for windows, is a ParameterError.
    """
    if not methods:
        raise ParameterError("there is no method to compare")
    results: list[PairResult] = []
    for done, recording in enumerate(recordings, start=1):
        maps: dict[tuple[str, int], Map] = {}
        for settings in methods:
            for estimate in run(recording.sequence, settings, device, cancelled=cancelled):
                maps[settings.row, estimate.deformed_frame] = estimate.strain.axial
        results += judged(maps, recording)
        progress(recording.name, done)
    return tuple(results)


def judged(maps: dict[tuple[str, int], Map], recording: Recording) -> list[PairResult]:
    """Compare strain maps of one recording, by method and frame, with the best of them."""
    geometry = recording.sequence.geometry
    values = {key: cnr_histogram(strain, geometry, recording.lesion) for key, strain in maps.items()}
    means = {key: float(entry.mean()) if entry.size else -math.inf for key, entry in values.items()}
    stacked = np.ma.masked_invalid(np.stack(list(maps.values())))
    usual = np.ma.median(stacked, axis=0).filled(np.nan).astype(np.float32)  # type: ignore[no-untyped-call]
    upright = [key for key, strain in maps.items() if ncc(strain, usual).value > 0] or list(maps)
    best = max(upright, key=lambda key: means[key])
    if math.isinf(means[best]):
        raise ParameterError(f"{recording.name}: no place for windows of 3 mm in the lesion and beside it")
    return [
        PairResult(method, recording.name, frame, values[method, frame], ncc(strain, maps[best]).value, key == best)
        for key, strain in maps.items()
        for method, frame in [key]
    ]


def summarise(results: Sequence[PairResult]) -> dict[str, MethodSummary]:
    """Count failures and pool CNR by method, in the order in which they ran."""
    return {
        method: _summary([entry for entry in results if entry.method == method])
        for method in dict.fromkeys(entry.method for entry in results)
    }


def _summary(results: list[PairResult]) -> MethodSummary:
    failed = sum(not entry.ncc_with_best >= FAILURE_NCC for entry in results)
    cnr = np.concatenate([entry.cnr for entry in results])
    mean, deviation, median = (
        (float(cnr.mean()), float(cnr.std()), float(np.median(cnr))) if cnr.size else (math.nan,) * 3
    )
    return MethodSummary(len(results), failed, 100 * failed / len(results), cnr.size, mean, deviation, median)


def plot_many_pairs(results: Sequence[PairResult], path: Path, dpi: int = 200) -> None:
    """Write both protocols as PNG, PDF or SVG: histograms of CNR, and correlation with the best map, sorted."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    summaries = summarise(results)
    edges = np.linspace(0.0, max(float(np.percentile(np.concatenate([r.cnr for r in results]), 99.0)), 1e-3), _BINS + 1)
    for method, summary in summaries.items():
        own = [entry for entry in results if entry.method == method]
        left.hist(np.concatenate([entry.cnr for entry in own]), edges, histtype="step", label=method)
        correlations = np.sort(np.nan_to_num([entry.ncc_with_best for entry in own], nan=-1.0))
        right.plot(correlations, marker=".", label=f"{method}: {summary.failure_rate_percent:.1f} % failed")
    left.set(xlabel="CNR of a window pair", ylabel="Window pairs")
    right.axhline(FAILURE_NCC, color="0.5", linestyle="--", linewidth=1)
    right.set(xlabel="Frame pairs, sorted", ylabel="Correlation with the best map", ylim=(-1.05, 1.05))
    for axis in (left, right):
        axis.legend(frameon=False)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:].lower(), dpi=dpi)
