"""Opening a recording from the command line: the options every command that reads RF has in common."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.commands._groups import flag_of
from engine.errors import ParameterError, ReadError

if TYPE_CHECKING:
    from engine.readers.base import ReadOptions, Recording
    from engine.types import Result, RFSequence

Files = Annotated[
    list[Path], typer.Argument(metavar="FILE", help="A recording; several files of one frame each are one sequence.")
]
ResultFile = Annotated[Path, typer.Argument(metavar="RESULT.h5", help="A result file of `strainscope estimate`.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Device = Annotated[str, typer.Option("--device", metavar="auto|cpu|cuda", help="Where to compute.")]
MapName = Annotated[
    str, typer.Option("--map", metavar="NAME", help="Which map: axial-strain, lateral-strain and so on, see the guide.")
]
Average = Annotated[
    int, typer.Option("--average", metavar="N", help="Average each frame with up to N-1 before it, 1 to 10.")
]
MeasuredQuality = Annotated[
    float,
    typer.Option("--quality", min=0, max=1, help="Measure pixels of at least this quality; default: all of them."),
]

GEOMETRY = ("sampling_hz", "center_hz", "sound_speed_m_s", "pitch_m", "start_depth_m", "frame_rate_hz")
_PANEL = "What the file does not say"


def _given(name: str, text: str, metavar: str | None = None) -> Any:
    return typer.Option(flag_of(name), metavar=metavar, help=text, rich_help_panel=_PANEL)


@dataclass(frozen=True)
class Opening:
    """How to open a recording: geometry given by the user, and choices where the file leaves them open."""

    sampling_hz: Annotated[float | None, _given("sampling_hz", "Sampling rate of the RF.", "HZ")] = None
    center_hz: Annotated[float | None, _given("center_hz", "Centre frequency of the pulse.", "HZ")] = None
    sound_speed_m_s: Annotated[
        float | None, _given("sound_speed_m_s", "Speed of sound; 1540 is assumed without it.", "M/S")
    ] = None
    pitch_m: Annotated[float | None, _given("pitch_m", "Distance from line to line.", "M")] = None
    start_depth_m: Annotated[
        float | None, _given("start_depth_m", "Depth of the first sample; 0 is assumed without it.", "M")
    ] = None
    frame_rate_hz: Annotated[float | None, _given("frame_rate_hz", "Frames per second.", "HZ")] = None
    radius_mm: Annotated[
        float | None, _given("radius_mm", "Radius of a curved array; 0, that of a phased one, without it.", "MM")
    ] = None
    angle_step_deg: Annotated[
        float | None, _given("angle_step_deg", "Angle from line to line of a curved or phased array.", "DEG")
    ] = None
    axes: Annotated[
        str | None,
        _given("axes", "Meaning of the stored axes: f(rame), a(xial), l(ateral), for example laf.", "ORDER"),
    ] = None
    variable: Annotated[str | None, _given("variable", "Which of several arrays in the file is the RF.", "NAME")] = None
    data_kind: Annotated[
        str | None,
        _given("data_kind", "Numbers are rf, offset (RF around a level), iq-samples or iq-lines.", "KIND"),
    ] = None
    layout: Annotated[
        str | None,
        _given("layout", "Of numbers without a header: 'int16 2x64x1200 fla 76' (76 header bytes).", "LAYOUT"),
    ] = None
    accept_suggested: Annotated[
        bool,
        _given(
            "accept_suggested",
            "Take what the reader suggests, such as a centre frequency measured from the spectrum, as assumed.",
        ),
    ] = False

    def __post_init__(self) -> None:
        for name, value in self.given.items():
            if not math.isfinite(value) or (value <= 0 and name != "start_depth_m"):
                raise ParameterError(f"{flag_of(name)} must be a positive number, found {value:g}")

    @property
    def given(self) -> Mapping[str, float]:
        """The geometry that was given."""
        return {name: getattr(self, name) for name in GEOMETRY if getattr(self, name) is not None}

    @property
    def options(self) -> "ReadOptions":
        """What readers need to know of it."""
        from engine.readers import ReadOptions
        from engine.types import Sector

        if self.radius_mm is not None and self.angle_step_deg is None:
            raise ParameterError("--radius-mm needs --angle-step-deg, the angle from line to line")
        sector = None
        if self.angle_step_deg is not None:
            sector = Sector((self.radius_mm or 0.0) * 1e-3, math.radians(self.angle_step_deg))
        return ReadOptions(self.variable, self.axes, self.data_kind, self.given, sector, self.layout)

    def recording(self, files: Sequence[Path]) -> "Recording":
        """Open the files; its geometry may still have holes."""
        from engine.files.own_formats import is_result_file
        from engine.readers import open_recording

        for path in files:
            if is_result_file(path):
                raise ReadError(path, "holds a result, not RF; give it to `strainscope metrics` or `figure`")
        return open_recording(files, self.options)

    def sequence(self, files: Sequence[Path]) -> "RFSequence":
        """Open the files and complete their geometry; what is still missing is one line that names the options."""
        return self.recording(files).complete(self.given, accept_suggested=self.accept_suggested)


def say_notes(sequence: "RFSequence") -> None:
    """Say on stderr what was concluded or assumed of a recording, before anything is computed of it."""
    for note in sequence.notes:
        typer.echo(f"Note: {note}", err=True)


def open_result(path: Path) -> "Result":
    """Read a result file; what was given instead is said in one line."""
    from engine.export.result_file import read_result

    return read_result(path)
