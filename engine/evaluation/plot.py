"""Each metric over the applied strain, one line a method with its standard deviation, like the papers' figures."""

from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import ParameterError
from engine.evaluation.evaluate import ORACLE, Evaluation
from engine.files.atomic import atomic_path, check_target
from engine.metrics.base import METRICS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN = (
    "displacement_rmse_um",
    "nrmse_percent",
    "strain_rmse_percent",
    "edge_width_mm",
    "dice",
    "snr_target",
    "snr_background",
    "cnr",
    "snre",
    "mssim",
)
FORMATS = (".png", ".pdf", ".svg")
MARKERS = "osD^v<>P*X"
_COLUMNS = 5


def check_plot(path: Path) -> None:
    """Refuse early what cannot be written: another ending than PNG, PDF or SVG, or a place that is no place."""
    if path.suffix.lower() not in FORMATS:
        raise ParameterError(f"{path.name}: a plot is one of {', '.join(FORMATS)}")
    check_target(path)


def plot_evaluation(evaluation: Evaluation, path: Path, dpi: int = 200) -> None:
    """Write the plot as PNG, PDF or SVG, by the name's ending."""
    check_plot(path)
    from matplotlib.figure import Figure

    rows = -(-len(SHOWN) // _COLUMNS)
    figure = Figure(figsize=(3.2 * _COLUMNS, 2.6 * rows), layout="constrained")
    axes = figure.subplots(rows, _COLUMNS, squeeze=False).ravel()
    for metric, axis in zip(SHOWN, axes, strict=True):
        _draw(evaluation, metric, axis)
    handles, labels = axes[0].get_legend_handles_labels()
    extra_handles, extra_labels = axes[2].get_legend_handles_labels()
    known = dict(zip([*labels, *extra_labels], [*handles, *extra_handles], strict=True))
    figure.legend(known.values(), known.keys(), loc="outside lower center", ncols=min(8, len(known)), frameon=False)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:].lower(), dpi=dpi, metadata=_without_dates(path))


def _draw(evaluation: Evaluation, metric: str, axis: "Axes") -> None:
    levels = evaluation.levels
    for number, method in enumerate(evaluation.methods):
        if method == ORACLE and METRICS.get(metric).better == "lower" and metric != "strain_rmse_percent":
            continue
        summaries = [evaluation.summary(method, metric, level) for level in levels]
        axis.errorbar(
            [100 * level for level in levels],
            [summary.mean for summary in summaries],
            [summary.deviation for summary in summaries],
            label=method,
            marker=MARKERS[number % len(MARKERS)],
            markersize=4,
            linewidth=1,
            capsize=2,
            color="0.5" if method == ORACLE else f"C{number}",
            linestyle="--" if method == ORACLE else "-",
        )
    axis.set_xlabel("Applied strain (%)")
    axis.set_ylabel(METRICS.get(metric).label)
    axis.set_ylim(bottom=0)
    axis.grid(alpha=0.3)


def _without_dates(path: Path) -> dict[str, None] | None:
    """Leave out the time of writing, so that the same table gives the same file."""
    return {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(path.suffix.lower())
