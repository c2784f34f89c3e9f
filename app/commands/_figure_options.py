"""What commands that draw have in common: regions, limits and B-mode from options to the engine's values."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.commands._groups import Fields
from app.commands._parse import parse_ellipse, parse_limits, parse_line
from app.commands._shared import Opening
from engine.errors import ParameterError
from engine.figures.options import MEASURED_AND_MOVED, FigureOptions, Shown
from engine.quantity import AXIAL_STRAIN

if TYPE_CHECKING:
    from engine.figures.compose import Choices, ReadRF
    from engine.figures.content import Marks
    from engine.maps.reading import ReadMap
    from engine.types import Result

FORM = "X,Z,A,B[,ANGLE]"
Target = Annotated[
    str | None,
    typer.Option("--target", metavar=FORM, help="Centre (lateral, depth) and semi-axes (lateral, axial), mm; degrees."),
]
Background = Annotated[str | None, typer.Option("--background", metavar=FORM, help="The same for the background.")]
Lesion = Annotated[
    str | None,
    typer.Option("--lesion", metavar=FORM, help="The lesion's outline on the B-mode: E/B size ratio."),
]
BModeOf = Annotated[
    list[Path] | None, typer.Option("--rf", metavar="FILE", help="The recording, for its B-mode; repeatable.")
]
OfTruth = Annotated[
    list[Path] | None, typer.Option("--rf", metavar="FILE", help="The recording, for its truth; repeatable.")
]
FrameOption = Annotated[int | None, typer.Option("--frame", metavar="K", help="Deformed frame; default: the last.")]
Limits = Annotated[
    str | None,
    typer.Option("--limits", metavar="LOW,HIGH", help="Values at the bar's ends, as shown; default: all."),
]
ShownOptions = Annotated[
    Shown,
    Fields(
        "dynamic_range_db",
        "gain_db",
        "depth_gain_db",
        "bmode_frame",
        "quantity",
        "relative",
        "colormap",
        *MEASURED_AND_MOVED,
    ),
]
PageOptions = Annotated[
    FigureOptions,
    Fields("numbers", "caption", "intervals", "settings", "title", "scale_bar", "width", "font_size_pt", "dpi"),
]
MoviePage = Annotated[FigureOptions, Fields("numbers", "title", "scale_bar", "width", "font_size_pt")]
SheetPage = Annotated[FigureOptions, Fields("caption", "settings", "title", "width", "font_size_pt", "dpi")]


@dataclass(frozen=True)
class RegionOptions:
    """Regions and a line, as text."""

    target: Target = None
    background: Background = None
    lesion: Lesion = None
    line: Annotated[
        str | None,
        typer.Option("--line", metavar="X,Z,X,Z", help="Profile line from one place (lateral, depth) to another, mm."),
    ] = None

    def marks(self) -> "Marks":
        """Return what is drawn on the maps."""
        from engine.figures.content import Marks

        return Marks(
            parse_ellipse(self.target, "--target"),
            parse_ellipse(self.background, "--background"),
            parse_ellipse(self.lesion, "--lesion"),
            parse_line(self.line, "--line"),
        )


OnRegions = Annotated[RegionOptions, Fields("target", "background", "lesion")]


def choices_of(
    regions: RegionOptions,
    shown: Shown,
    page: FigureOptions | None = None,
    limits: str | None = None,
    drawn: str = AXIAL_STRAIN,
) -> "Choices":
    """Turn the options into what figures are composed from, or curves and numbers of a map."""
    from engine.figures.compose import Choices

    return Choices(shown, drawn, regions.marks(), page or FigureOptions(), parse_limits(limits, "--limits"))


def map_of(opening: Opening, files: list[Path] | None, result: "Result", choices: "Choices") -> "ReadMap | None":
    """Return what reads a map that needs more than the result: the recording of `--rf`, or `--background`."""
    from engine.figures.other_maps import needed_reader

    recording = opening.recording(files) if files and choices.entry.needs else None
    return needed_reader(result, choices, recording)


def rf_of(opening: Opening, files: list[Path] | None, result: "Result", shown: Shown) -> "ReadRF | None":
    """Return what reads the RF of a frame; the recording must be that of the result. None without files."""
    if not files:
        if shown.overlay:
            raise ParameterError("--overlay: the map is laid over the B-mode, which needs the recording: give --rf")
        return None
    from engine.figures.compose import reader_of

    try:
        return reader_of(opening.recording(files), result)
    except ParameterError as error:
        raise ParameterError(f"--rf: {error}") from None
