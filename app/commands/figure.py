"""`strainscope figure`: a figure of one frame for a paper, from a result file and, for the B-mode, its recording."""

from pathlib import Path
from typing import Annotated

import typer

from app.commands._figure_options import (
    BModeOf,
    FrameOption,
    Limits,
    PageOptions,
    RegionOptions,
    ShownOptions,
    choices_of,
    map_of,
    rf_of,
)
from app.commands._groups import grouped
from app.commands._output import echo, warn
from app.commands._shared import MapName, Opening, ResultFile, open_result
from engine.errors import ParameterError
from engine.quantity import AXIAL_STRAIN


@grouped
def figure(
    result: ResultFile,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FIG", help="png, pdf, svg or tif file to write.")],
    regions: RegionOptions,
    shown: ShownOptions,
    page: PageOptions,
    opening: Opening,
    rf: BModeOf = None,
    frame: FrameOption = None,
    limits: Limits = None,
    drawn: MapName = AXIAL_STRAIN,
    compare: Annotated[
        Path | None,
        typer.Option("--compare", metavar="RESULT.h5", help="Draw this result of the same recording beside it."),
    ] = None,
    compare_frame: Annotated[
        int | None, typer.Option("--compare-frame", metavar="K", help="Frame of the second map; default: the same.")
    ] = None,
) -> None:
    """Draw B-mode and a map side by side, or two maps, with ellipses, colour bar and numbers."""
    from engine.figures.compose import compose, compose_comparison
    from engine.figures.save import save_figure
    from engine.reliability.frame import judge_result

    choices = choices_of(regions, shown, page, limits, drawn)
    opened = open_result(result)
    chosen = opened.estimated(frame)
    warn(judge_result(opened, [chosen]).words)
    if compare is None and compare_frame is None:
        read_map = map_of(opening, rf, opened, choices)
        content = compose(opened, chosen, choices, read_rf=rf_of(opening, rf, opened, shown), read_map=read_map)
    else:
        if shown.overlay:
            raise ParameterError("--overlay: a comparison shows strain alone, without the B-mode")
        if rf and "true" not in choices.entry.needs:
            raise ParameterError("--rf: a comparison shows strain alone, without the B-mode")
        second = opened if compare is None else open_result(compare)
        other = second.estimated(chosen if compare_frame is None else compare_frame)
        first_map, second_map = (map_of(opening, rf, entry, choices) for entry in (opened, second))
        content = compose_comparison(opened, chosen, second, other, choices, (first_map, second_map))
    save_figure(content, output)
    echo(str(output))
