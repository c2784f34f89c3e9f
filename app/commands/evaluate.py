"""`strainscope evaluate`: errors and image metrics of methods against the truth, per strain level and overall."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.commands._output import echo, echo_columns, echo_json
from app.commands._parse import parse_methods
from app.commands._shared import AsJson, Device
from app.commands.estimate import progress_bar
from engine.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.evaluation.evaluate import Evaluation, Summary, Table
    from engine.evaluation.sets import EvaluationCase
    from engine.pipeline import Settings
    from engine.types import Ellipse

Files = Annotated[list[Path] | None, typer.Argument(metavar="[DATA.h5 ...]", help="Recordings with truth.")]
Methods = Annotated[
    list[str] | None,
    typer.Option("--method", metavar="NAME[:KEY=VALUE,...]", help="Estimator, see `strainscope methods`; repeatable."),
]
Sets = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME|KEY=VALUE",
        help="A named set instead of files, see --list; or a parameter of the method, prepare.KEY or strain.KEY.",
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(
        "--tuning-seed", help="Recordings like those of the set from another seed, below 1000000: to tune on."
    ),
]
StrainMethod = Annotated[str, typer.Option("--strain-method", metavar="NAME", help="Strain filter of every method.")]
Plot = Annotated[Path | None, typer.Option("--plot", metavar="FILE", help="Plot metrics over strain: png, pdf, svg.")]
ByRecording = Annotated[
    bool, typer.Option("--by-recording", help="Print a block for each recording instead of each strain level.")
]
Calibration = Annotated[
    bool,
    typer.Option(
        "--calibration",
        help="Errors over their stated uncertainty instead of metrics, each method in its own strain window; --plot "
        "draws them.",
    ),
]
TradeOff = Annotated[
    bool,
    typer.Option("--trade-off", help="Strain error against edge width over strain windows; --plot draws the curves."),
]
Intervals = Annotated[
    bool,
    typer.Option("--intervals", help="Print the mean's 95 % interval over recordings instead of the deviation."),
]
List = Annotated[bool, typer.Option("--list", help="Name the evaluation sets and leave.")]


@dataclass(frozen=True)
class _Asked:
    """What another evaluation is made of: the recordings and how many, methods, where to draw and to compute."""

    data: list[str]
    total: int
    cases: "Iterator[EvaluationCase]"
    settings: "list[Settings]"
    plot: Path | None
    device: str
    as_json: bool


def evaluate(
    files: Files = None,
    methods: Methods = None,
    sets: Sets = None,
    tuning_seed: Seed = None,
    strain_method: StrainMethod = "least-squares",
    plot: Plot = None,
    device: Device = "auto",
    by_recording: ByRecording = False,
    calibration: Calibration = False,
    trade_off: TradeOff = False,
    intervals: Intervals = False,
    listing: List = False,
    as_json: AsJson = False,
) -> None:
    """Measure methods on recordings whose motion is known, always beside the oracle: the truth, equally filtered."""
    if listing:
        _list(as_json)
        return
    from engine.device import choose_device
    from engine.estimators.default import default_method
    from engine.evaluation.evaluate import evaluate as measure_all
    from engine.evaluation.evaluate import table, table_by_recording
    from engine.evaluation.plot import check_plot, plot_evaluation

    names = [text for text in sets or [] if "=" not in text]
    shared = [text for text in sets or [] if "=" in text]
    settings = parse_methods(methods or [default_method()], shared, strain_method, equal_window=not calibration)
    if plot is not None:
        check_plot(plot)
    total, cases = _cases(files or [], names, tuning_seed)
    data = names or [str(path) for path in files or []]
    if calibration and trade_off:
        raise ParameterError("--calibration and --trade-off are two evaluations: give one")
    if calibration or trade_off:
        other = _calibrate if calibration else _trade_off
        other(_Asked(data, total, cases, settings, plot, device, as_json))
        return
    with progress_bar("evaluating") as bar:
        found = measure_all(cases, settings, choose_device(device), progress=lambda case, done: bar(done, total))
    if plot is not None:
        plot_evaluation(found, plot)
    if as_json:
        numbers = {"methods": table(found), "methods_by_recording": table_by_recording(found)}
        echo_json({"data": data, **_facts(found), **numbers})
    else:
        shown = table_by_recording(found) if by_recording else table(found)
        _show(found, shown, unit="" if by_recording else " %", intervals=intervals)


def _calibrate(asked: _Asked) -> None:
    """Print a line for each bin: what was stated, what was found, their ratio, and the share within 95 %."""
    from engine.device import choose_device
    from engine.evaluation.calibration import collect, plot_reliability, reliability

    with progress_bar("calibrating") as bar:
        frames = collect(
            asked.cases, asked.settings, choose_device(asked.device), lambda case, done: bar(done, asked.total)
        )
    own = {entry.row: [frame for frame in frames if frame.method == entry.row] for entry in asked.settings}
    bins = {method: reliability(found) for method, found in own.items()}
    valid = {method: sum(frame.valid for frame in found) / len(found) for method, found in own.items()}
    if asked.plot is not None:
        plot_reliability(bins, asked.plot)
    if asked.as_json:
        echo_json({"data": asked.data, "methods": bins, "valid_share": valid})
        return
    for method, found in bins.items():
        echo(f"{method}: {100 * valid[method]:.2f} % of the comparable pixels are valid")
        rows = [["", "Bin", "Errors", "Stated (%)", "Found (%)", "Found / stated", "Within 95 %"]]
        for entry in found:
            numbers = (f"{entry.sigma_percent:.4f}", f"{entry.rms_percent:.4f}", f"{entry.ratio:.2f}")
            rows.append([entry.group, entry.label, str(entry.count), *numbers, f"{entry.covered_percent:.1f} %"])
        echo_columns(rows, indent="  ")


def _trade_off(asked: _Asked) -> None:
    """Print edge width and strain error for each window, methods across, a block for each strain level."""
    from engine.device import choose_device
    from engine.evaluation.trade_off import plot_trade_off, trade_off

    with progress_bar("evaluating") as bar:
        points = trade_off(
            asked.cases,
            asked.settings,
            choose_device(asked.device),
            progress=lambda case, done: bar(done, asked.total),
        )
    if asked.plot is not None:
        plot_trade_off(points, asked.plot)
    if asked.as_json:
        echo_json({"data": asked.data, "points": points})
        return
    methods = list(dict.fromkeys(point.method for point in points))
    places = {(point.level, point.window_m, point.method): point for point in points}
    rows = [["Strain", "Window (mm)", *methods]]
    for level, window_m in dict.fromkeys((point.level, point.window_m) for point in points):
        found = [places[level, window_m, method] for method in methods]
        cells = [f"{point.edge_width_mm:.2f} mm, {point.error_percent:.4f} %" for point in found]
        rows.append([f"{100 * level:g} %", f"{1e3 * window_m:g}", *cells])
    echo_columns(rows)
    echo("edge width and RMS error of strain, means over the frames in which every method and window shows the edge")


def _cases(files: list[Path], names: list[str], seed: int | None) -> "tuple[int, Iterator[EvaluationCase]]":
    """Count the recordings and open them one by one; either files or one set."""
    from engine.evaluation.sets import evaluation_set, file_case, tuning_set
    from engine.readers import ReadOptions, open_recording

    if bool(files) == bool(names) or len(names) > 1:
        raise ParameterError("give either recordings or one set with --set NAME (see --list)")
    if names:
        chosen = evaluation_set(names[0]) if seed is None else tuning_set(names[0], seed)
        return len(chosen), chosen.cases()
    if seed is not None:
        raise ParameterError("--tuning-seed belongs to a set, not to recordings")
    recordings = [(path, open_recording([path], ReadOptions()).complete()) for path in files]
    cases = [file_case(path, sequence) for path, sequence in recordings]
    return len(cases), iter(cases)


def _facts(found: "Evaluation") -> dict[str, Any]:
    """Return what was the same for every method."""
    return {
        "device": found.device,
        "strain_method": found.strain_method,
        "strain_window_mm": 1e3 * found.strain_window_m,
        "levels_percent": [100 * level for level in found.levels],
        "recordings": [
            {
                "name": entry.name,
                "shape": entry.shape,
                "sampling_hz": entry.geometry.sampling_hz,
                "center_hz": entry.geometry.center_hz,
                "pitch_m": entry.geometry.pitch_m,
                "target": entry.target,
                "background": entry.background,
            }
            for entry in found.cases
        ],
    }


def _show(found: "Evaluation", numbers: "Table", unit: str, *, intervals: bool) -> None:
    """Print one block of rows a group, metrics down, methods across: mean, and standard deviation or interval."""
    from rich.console import Console
    from rich.table import Table

    from engine.metrics.base import metrics_shown

    shown = Table(header_style="bold", box=None, pad_edge=False)
    for heading in ("Strain" if unit else "Recording", "Metric", *numbers):
        shown.add_column(
            heading, justify="left" if heading in {"Strain", "Recording", "Metric"} else "right", no_wrap=True
        )
    for level in next(iter(numbers.values())):
        for row, metric in enumerate(metrics_shown("evaluation")):
            title = "" if row else ("all" if level == "all" else f"{level}{unit}")
            cells = (_cell(numbers[method][level][metric.name], intervals=intervals) for method in numbers)
            shown.add_row(title, metric.label, *cells)
        shown.add_section()
    console = Console()
    if not console.is_terminal:
        console = Console(width=max(100, 60 + (32 if intervals else 22) * len(numbers)))
    console.print(shown)
    echo(
        f"{len(found.cases)} recordings, {found.device}; strain by {found.strain_method} over "
        f"{1e3 * found.strain_window_m:.2f} mm; mean over frames and "
        + ("its 95 % interval over recordings" if intervals else "standard deviation")
    )
    for entry in found.cases:
        target, background = _ellipse(entry.target), _ellipse(entry.background)
        echo(f"  {entry.name}: target {target}, background {background}")


def _cell(summary: "Summary", *, intervals: bool) -> str:
    if not summary.count:
        return "-"
    if intervals:
        return f"{summary.mean:.4g} ({summary.low:.4g} to {summary.high:.4g})"
    return f"{summary.mean:.4g} ± {summary.deviation:.2g}"


def _ellipse(shape: "Ellipse | None") -> str:
    if shape is None:
        return "none"
    values = (shape.lateral_m, shape.depth_m, shape.semi_lateral_m, shape.semi_axial_m)
    return ",".join(f"{1e3 * value:.2f}" for value in values) + f",{shape.angle_deg:.0f}"


def _list(as_json: bool) -> None:
    from engine.evaluation.sets import SETS

    if as_json:
        echo_json({"sets": list(SETS.values())})
        return
    rows = [[entry.name, str(len(entry)), entry.protocol, entry.title] for entry in SETS.values()]
    echo_columns([["Set", "Recordings", "Protocol", ""], *rows])
