"""`strainscope figure`: a figure of one frame for a paper, from a result file and, for the B-mode, its recording."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.commands._output import echo
from app.commands._parse import parse_ellipse, parse_limits
from app.commands._shared import Average, Opening, Relative, ResultFile, estimated_frame, open_result, with_opening
from app.commands.metrics import Background, Lesion, Target
from engine.errors import ParameterError
from engine.frames import frame_title

if TYPE_CHECKING:
    from engine.quantity import Quantity
    from engine.strain.persistence import FrameStrain
    from engine.types import Map, Result

SIGNS = ("compressive", "signed", "magnitude")

BModeOf = Annotated[
    list[Path] | None, typer.Option("--rf", metavar="FILE", help="The recording, for its B-mode; repeatable.")
]
Dpi = Annotated[float, typer.Option("--dpi", help="Pixels per inch, 50 to 1200.")]
Limits = Annotated[
    str | None,
    typer.Option("--limits", metavar="LOW,HIGH", help="Strain at the bar's ends, in %; default: all that is drawn."),
]
Sign = Annotated[str, typer.Option("--sign", metavar="|".join(SIGNS), help="What counts as positive.")]
ColorMap = Annotated[str, typer.Option("--colormap", metavar="NAME", help="Colour map; NAME_r is reversed.")]
Title = Annotated[str, typer.Option("--title", help="Title above the panels.")]


@with_opening
def figure(
    result: ResultFile,
    opening: Opening,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FIG", help="png, pdf, svg or tif file to write.")],
    rf: BModeOf = None,
    frame: Annotated[
        int | None, typer.Option("--frame", metavar="K", help="Deformed frame; default: the last.")
    ] = None,
    target: Target = None,
    background: Background = None,
    lesion: Lesion = None,
    dpi: Dpi = 300,
    limits: Limits = None,
    sign: Sign = SIGNS[0],
    relative: Relative = False,
    average: Average = 1,
    colormap: ColorMap = "viridis",
    dynamic_range: Annotated[float, typer.Option("--dynamic-range", metavar="DB", help="Range of the B-mode.")] = 60,
    title: Title = "",
    scale_bar: Annotated[bool, typer.Option("--scale-bar", help="A scale bar in place of axes.")] = False,
    caption: Annotated[bool, typer.Option("--caption", help="Print where the result comes from.")] = False,
    compare: Annotated[
        Path | None,
        typer.Option("--compare", metavar="RESULT.h5", help="Draw this result of the same recording beside it."),
    ] = None,
    compare_frame: Annotated[
        int | None, typer.Option("--compare-frame", metavar="K", help="Frame of the second map; default: the same.")
    ] = None,
) -> None:
    """Draw B-mode and strain side by side, or two strain maps, with ellipses, colour bar and numbers."""
    from engine.figures.figure import FigureContent, StrainPanel, save_figure
    from engine.figures.shown import noted
    from engine.metrics.contrast import strain_metrics
    from engine.strain.persistence import averaged_frames

    quantity = quantity_of(sign, relative=relative)
    regions = parse_ellipse(target, "--target"), parse_ellipse(background, "--background")
    opened = open_result(result)
    shown = averaged_frames(opened, average)(estimated_frame(opened, frame))
    numbers = strain_metrics(shown.strain, *regions)
    values, remarks = as_shown(shown, averaged=average > 1, relative=relative)
    content = FigureContent(
        strain=(StrainPanel(panel_title(opened, shown), values, numbers),),
        geometry=opened.geometry,
        bmode_db=b_mode(opening, rf, opened, shown) if rf else None,
        target=regions[0],
        background=regions[1],
        limits=parse_limits(limits, "--limits"),
        colormap=colormap,
        dynamic_range_db=dynamic_range,
        title=title,
        scale_bar=scale_bar,
        caption=caption,
        provenance=noted(opened.provenance, relative=relative, averaged_frames=len(shown.averaged)),
        quantity=quantity,
        remarks=remarks,
        lesion=parse_ellipse(lesion, "--lesion"),
    )
    if compare is None and compare_frame is None:
        save_figure(content, output, dpi)
    else:
        from app.commands.compare_figure import comparison
        from engine.figures.comparison import save_comparison

        if rf:
            raise ParameterError("--rf: a comparison shows strain alone, without the B-mode")
        second = opened if compare is None else open_result(compare)
        other = shown.frame if compare_frame is None else compare_frame
        save_comparison(comparison(content, opened, second, other, regions, average, relative=relative), output, dpi)
    echo(str(output))


def quantity_of(sign: str, *, relative: bool = False) -> "Quantity":
    """Return what is shown of strain; an unknown sign is a ParameterError."""
    from engine.quantity import strain_quantity

    if sign not in SIGNS:
        raise ParameterError(f"--sign: expected one of {', '.join(SIGNS)}, found {sign!r}")
    return strain_quantity(sign, relative=relative)


def as_shown(shown: "FrameStrain", *, averaged: bool = False, relative: bool) -> "tuple[Map, tuple[str, ...]]":
    """Return the map that a panel shows, and what is to be said below of it and of the frames `averaged` in it."""
    from engine.figures.shown import shown_remarks
    from engine.metrics.relative import relative_strain

    frames = shown.averaged if averaged else ()
    if not relative:
        return shown.strain.axial, shown_remarks(frames=frames)
    return relative_strain(shown.strain.axial, shown.mean), shown_remarks(mean=shown.mean, frames=frames)


def panel_title(result: "Result", shown: "FrameStrain") -> str:
    """Title of a strain panel: method and frames."""
    return frame_title(result.provenance.method, shown.frame, shown.reference)


def b_mode(opening: Opening, files: list[Path], result: "Result", shown: "FrameStrain") -> "Map":
    """B-mode of the reference frame, on whose grid the strain lies; the recording must be that of the result."""
    from engine.preprocess.bmode import bmode_db

    recording = opening.recording(files)
    if recording.shape[1:] != result.shape[1:]:
        found, wanted = (" x ".join(map(str, shape[1:])) for shape in (recording.shape, result.shape))
        raise ParameterError(f"--rf: frames of {found} do not belong to a result of {wanted}")
    if shown.reference >= recording.shape[0]:
        raise ParameterError(f"--rf: there is no reference frame {shown.reference}, only {recording.shape[0]}")
    return bmode_db(recording.read_frame(shown.reference))
