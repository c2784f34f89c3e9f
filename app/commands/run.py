"""`strainscope run`: what a workspace of the window holds, made again without a window: result, numbers and figure."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from app.commands._output import echo, echo_json, warn
from app.commands._shared import AsJson, Device, say_notes
from app.commands.estimate import progress_bar
from engine.errors import ParameterError
from engine.quantity import AXIAL_STRAIN, MODULUS

if TYPE_CHECKING:
    from app.state.workspace_file import Workspace
    from engine.figures.compose import Choices
    from engine.pipeline import Settings
    from engine.types import Result, RFSequence

T = TypeVar("T")

File = Annotated[Path, typer.Argument(metavar="FILE.strainscope", help="A workspace, saved in the window by Ctrl+S.")]
Folder = Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Folder of what is made; made if new.")]
Recordings = Annotated[
    list[Path] | None,
    typer.Option("--rf", metavar="FILE", help="Its recording, where it lies elsewhere by now; repeatable."),
]


def run(
    workspace: File, output: Folder, rf: Recordings = None, device: Device = "auto", as_json: AsJson = False
) -> None:
    """Estimate, measure and draw again what a workspace of the window holds, without a window.

    The folder gets result.h5, metrics.csv with the workspace's regions, and figure.pdf of the frame that was shown.
    """
    from app.state.workspace_file import load_workspace
    from engine.batch.outputs import make_folder
    from engine.reliability.frame import judge_result
    from engine.scripting import figure_of, measure, run_settings, save

    kept = load_workspace(workspace)
    sequence = _recording(kept, workspace, rf)
    choices = _choices(kept)
    say_notes(sequence)
    wish = _settings(kept)
    make_folder(output)
    paths = {name: output / name for name in ("result.h5", "metrics.csv", "figure.pdf")}
    with progress_bar(wish.method) as progress:
        result = run_settings(sequence, wish, device=device, output=paths["result.h5"], progress=progress)
    marks = choices.marks
    table = measure(
        result,
        marks.target,
        marks.background,
        lesion=marks.lesion,
        average=choices.shown.persistence,
        quality=choices.shown.measured_above,
        follow=choices.shown.follows,
    )
    save(table, paths["metrics.csv"])
    frame = _frame(kept, result)
    save(figure_of(result, frame, choices, sequence), paths["figure.pdf"])
    judged = judge_result(result)
    warn(judged.words)
    if as_json:
        written = {name.partition(".")[0]: path for name, path in paths.items()}
        echo_json(
            {"workspace": workspace, "method": wish.method, "frame": frame, "files": written, "reliability": judged}
        )
        return
    echo("\n".join(str(path) for path in paths.values()))


def _recording(kept: "Workspace", workspace: Path, rf: Sequence[Path] | None) -> "RFSequence":
    """Open the workspace's recording, and make sure that it is the one."""
    from app.state.workspace_file import places
    from engine.readers import ReadOptions, open_recording
    from engine.recording_key import recording_key

    found = [tuple(rf)] if rf else places(kept, workspace.resolve().parent)
    if not found:
        raise ParameterError(f"{workspace.name}: {kept.recording_name} is not where it was: say where with --rf")
    answer = None if kept.geometry is None else kept.geometry.answer()
    recording = open_recording(found[0], ReadOptions() if answer is None else answer.options)
    sequence = recording.complete({} if answer is None else answer.values, accept_suggested=True)
    if kept.key and recording_key(sequence) != kept.key:
        raise ParameterError(f"{workspace.name}: {sequence.name} is another recording than the workspace's")
    return sequence


def _settings(kept: "Workspace") -> "Settings":
    """Make settings of this program from those that were kept."""
    from app.state.kept_settings import KeptSettings
    from engine.scripting import settings_of

    wish = _part(kept, "settings", KeptSettings)
    made = settings_of(
        wish.method or None,
        wish.parameters,
        reference=wish.reference,
        prepare=wish.preparation.as_dict(),
        strain_method=wish.strain_method,
        strain=wish.strain_parameters,
    )
    return replace(made, frames=wish.frames)


def _choices(kept: "Workspace") -> "Choices":
    """Return how the window showed it."""
    from app.state.display import Display
    from app.state.kept_map import KeptMap
    from app.state.regions import Regions
    from engine.figures.compose import Choices
    from engine.figures.content import Marks
    from engine.metrics.profile import ProfileLine

    display, regions = _part(kept, "display", Display), _part(kept, "regions", Regions)
    line = kept.parts.get("profile", {}).get("line")
    marks = Marks(
        regions.target, regions.background, regions.lesion, None if line is None else _read(ProfileLine, line)
    )
    drawn = _part(kept, "map", KeptMap).kind
    if drawn == MODULUS:
        drawn = AXIAL_STRAIN
        warn(("the figure shows axial strain: the workspace's relative modulus is made by `strainscope elasticity`",))
    by_hand = display.limits == "manual" and drawn == AXIAL_STRAIN
    return Choices(display, drawn, marks, limits=display.manual if by_hand else None)


def _part(kept: "Workspace", name: str, model: type[T]) -> T:
    """Check what is kept of a part; what is not there is as at the beginning."""
    return _read(model, kept.parts.get(name, {}), name)


def _read(model: type[T], values: Any, name: str = "profile.line") -> T:
    from pydantic import TypeAdapter, ValidationError

    from app.state.workspace import WorkspaceError, first_problem

    try:
        return TypeAdapter(model).validate_python(values)
    except ValidationError as error:
        raise WorkspaceError(f"{name}.{first_problem(error)}") from error


def _frame(kept: "Workspace", result: "Result") -> int:
    """Return the frame that was shown, or the nearest that has strain."""
    shown = kept.parts.get("frame", {}).get("frame", 1)
    wanted = shown if isinstance(shown, int) else 1
    return min(result.deformed_frames, key=lambda frame: abs(frame - wanted))
