"""Opening a recording from the command line: the options every command that reads RF has in common."""

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

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
Relative = Annotated[bool, typer.Option("--relative", help="Strain of every frame divided by its mean.")]
Average = Annotated[
    int, typer.Option("--average", metavar="N", help="Average each frame with up to N-1 before it, 1 to 10.")
]

_HELP = {
    "sampling_hz": ("HZ", "Sampling rate of the RF."),
    "center_hz": ("HZ", "Centre frequency of the pulse."),
    "sound_speed_m_s": ("M/S", "Speed of sound; 1540 is assumed without it."),
    "pitch_m": ("M", "Distance from line to line."),
    "start_depth_m": ("M", "Depth of the first sample; 0 is assumed without it."),
    "frame_rate_hz": ("HZ", "Frames per second."),
}


@dataclass(frozen=True)
class Opening:
    """How to open a recording: geometry given by the user, and choices where the file leaves them open."""

    given: Mapping[str, float] = field(default_factory=dict)
    axes: str | None = None
    variable: str | None = None
    data_kind: str | None = None
    radius_mm: float | None = None
    angle_step_deg: float | None = None
    accept_suggested: bool = False

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
        return ReadOptions(self.variable, self.axes, self.data_kind, self.given, sector)

    def recording(self, files: Sequence[Path]) -> "Recording":
        """Open the files; its geometry may still have holes."""
        from engine.export.result_file import is_result_file
        from engine.readers import open_recording

        for path in files:
            if is_result_file(path):
                raise ReadError(path, "holds a result, not RF; give it to `strainscope metrics` or `figure`")
        return open_recording(files, self.options)

    def sequence(self, files: Sequence[Path]) -> "RFSequence":
        """Open the files and complete their geometry; what is still missing is one line that names the options."""
        return self.recording(files).complete(self.given, accept_suggested=self.accept_suggested)


def with_opening(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command with a parameter `opening` the geometry and layout options that fill it."""
    signature = inspect.signature(command)
    options = _options()
    own = [entry for entry in signature.parameters.values() if entry.name != "opening"]

    @wraps(command)
    def run(**values: Any) -> None:
        chosen = {entry.name: values.pop(entry.name) for entry in options}
        given = {name: _checked(name, chosen[name]) for name in _HELP if chosen[name] is not None}
        command(**values, opening=Opening(given, **{name: chosen[name] for name in chosen if name not in _HELP}))

    shown = [entry.replace(kind=inspect.Parameter.KEYWORD_ONLY) for entry in [*own, *options]]
    run.__signature__ = signature.replace(parameters=shown)  # type: ignore[attr-defined]
    run.__annotations__ = {entry.name: entry.annotation for entry in shown} | {"return": None}
    return run


def _options() -> list[inspect.Parameter]:
    found = [
        _option(name, float | None, None, typer.Option(_flag(name), metavar=metavar, help=text, rich_help_panel=_PANEL))
        for name, (metavar, text) in _HELP.items()
    ]
    found += [
        _option(
            name,
            kind,
            default,
            typer.Option(_flag(name), metavar=metavar, help=text, rich_help_panel=_PANEL)
            if metavar
            else typer.Option(_flag(name), help=text, rich_help_panel=_PANEL),
        )
        for name, kind, default, metavar, text in _LAYOUT
    ]
    return found


_PANEL = "What the file does not say"
_LAYOUT: tuple[tuple[str, object, object, str, str], ...] = (
    ("radius_mm", float | None, None, "MM", "Radius of a curved array; 0, that of a phased one, without it."),
    ("angle_step_deg", float | None, None, "DEG", "Angle from line to line of a curved or phased array."),
    ("axes", str | None, None, "ORDER", "Meaning of the stored axes: f(rame), a(xial), l(ateral), for example laf."),
    ("variable", str | None, None, "NAME", "Which of several arrays in the file is the RF."),
    (
        "data_kind",
        str | None,
        None,
        "KIND",
        "Numbers are rf, offset (RF around a level), iq-samples or iq-lines.",
    ),
    (
        "accept_suggested",
        bool,
        False,
        "",
        "Take what the reader suggests, such as a centre frequency measured from the spectrum, as assumed.",
    ),
)


def _checked(name: str, value: float) -> float:
    if not math.isfinite(value) or (value <= 0 and name != "start_depth_m"):
        raise ParameterError(f"{_flag(name)} must be a positive number, found {value:g}")
    return value


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _option(name: str, kind: object, default: object, option: object) -> inspect.Parameter:
    annotation = Annotated[kind, option]  # type: ignore[valid-type]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def say_notes(sequence: "RFSequence") -> None:
    """Say on stderr what was concluded or assumed of a recording, before anything is computed of it."""
    for note in sequence.notes:
        typer.echo(f"Note: {note}", err=True)


def open_result(path: Path) -> "Result":
    """Read a result file; what was given instead is said in one line."""
    from engine.export.result_file import read_result

    return read_result(path)


def estimated_frame(result: "Result", frame: int | None) -> int:
    """Return a frame of the result; None is the last. A frame that was not estimated is a ParameterError."""
    if frame is None:
        return result.deformed_frames[-1]
    if frame not in result.deformed_frames:
        estimated = ", ".join(map(str, result.deformed_frames[:12])) + (" ..." if result.shape[0] > 12 else "")
        raise ParameterError(f"frame {frame} was not estimated; the result holds {estimated}")
    return frame
