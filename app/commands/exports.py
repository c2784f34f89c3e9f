"""`strainscope movie`, `sheet` and `export`: a whole result as a movie, a contact sheet, or arrays."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.commands._output import echo
from app.commands._parse import parse_ellipse, parse_limits
from app.commands._shared import Average, Opening, Relative, ResultFile, open_result, with_opening
from app.commands.estimate import progress_bar
from app.commands.figure import (
    SIGNS,
    BModeOf,
    ColorMap,
    Dpi,
    Limits,
    Sign,
    Title,
    as_shown,
    b_mode,
    panel_title,
    quantity_of,
)
from app.commands.metrics import Background, Target
from engine.errors import ParameterError
from engine.frames import frame_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.figures.figure import FigureContent
    from engine.quantity import Quantity
    from engine.types import Result


@with_opening
def movie(
    result: ResultFile,
    opening: Opening,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="MOVIE", help="mp4 or gif file to write.")],
    rf: BModeOf = None,
    target: Target = None,
    background: Background = None,
    rate: Annotated[
        float | None,
        typer.Option(
            "--rate",
            metavar="HZ",
            help="Frames a second; default: the recording's, in slow motion above 120 and 10 where it is not known. "
            "A GIF leaves frames out above 50.",
        ),
    ] = None,
    dpi: Dpi = 150,
    limits: Limits = None,
    sign: Sign = SIGNS[0],
    relative: Relative = False,
    average: Average = 1,
    colormap: ColorMap = "viridis",
    title: Title = "",
) -> None:
    """Play all frames as figures, B-mode and strain under one colour bar, with ellipses and numbers."""
    from engine.figures.figure import StrainPanel
    from engine.figures.movie import save_movie
    from engine.figures.movie_rate import movie_rate
    from engine.metrics.contrast import strain_metrics
    from engine.strain.persistence import averaged_frames

    opened = open_result(result)
    regions = parse_ellipse(target, "--target"), parse_ellipse(background, "--background")
    quantity = quantity_of(sign, relative=relative)
    base = _content(
        opened, opened.deformed_frames, quantity, limits, colormap, title, relative=relative, average=average
    )
    base = replace(base, notes=False)

    def contents() -> "Iterator[FigureContent]":
        read = averaged_frames(opened, average)
        for shown in map(read, opened.deformed_frames):
            numbers = strain_metrics(shown.strain, *regions)
            values, remarks = as_shown(shown, averaged=average > 1, relative=relative)
            panel = StrainPanel(panel_title(opened, shown), values, numbers)
            bmode = b_mode(opening, rf, opened, shown) if rf else None
            content = replace(base, strain=(panel,), bmode_db=bmode, target=regions[0], background=regions[1])
            yield replace(content, remarks=remarks)

    with progress_bar("drawing") as bar:
        chosen = movie_rate(opened.geometry.frame_rate_hz, opened.deformed_frames, rate)
        save_movie(contents(), output, chosen, dpi, progress=lambda done: bar(done, opened.shape[0]))
    echo(str(output))


def sheet(
    result: ResultFile,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FIG", help="png, pdf, svg or tif file to write.")],
    most: Annotated[int, typer.Option("--most", min=1, max=200, help="Frames at most, evenly spread.")] = 40,
    target: Target = None,
    background: Background = None,
    dpi: Dpi = 300,
    limits: Limits = None,
    sign: Sign = SIGNS[0],
    relative: Relative = False,
    average: Average = 1,
    colormap: ColorMap = "viridis",
    title: Title = "",
) -> None:
    """Draw the strain of all frames side by side under one colour bar."""
    from engine.figures.contact_sheet import evenly, save_contact_sheet

    opened = open_result(result)
    frames = evenly(opened.deformed_frames, most)
    regions = parse_ellipse(target, "--target"), parse_ellipse(background, "--background")
    quantity = quantity_of(sign, relative=relative)
    content = _content(opened, frames, quantity, limits, colormap, title, relative=relative, average=average)
    save_contact_sheet(replace(content, target=regions[0], background=regions[1]), output, dpi)
    echo(str(output))


@with_opening
def export(
    result: Annotated[Path, typer.Argument(metavar="RESULT.h5", help="A result file; for zea also a recording.")],
    opening: Opening,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="mat, npz or hdf5 file to write.")],
    kind: Annotated[
        str | None, typer.Option("--format", metavar="mat|npz|zea", help="Default: by the file's name, hdf5 is zea.")
    ] = None,
    rf: Annotated[
        list[Path] | None,
        typer.Option("--rf", metavar="FILE", help="The recording, to go into a zea file too; repeatable."),
    ] = None,
) -> None:
    """Write displacement, strain and quality with axes, geometry and provenance for MATLAB, NumPy or zea."""
    suffix = output.suffix.lower()
    kind = kind or {".hdf5": "zea"}.get(suffix, suffix.lstrip("."))
    if kind == "zea":
        _export_zea(result, opening, output, rf)
    elif rf:
        raise ParameterError("--rf: only a zea file holds the recording as well")
    else:
        from engine.export.arrays import save_arrays

        if kind in {"mat", "npz"} and suffix != f".{kind}":
            raise ParameterError(f"--format {kind}: the file must end in .{kind}, found {output.name}")
        save_arrays(open_result(result), output)
    echo(str(output))


def _export_zea(path: Path, opening: Opening, output: Path, rf: list[Path] | None) -> None:
    from engine.export.result_file import is_result_file
    from engine.export.zea_file import save_zea
    from engine.files.atomic import check_target

    result = open_result(path) if rf or is_result_file(path) else None
    files = rf or ([path] if result is None else [])
    sequence = opening.sequence(files) if files else None
    check_target(output, (path, *(sequence.files if sequence is not None else ())))
    with progress_bar("writing") as bar:
        save_zea(output, sequence, result, progress=bar)


def _content(
    result: "Result",
    frames: tuple[int, ...],
    quantity: "Quantity",
    limits: str | None,
    colormap: str,
    title: str,
    *,
    relative: bool,
    average: int,
) -> "FigureContent":
    """One panel for each of the frames; without limits those that fit all of them."""
    from engine.figures.figure import FigureContent, StrainPanel, suggest_limits
    from engine.figures.shown import noted, series_remarks
    from engine.strain.persistence import averaged_frames

    read = averaged_frames(result, average)
    panels = tuple(StrainPanel(frame_words(frame), as_shown(read(frame), relative=relative)[0]) for frame in frames)
    ends = parse_limits(limits, "--limits") or suggest_limits(
        *(panel.strain[::4, ::2] for panel in panels), quantity=quantity
    )
    return FigureContent(
        panels,
        result.geometry,
        limits=ends,
        colormap=colormap,
        title=title,
        provenance=noted(result.provenance, relative=relative, averaged_frames=average, at_most=True),
        quantity=quantity,
        remarks=series_remarks(relative=relative, averaged_frames=average),
    )
