"""Noise against resolution: strain error over edge width as the strain window grows, a curve a method.

More smoothing lowers the error of any method and widens the edges. The method whose curve lies below and left of
another's is better at every resolution; points of one window alone cannot say that.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from engine.errors import ParameterError
from engine.evaluation.evaluate import ORACLE
from engine.evaluation.oracle import oracle_estimate
from engine.evaluation.plot import MARKERS, check_plot
from engine.evaluation.sets import EvaluationCase
from engine.files.atomic import atomic_path
from engine.metrics.base import METRICS, MetricInput
from engine.pipeline import Settings, run
from engine.strain.base import STRAIN_METHODS
from engine.types import FrameEstimate

if TYPE_CHECKING:
    import torch

WINDOWS_M = (0.5e-3, 0.75e-3, 1e-3, 1.5e-3, 2e-3, 3e-3, 4e-3)
ERROR, WIDTH = "strain_rmse_percent", "edge_width_mm"
_COLUMNS = 4


@dataclass(frozen=True)
class Reading:
    """Strain error in percent and edge width in mm of one frame read in one window; `level` is the applied strain."""

    method: str
    case: str
    frame: int
    level: float
    window_m: float
    error_percent: float
    edge_width_mm: float


@dataclass(frozen=True)
class Point:
    """Means over the frames of one level that have both values."""

    method: str
    level: float
    window_m: float
    error_percent: float
    edge_width_mm: float
    count: int


def trade_off(
    cases: Iterable[EvaluationCase],
    methods: Sequence[Settings],
    device: "torch.device",
    windows_m: Sequence[float] = WINDOWS_M,
    progress: Callable[[str, int], None] = lambda case, done: None,
) -> tuple[Point, ...]:
    """Estimate each recording once by every method, and read the strain in every window; the oracle beside them.

    Without a method, or with a strain method that has no window, it is a ParameterError.
    """
    if not methods:
        raise ParameterError("there is no method to evaluate")
    settings = [entry.in_equal_window() for entry in methods]
    if any(not hasattr(entry.strain_parameters, "window_m") for entry in settings):
        raise ParameterError(f"strain method {settings[0].strain_method} has no window to vary")
    readings: list[Reading] = []
    for done, case in enumerate(cases, 1):
        for entry in settings:
            for estimate in run(case.sequence, entry, device):
                readings += _readings(case, entry.row, estimate, entry, windows_m, device)
        for frame in range(1, case.sequence.shape[0]):
            estimate = oracle_estimate(case.truth, case.sequence.geometry, frame, settings[0], device)
            readings += _readings(case, ORACLE, estimate, settings[0], windows_m, device)
        progress(case.name, done)
    return tuple(_points(readings))


def _readings(
    case: EvaluationCase,
    method: str,
    estimate: FrameEstimate,
    settings: Settings,
    windows_m: Sequence[float],
    device: "torch.device",
) -> Iterator[Reading]:
    truth = case.truth.read_frame(estimate.deformed_frame)
    level = case.level(estimate.deformed_frame, truth)
    assert settings.strain_parameters is not None
    for window_m in windows_m:
        parameters = replace(settings.strain_parameters, **{"window_m": window_m})
        read = STRAIN_METHODS.get(settings.strain_method)
        strain = read.strain(estimate.displacement, estimate.quality, parameters, device)
        same_border = replace(strain, window_m=max(windows_m))
        source = MetricInput.of_strain(same_border, lesion=case.lesion, truth=truth)
        error, width = (METRICS.get(name).measure(source).value for name in (ERROR, WIDTH))
        yield Reading(method, case.name, estimate.deformed_frame, level, window_m, error, width)


def _points(readings: Sequence[Reading]) -> Iterator[Point]:
    """Average over frames whose edge was found in every window by every method, so that all curves show the same."""
    lost = {(entry.case, entry.frame) for entry in readings if not entry.edge_width_mm < float("inf")}
    kept: dict[tuple[str, float, float], list[Reading]] = {}
    for entry in readings:
        if (entry.case, entry.frame) not in lost:
            kept.setdefault((entry.method, entry.level, entry.window_m), []).append(entry)
    for (method, level, window_m), found in kept.items():
        error = fmean(entry.error_percent for entry in found)
        width = fmean(entry.edge_width_mm for entry in found)
        yield Point(method, level, window_m, error, width, len(found))


def plot_trade_off(points: Sequence[Point], path: Path) -> None:
    """Draw strain error over edge width, a panel a strain level, a curve a method, a marker a window."""
    check_plot(path)
    if not points:
        raise ParameterError("no frame has a lesion whose edge every method and window shows: there is nothing to draw")
    from matplotlib.figure import Figure

    levels = sorted({point.level for point in points})
    columns = min(_COLUMNS, len(levels))
    rows = -(-len(levels) // columns)
    figure = Figure(figsize=(3.4 * columns, 3.2 * rows + 0.4), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for level, axis in zip(levels, axes, strict=False):
        for number, method in enumerate(dict.fromkeys(point.method for point in points)):
            shown = [point for point in points if point.method == method and point.level == level]
            axis.plot(
                [point.edge_width_mm for point in shown],
                [point.error_percent for point in shown],
                marker=MARKERS[number % len(MARKERS)],
                markersize=4,
                linewidth=1,
                color="0.5" if method == ORACLE else f"C{number}",
                linestyle="--" if method == ORACLE else "-",
                label=method,
            )
        axis.set(title=f"{100 * level:g} %", xlabel=METRICS.get(WIDTH).label, ylabel=METRICS.get(ERROR).label)
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
    for axis in axes[len(levels) :]:
        axis.set_visible(False)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=8, frameon=False)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:].lower(), dpi=200)
