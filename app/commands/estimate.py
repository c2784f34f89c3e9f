"""`strainscope estimate`: displacement, strain and quality of every frame, into one result file."""

import math
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Annotated

import typer

from app.commands._groups import grouped
from app.commands._output import echo, echo_json, warn
from app.commands._parse import parse_frames, parse_settings
from app.commands._shared import AsJson, Device, Files, Opening, say_notes

if TYPE_CHECKING:
    from engine.pipeline import Progress, Settings
    from engine.reliability.frame import FrameReliability
    from engine.types import RFSequence, Strain

Method = Annotated[
    str | None,
    typer.Option("--method", metavar="NAME", help="Estimator, see `strainscope methods`; default: the best."),
]
Sets = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="A parameter of the method, or prepare.KEY or strain.KEY; repeatable."
    ),
]
StrainMethod = Annotated[
    str, typer.Option("--strain-method", metavar="NAME", help="How strain follows from displacement.")
]

PairsOption = Annotated[
    str | None,
    typer.Option("--pairs", metavar="PAIRS", help="fixed, sliding, 'lag 5', 'sliding added up', or '0-5, 2-7'."),
]
PartOption = Annotated[
    str | None,
    typer.Option("--part", metavar="TOP:BOTTOM[,LEFT:RIGHT]", help="Part of the frame to estimate, in mm: 10:25,-8:8."),
]
Reference = Annotated[int, typer.Option("--reference", metavar="FRAME", help="Reference frame.")]
Frames = Annotated[
    str | None, typer.Option("--frames", metavar="1:10", help="Frames to estimate: 3, 1,4,7 or a Python slice.")
]


@grouped
def estimate(
    files: Files,
    opening: Opening,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="RESULT.h5", help="Result file to write.")],
    method: Method = None,
    reference: Reference = 0,
    pairs: PairsOption = None,
    frames: Frames = None,
    part: PartOption = None,
    device: Device = "auto",
    settings: Sets = None,
    strain_method: StrainMethod = "least-squares",
    floor: Annotated[
        bool, typer.Option("--noise-floor", help="Measure the recording's noise floor too, and keep it in the result.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Estimate displacement and strain of each frame against the reference."""
    from engine.device import choose_device
    from engine.estimators.glue_stack import pattern_words
    from engine.export.result_file import ResultWriter
    from engine.files.atomic import check_target
    from engine.pipeline import depth_warning, run, unused_warning, wanted_frames
    from engine.provenance import make_provenance, unchanged_input
    from engine.reliability.frame import RecordingReliability, judge

    sequence = opening.sequence(files)
    check_target(output, sequence.files)
    chosen = make_settings(sequence, method, strain_method, prepared(settings, pairs, part), reference, frames)
    wanted = wanted_frames(sequence, chosen)
    target = choose_device(device)
    say_notes(sequence)
    medians: list[float] = []
    judged: list[FrameReliability] = []
    reports: list[Mapping[str, float]] = []
    provenance = make_provenance(sequence, chosen)
    if floor:
        from engine.noise_floor import kept_in, noise_floor

        still = noise_floor(sequence, target)
        provenance = kept_in(provenance, still)
        echo(still.words(), err=True)
    with (
        ResultWriter(output, sequence.shape, sequence.geometry, reference, wanted, provenance) as writer,
        unchanged_input(sequence),
        progress_bar(f"{chosen.method} on {target}") as progress,
    ):
        for found in run(sequence, chosen, target, progress):
            writer.append(found)
            medians.append(_median_percent(found.strain))
            judged.append(judge(found))
            reports.append(found.displacement.report)
    reliability = RecordingReliability.of(judged)
    warn((*reliability.words, depth_warning(sequence, chosen), unused_warning(chosen)))
    if as_json:
        echo_json(
            {
                "result": output,
                "method": chosen.method,
                "device": str(target),
                "reference_frame": reference,
                "deformed_frames": wanted,
                "median_strain_percent": medians,
                **({"drift_m": [entry.get("drift_m") for entry in reports]} if chosen.pairs.added else {}),
                "reports": reports,
                "reliability": reliability,
                "shape": (len(wanted), *sequence.shape[1:]),
                "provenance": provenance,
            }
        )
        return
    echo(
        f"{output}: {len(wanted)} {'frame' if len(wanted) == 1 else 'frames'} with {chosen.method} on {target}, "
        + _span(medians)
    )
    if chosen.pairs.added:
        from engine.accumulation import drift_words

        echo(f"Added up, at the end: {drift_words(reports[-1])}")
    if words := pattern_words(reports):
        echo(f"  {words}")
    elif said := ", ".join(f"{name.replace('_', ' ')} {value:.3g}" for name, value in _means(reports).items()):
        echo(f"  mean over frames: {said}")


def _means(reports: list[Mapping[str, float]]) -> dict[str, float]:
    """Mean of each entry over the frames that have it: what a method says of its own work."""
    names = dict.fromkeys(name for report in reports for name in report)
    return {name: fmean(report[name] for report in reports if name in report) for name in names}


def _span(percents: list[float]) -> str:
    """Say between what the frames' medians lie."""
    finite = [value for value in percents if math.isfinite(value)]
    if not finite:
        return "no strain in any of them" if len(percents) > 1 else "no strain"
    low, high = f"{min(finite):.3g}", f"{max(finite):.3g}"
    return f"median compressive strain {low if low == high else f'{low} to {high}'} %"


def _median_percent(strain: "Strain") -> float:
    """Median compressive strain in percent, NaN where there is no estimate at all."""
    import numpy as np

    valid = strain.axial[np.isfinite(strain.axial)]
    return -100 * float(np.median(valid)) if valid.size else float("nan")


def make_settings(
    sequence: "RFSequence",
    method: str | None,
    strain_method: str,
    texts: list[str],
    reference: int,
    frames: str | None,
) -> "Settings":
    """Turn the options into settings; an unknown method, parameter or frame is one clear line."""
    chosen = choose_settings(method, strain_method, texts, reference)
    return chosen if frames is None else replace(chosen, frames=parse_frames(frames, sequence.shape[0]))


def prepared(texts: list[str] | None, pairs: str | None, part: str | None) -> list[str]:
    """Add `--pairs` and `--part` to what was set."""
    given = {"pairing": pairs, "part": part}
    return [*(texts or []), *(f"prepare.{name}={text}" for name, text in given.items() if text is not None)]


def choose_settings(method: str | None, strain_method: str, texts: list[str], reference: int) -> "Settings":
    """Turn the options that hold for any recording into settings."""
    from engine.scripting import settings_of

    groups = parse_settings(texts)
    return settings_of(
        method,
        groups["method"],
        reference=reference,
        prepare=groups["prepare"],
        strain_method=strain_method,
        strain=groups["strain"],
    )


@contextmanager
def progress_bar(title: str) -> Iterator["Progress"]:
    """Show a progress bar on stderr while the block runs, if stderr is a terminal; yield its progress function."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
