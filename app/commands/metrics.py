"""`strainscope metrics`: the numbers under two ellipses, for one frame or all."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from app.commands._figure_options import OfTruth, OnRegions, choices_of, map_of
from app.commands._groups import Fields, grouped
from app.commands._output import echo, echo_columns, echo_json, warn
from app.commands._shared import AsJson, Average, MapName, MeasuredQuality, Opening, ResultFile, open_result
from engine.errors import ParameterError
from engine.figures.options import Shown
from engine.frames import frame_words
from engine.quantity import AXIAL_STRAIN

if TYPE_CHECKING:
    from engine.export.over_frames import OverFrames
    from engine.export.table import FrameMetrics
    from engine.metrics.base import Measurement

UNLIKE = 0.2
"""Spread of the mean strain over frames, relative to it, above which strains of frames do not belong together."""


@grouped
def metrics(
    result: ResultFile,
    regions: OnRegions,
    shown: Annotated[Shown, Fields("remove_rigid", "follow")],
    opening: Opening,
    frame: Annotated[
        int | None, typer.Option("--frame", metavar="K", help="Deformed frame to measure; default: all frames.")
    ] = None,
    ddof: Annotated[
        int, typer.Option("--ddof", metavar="0|1", help="1 for the sample, 0 for the population standard deviation.")
    ] = 0,
    average: Average = 1,
    quality: MeasuredQuality = 0.0,
    drawn: MapName = AXIAL_STRAIN,
    rf: OfTruth = None,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
) -> None:
    """Measure SNR, CNR and strain ratio under a target and a background ellipse.

    SNR is a magnitude; the sign of the strain is that of the means: compression is positive.
    """
    from engine.export.over_frames import over_frames
    from engine.export.table import measure_result
    from engine.reliability.frame import judge_result

    if as_json and as_csv:
        raise ParameterError("give --json or --csv, not both")
    if ddof not in {0, 1}:
        raise ParameterError(f"--ddof: expected 0 or 1, found {ddof}")
    opened, choices = open_result(result), choices_of(regions, shown, drawn=drawn)
    marks = choices.marks
    chosen = opened.deformed_frames if frame is None else [opened.estimated(frame)]
    table = measure_result(
        opened,
        marks.target,
        marks.background,
        frames=chosen,
        lesion=marks.lesion,
        average=average,
        quality=quality,
        ddof=ddof,
        drawn=drawn,
        read_map=map_of(opening, rf, opened, choices),
        follow=shown.follow,
    )
    rows, provenance = table.rows, table.provenance
    reliability = judge_result(opened, chosen)
    over = over_frames({row.deformed_frame: row.metrics for row in rows}, reliability.worth_keeping)
    warn(reliability.words)
    if as_json:
        echo_json(
            {
                "result": result,
                "map": drawn,
                "target": marks.target,
                "background": marks.background,
                **({} if marks.lesion is None else {"lesion": marks.lesion}),
                "frames": rows,
                **({"intervals": table.intervals} if table.intervals else {}),
                "over_frames_worth_keeping": over,
                "reliability": reliability,
                "provenance": provenance,
            }
        )
        return
    if as_csv:
        echo(table.text().removesuffix("\n"))
    else:
        _show(rows)
        if len(reliability.worth_keeping) > 1:
            _show_over(over, reliability.worth_keeping)
        if table.intervals:
            echo(table.intervals)
    warn(dict.fromkeys(str(warning) for row in rows for warning in row.warnings))


def _show(rows: "Sequence[FrameMetrics]") -> None:
    for row in rows:
        averaged = f", averaged over {row.averaged_frames} frames" if row.averaged_frames > 1 else ""
        words = frame_words(row.deformed_frame, row.reference_frame)
        echo(f"{words.capitalize()}{averaged} (strain positive in compression)")
        echo_columns([_line(entry) for entry in row.metrics.values()], indent="  ")


def _show_over(found: "Mapping[str, OverFrames]", frames: Sequence[int]) -> None:
    from engine.metrics.base import METRICS

    echo(f"Mean and standard deviation over the {len(frames)} frames worth keeping ({', '.join(map(str, frames))})")
    rows = []
    for name, entry in found.items():
        spread = f" +- {entry.deviation:.2g}" if math.isfinite(entry.deviation) else ""
        count = "" if len(entry.frames) == len(frames) else f"{len(entry.frames)} frames"
        rows.append([METRICS.get(name).title, f"{entry.mean:.4g}{spread} {entry.unit}".strip(), count])
    echo_columns(rows, indent="  ")
    whole = found.get("mean_image")
    if whole is not None and whole.deviation > UNLIKE * abs(whole.mean):
        echo("  These frames are compressed unlike: compare ratios, SNR and CNR, not strains.")


def _line(entry: "Measurement") -> list[str]:
    from engine.metrics.base import METRICS
    from engine.metrics.reasons import explain

    title = METRICS.get(entry.name).title
    if entry.reason:
        return [title, "-", explain(entry.reason), "", ""]
    decibel = "" if math.isnan(entry.decibel) else f"{entry.decibel:.2f} dB"
    spread = f"{entry.low:.3g} to {entry.high:.3g}" if math.isfinite(entry.low) else ""
    words = f"95 %: {spread}" if spread else entry.warning
    if spread and entry.warning:
        words = f"{words} ({entry.warning})"
    value = f"{entry.value:.4g} {entry.unit}".strip()
    return [title, value, decibel, f"{entry.count} px" if entry.count else "", words]
