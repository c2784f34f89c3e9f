"""`strainscope compare-pairs`: failure rate and CNR histogram of methods over many frame pairs (GLUENet paper)."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.commands._output import echo_columns, echo_json
from app.commands._parse import parse_ellipse, parse_methods
from app.commands._shared import AsJson, Device
from app.commands.estimate import progress_bar
from engine.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.evaluation.papers.many_pairs import MethodSummary, Recording

Files = Annotated[
    list[Path] | None, typer.Argument(metavar="[FILE ...]", help="Recordings; without any, the set's are simulated.")
]
Methods = Annotated[
    list[str] | None,
    typer.Option("--method", metavar="NAME[:KEY=VALUE,...]", help="Estimator, as in `evaluate`; repeatable."),
]
Lesion = Annotated[
    str | None,
    typer.Option("--lesion", metavar="X,Z,A,B[,ANGLE]", help="Outline in the given recordings, mm and degrees."),
]
SetName = Annotated[str, typer.Option("--set", metavar="NAME", help="Simulated set, see `evaluate --list`.")]
StrainMethod = Annotated[str, typer.Option("--strain-method", metavar="NAME", help="Strain filter of every method.")]
Plot = Annotated[Path | None, typer.Option("--plot", metavar="FILE", help="Plot both: png, pdf, svg.")]


def compare_pairs(
    files: Files = None,
    methods: Methods = None,
    lesion: Lesion = None,
    set_name: SetName = "gluenet",
    strain_method: StrainMethod = "least-squares",
    plot: Plot = None,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Count failed frame pairs (correlation below 0.6 with the best map) and gather CNR of 120 window pairs each."""
    from engine.device import choose_device
    from engine.evaluation.papers.many_pairs import compare_many_pairs, plot_many_pairs, summarise
    from engine.evaluation.plot import check_plot

    if plot is not None:
        check_plot(plot)
    settings = parse_methods(methods or ["glue", "gluenet"], strain_method=strain_method)
    total, recordings = _recordings(files or [], lesion, set_name)
    with progress_bar("comparing") as bar:
        results = compare_many_pairs(
            recordings, settings, choose_device(device), progress=lambda name, done: bar(done, total)
        )
    if plot is not None:
        plot_many_pairs(results, plot)
    summaries = summarise(results)
    if as_json:
        pairs = [{**vars(entry), "cnr": entry.cnr.tolist()} for entry in results]
        echo_json({"data": files or set_name, "strain_method": strain_method, "methods": summaries, "pairs": pairs})
    else:
        _show(summaries)


def _recordings(files: list[Path], lesion: str | None, set_name: str) -> "tuple[int, Iterator[Recording]]":
    from engine.evaluation.papers.many_pairs import Recording
    from engine.evaluation.sets import evaluation_set, file_case
    from engine.readers import ReadOptions, open_recording

    outline = parse_ellipse(lesion, "--lesion")
    if not files:
        if outline is not None:
            raise ParameterError("--lesion: belongs to given recordings; a simulated set knows its own")
        chosen = evaluation_set(set_name)
        cases = ((case.name, case.sequence, case.lesion) for case in chosen.cases())
        return len(chosen), (Recording(name, rf, shape) for name, rf, shape in cases if shape is not None)
    opened = [(path, open_recording([path], ReadOptions()).complete()) for path in files]
    found = []
    for path, sequence in opened:
        shape = outline or (file_case(path, sequence).lesion if sequence.truth is not None else None)
        if shape is None:
            raise ParameterError(f"{path.name}: give the lesion's outline with --lesion")
        found.append(Recording(path.name, sequence, shape))
    return len(found), iter(found)


def _show(summaries: "dict[str, MethodSummary]") -> None:
    header = ["Method", "Pairs", "Failed", "Failure rate (%)", "CNR values", "CNR mean", "deviation", "median"]
    rows = [
        [
            method,
            str(entry.pairs),
            str(entry.failed),
            f"{entry.failure_rate_percent:.2f}",
            str(entry.cnr_values),
            *(f"{value:.3g}" for value in (entry.cnr_mean, entry.cnr_deviation, entry.cnr_median)),
        ]
        for method, entry in summaries.items()
    ]
    echo_columns([header, *rows])
