"""Run methods over recordings of known motion and collect what each achieved, always beside the oracle.

The oracle is the true displacement through the same strain filter: no method can be expected to beat its strain error
by better tracking, since what remains is the filter's own blur. Every method shares preparation and strain filter.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median, pstdev
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from engine.errors import ParameterError
from engine.evaluation.measure import measure
from engine.evaluation.oracle import oracle_estimate
from engine.evaluation.sets import EvaluationCase
from engine.metrics.base import metrics_shown
from engine.numerics.host import is_host
from engine.pipeline import Cancelled, Settings, run
from engine.types import Ellipse, FrameEstimate, Geometry, RFSequence

if TYPE_CHECKING:
    import torch

ORACLE = "oracle"
BOOTSTRAP_DRAWS = 2000

Estimates = Callable[[RFSequence], Iterable[FrameEstimate]]
Progress = Callable[[str, int], None]


@dataclass(frozen=True)
class Row:
    """One frame of one recording under one method; `level` is the applied strain as a fraction."""

    method: str
    case: str
    frame: int
    level: float
    values: Mapping[str, float]


@dataclass(frozen=True)
class Summary:
    """Mean, standard deviation (ddof 0) and median over the frames that have a value, and how many those are.

    `low` and `high` are the ends of the mean's 95 % interval over recordings; NaN for a single one.
    """

    mean: float
    deviation: float
    median: float
    count: int
    low: float = math.nan
    high: float = math.nan


@dataclass(frozen=True)
class CaseFacts:
    """What was measured on: the same for every method."""

    name: str
    shape: tuple[int, int, int]
    geometry: Geometry
    target: Ellipse | None
    background: Ellipse | None


@dataclass(frozen=True)
class Evaluation:
    """All rows, and the facts of the protocol: strain window in metres and the ellipses of each recording."""

    rows: tuple[Row, ...]
    cases: tuple[CaseFacts, ...]
    strain_method: str
    strain_window_m: float
    device: str

    @property
    def methods(self) -> tuple[str, ...]:
        """Methods in the order in which they ran; the oracle is the last."""
        return tuple(dict.fromkeys(row.method for row in self.rows))

    @property
    def levels(self) -> tuple[float, ...]:
        """Applied strains, ascending."""
        return tuple(sorted({row.level for row in self.rows}))

    def summary(self, method: str, metric: str, level: float | None = None, case: str | None = None) -> Summary:
        """Summarise one metric of a method over all frames, or over those of one strain level or recording."""
        found: dict[str, list[float]] = {}
        for row in self.rows:
            if row.method == method and level in {None, row.level} and case in {None, row.case}:
                value = row.values[metric]
                if math.isfinite(value):
                    found.setdefault(row.case, []).append(value)
        finite = [value for values in found.values() for value in values]
        if not finite:
            return Summary(math.nan, math.nan, math.nan, 0)
        low, high = mean_interval(list(found.values()))
        return Summary(fmean(finite), pstdev(finite), median(finite), len(finite), low, high)


def mean_interval(groups: Sequence[Sequence[float]]) -> tuple[float, float]:
    """95 % interval of the mean over all values, by drawing whole groups with replacement (the same draws each time).

    Frames of one recording share their noise and their tissue, so recordings are what is drawn.

    >>> mean_interval([[1.0, 1.0], [3.0]])
    (1.0, 3.0)
    """
    if len(groups) < 2:
        return math.nan, math.nan
    drawn = np.random.default_rng(0).integers(0, len(groups), (BOOTSTRAP_DRAWS, len(groups)))
    sums, counts = (np.array([function(group) for group in groups], np.float64) for function in (sum, len))
    low, high = np.percentile(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1), (2.5, 97.5))
    return float(low), float(high)


def evaluate(
    cases: Iterable[EvaluationCase],
    methods: Sequence[Settings],
    device: "torch.device",
    others: Mapping[str, Estimates] | None = None,
    progress: Progress = lambda case, done: None,
    cancelled: Cancelled = lambda: False,
) -> Evaluation:
    """Run every method on every recording; frame 0 is the reference.

    Recordings are taken one at a time, so a set may be made as it is asked for. Times are those of the whole chain:
    pre-alignment, estimate, quality and strain of one pair.

    Parameters
    ----------
    cases
        Recordings with their truth and regions, as `evaluation_set(name).cases()` gives them.
    methods
        Settings of the methods; all take the strain filter of the first.
    device
        Where to compute, as `choose_device` gives it.
    others
        Estimators from outside the registry, by name: from a recording to its estimates.
    progress
        Called as `progress(case, done)` when a recording is finished.
    cancelled
        Asked between frames; once it is true, a CancelledError is raised.

    Returns
    -------
    Evaluation
        A row for each method, recording and frame, the oracle's last; strain in %, lengths as the metrics name them.

    Raises
    ------
    ParameterError
        There is no method, or one does not exist.

    >>> found = evaluate(evaluation_set("small-noisy").cases(), [Settings("ncc")], device)  # doctest: +SKIP
    >>> found.summary("ncc", "strain_rmse_percent").mean  # doctest: +SKIP
    """
    if not methods:
        raise ParameterError("there is no method to evaluate")
    settings = [entry.in_equal_window() for entry in methods]
    first = settings[0]
    if getattr(first.strain_parameters, "measure", "infinitesimal") != "infinitesimal":
        raise ParameterError("the truth is infinitesimal strain: evaluate with strain.measure=infinitesimal")
    rows: list[Row] = []
    facts: list[CaseFacts] = []
    window_m = math.nan
    for case in cases:
        for entry in settings:
            alone = 1 if is_host(device) else None  # side by side, nobody could say what one frame takes
            rows += _rows(case, entry.row, run(case.sequence, entry, device, cancelled=cancelled, batch=alone))
        for name, estimates in (others or {}).items():
            rows += _rows(case, name, estimates(case.sequence))
        oracle = list(_oracle(case, first, device))
        window_m = oracle[0].strain.window_m
        rows += _rows(case, ORACLE, oracle)
        facts.append(CaseFacts(case.name, case.sequence.shape, case.sequence.geometry, case.target, case.background))
        progress(case.name, len(facts))
    return Evaluation(tuple(rows), tuple(facts), first.strain_method, window_m, str(device))


def _rows(case: EvaluationCase, method: str, estimates: Iterable[FrameEstimate]) -> list[Row]:
    rows = []
    started = perf_counter()
    for estimate in estimates:
        seconds = perf_counter() - started
        frame = estimate.deformed_frame
        truth = case.truth.read_frame(frame)
        values = measure(case, truth, estimate, seconds if method != ORACLE else math.nan)
        rows.append(Row(method, case.name, frame, case.level(frame, truth), values))
        started = perf_counter()
    return rows


def _oracle(case: EvaluationCase, settings: Settings, device: "torch.device") -> Iterator[FrameEstimate]:
    for frame in range(1, case.sequence.shape[0]):
        yield oracle_estimate(case.truth, case.sequence.geometry, frame, settings, device)


Table = dict[str, dict[str, dict[str, Summary]]]
"""Summaries by method, then by group, then by metric."""


def table(evaluation: Evaluation) -> Table:
    """Group by strain level, in percent, and `all`."""
    levels: dict[str, float | None] = {f"{100 * level:g}": level for level in evaluation.levels}
    groups = {**levels, "all": None}
    return {
        method: {
            name: {
                metric.name: evaluation.summary(method, metric.name, level=level)
                for metric in metrics_shown("evaluation")
            }
            for name, level in groups.items()
        }
        for method in evaluation.methods
    }


def table_by_recording(evaluation: Evaluation) -> Table:
    """Group by recording, over all its frames."""
    return {
        method: {
            entry.name: {
                metric.name: evaluation.summary(method, metric.name, case=entry.name)
                for metric in metrics_shown("evaluation")
            }
            for entry in evaluation.cases
        }
        for method in evaluation.methods
    }
