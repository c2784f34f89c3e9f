"""`strainscope movie`, `sheet`, `export`, `profile` and `histogram`: what a result gives besides a figure."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.commands._figure_options import (
    BModeOf,
    FrameOption,
    Limits,
    MoviePage,
    OfTruth,
    OnRegions,
    RegionOptions,
    SheetPage,
    ShownOptions,
    choices_of,
    map_of,
    rf_of,
)
from app.commands._groups import Fields, grouped
from app.commands._output import echo
from app.commands._parse import parse_line
from app.commands._shared import MapName, MeasuredQuality, Opening, ResultFile, open_result
from app.commands.estimate import progress_bar
from engine.errors import ParameterError
from engine.figures.options import MovieOptions, Shown
from engine.quantity import AXIAL_STRAIN

if TYPE_CHECKING:
    from engine.export.base import Writer
    from engine.metrics.histogram import StrainHistogram

Output = Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="CSV file to write.")]


@grouped
def movie(
    result: ResultFile,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="MOVIE", help="mp4 or gif file to write.")],
    regions: RegionOptions,
    shown: ShownOptions,
    page: MoviePage,
    playing: MovieOptions,
    opening: Opening,
    rf: BModeOf = None,
    limits: Limits = None,
    drawn: MapName = AXIAL_STRAIN,
) -> None:
    """Play frames as figures, B-mode and a map under one colour bar, with ellipses and numbers."""
    from engine.figures.movie import compose_movie, save_movie

    opened = open_result(result)
    choices = choices_of(regions, shown, page, limits, drawn)
    plan = compose_movie(
        opened, choices, playing, rf_of(opening, rf, opened, shown), map_of(opening, rf, opened, choices)
    )
    with progress_bar("drawing") as bar:
        save_movie(
            plan.contents, output, plan.rate, playing.dpi, lambda done: bar(done, plan.frames), loops=playing.loops
        )
    echo(str(output))


@grouped
def sheet(
    result: ResultFile,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FIG", help="png, pdf, svg or tif file to write.")],
    regions: OnRegions,
    shown: Annotated[
        Shown,
        Fields(
            *("quantity", "relative", "colormap", "persistence", "quality_threshold", "mask_numbers", "remove_rigid"),
            *("follow", "deformed"),
        ),
    ],
    page: SheetPage,
    opening: Opening,
    most: Annotated[int, typer.Option("--most", min=1, max=200, help="Frames at most, evenly spread.")] = 40,
    limits: Limits = None,
    drawn: MapName = AXIAL_STRAIN,
    rf: OfTruth = None,
) -> None:
    """Draw a map of all frames side by side under one colour bar."""
    from engine.figures.compose import compose_sheet
    from engine.figures.save import save_sheet

    opened, choices = open_result(result), choices_of(regions, shown, page, limits, drawn)
    save_sheet(compose_sheet(opened, choices, most=most, read_map=map_of(opening, rf, opened, choices)), output)
    echo(str(output))


@grouped
def export(
    result: Annotated[Path, typer.Argument(metavar="RESULT.h5", help="A result file; for zea also a recording.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="File to write.")],
    regions: OnRegions,
    shown: Annotated[Shown, Fields("persistence", "follow")],
    opening: Opening,
    kind: Annotated[
        str | None,
        typer.Option(
            "--format", metavar="NAME", help="table, result, arrays (mat, npz) or zea; default: by the file's name."
        ),
    ] = None,
    rf: Annotated[
        list[Path] | None,
        typer.Option("--rf", metavar="FILE", help="The recording, for formats that hold it too; repeatable."),
    ] = None,
    drawn: MapName = AXIAL_STRAIN,
) -> None:
    """Write a result in another format: a table of all metrics, or maps with axes, geometry and provenance."""
    from engine.export.base import Export
    from engine.files.atomic import check_target
    from engine.files.own_formats import is_result_file

    writer = _writer(kind, output)
    if rf and not writer.with_recording:
        raise ParameterError(f"--rf: {writer.title} holds no recording")
    opened = open_result(result) if rf or not writer.with_recording or is_result_file(result) else None
    files = rf or ([result] if opened is None else [])
    sequence = opening.sequence(files) if files else None
    check_target(output, (result, *(sequence.files if sequence is not None else ())))
    marks = regions.marks()
    with progress_bar("writing") as bar:
        regions_of = (marks.target, marks.background, marks.lesion)
        told = Export(opened, sequence, *regions_of, shown.persistence, map=drawn, follow=shown.follow, progress=bar)
        writer.save(told, output)
    echo(str(output))


def _writer(kind: str | None, output: Path) -> "Writer":
    """Find a format by its name, or by an ending of its files, which must then be that of the output."""
    from engine.export.base import WRITERS, writer_for

    if kind is None:
        return writer_for(output.suffix)
    endings = {ending.lstrip("."): entry for entry in WRITERS for ending in entry.extensions}
    found = WRITERS.get(kind) if kind in WRITERS.names() or kind not in endings else endings[kind]
    wanted = tuple(found.extensions) if kind in WRITERS.names() else (f".{kind}",)
    if output.suffix.lower() not in wanted:
        raise ParameterError(f"--format {kind}: the file must end in {' or '.join(wanted)}, found {output.name}")
    return found


@grouped
def profile(
    result: ResultFile,
    output: Output,
    line: Annotated[
        str, typer.Option("--line", metavar="X,Z,X,Z", help="From one place (lateral, depth) to another, mm.")
    ],
    regions: Annotated[RegionOptions, Fields("background")],
    shown: Annotated[Shown, Fields("persistence", "bmode_frame", "remove_rigid", "deformed")],
    opening: Opening,
    rf: BModeOf = None,
    frame: FrameOption = None,
    quality: MeasuredQuality = 0.0,
    drawn: MapName = AXIAL_STRAIN,
) -> None:
    """Write strain or another map, and with the recording B-mode, along a line as CSV."""
    from engine.export.profile_table import profile_of
    from engine.figures.compose import bmode_of
    from engine.files.atomic import write_text

    along = parse_line(line, "--line")
    assert along is not None
    opened = open_result(result)
    chosen = opened.estimated(frame)
    read_rf = rf_of(opening, rf, opened, shown)
    bmode = None if read_rf is None else bmode_of(opened, chosen, shown, read_rf)
    read_map = map_of(opening, rf, opened, choices_of(regions, shown, drawn=drawn))
    averaged, deformed = shown.persistence, shown.in_deformed_shape
    told = profile_of(
        opened, chosen, along, averaged, bmode, quality, drawn=drawn, read_map=read_map, deformed=deformed
    )
    write_text(output, told)
    echo(str(output))


@grouped
def histogram(
    result: ResultFile,
    output: Output,
    regions: Annotated[RegionOptions, Fields("target", "background")],
    shown: Annotated[Shown, Fields("quantity", "persistence", "remove_rigid", "follow")],
    opening: Opening,
    rf: OfTruth = None,
    frame: FrameOption = None,
    quality: MeasuredQuality = 0.0,
    drawn: MapName = AXIAL_STRAIN,
) -> None:
    """Write how strain or another map is spread under the target and under the background as CSV."""
    from engine.figures.compose import Places
    from engine.files.atomic import write_text
    from engine.maps.reading import measured_map
    from engine.metrics.histogram import histogram_text, strain_histogram
    from engine.strain.persistence import averaged_frames

    opened, choices = open_result(result), choices_of(regions, shown, drawn=drawn)
    shown_frame = averaged_frames(opened, shown.persistence)(opened.estimated(frame))
    places = Places.of(opened, choices)
    marks = places.under(shown_frame)
    found: StrainHistogram = strain_histogram(
        measured_map(shown_frame, map_of(opening, rf, opened, choices), quality),
        opened.geometry,
        marks.target,
        marks.background,
        quantity=choices.quantity,
        window_m=shown_frame.strain.window_m,
    )
    if not found.edges.size:
        raise ParameterError("a histogram needs --target, --background, or both, with enough valid pixels")
    write_text(output, histogram_text(found))
    for word in places.remarks(shown_frame):
        echo(word)
    echo(str(output))
