"""`strainscope train`: train a network as one TOML file says, going on from where an earlier run stopped."""

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.commands._output import echo, echo_json
from app.commands._shared import AsJson
from app.termination import interruptions

if TYPE_CHECKING:
    from engine.training.loop import Status


def train(
    config: Annotated[Path, typer.Argument(metavar="CONFIG.toml", help="What to train, on what, and how long.")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR", help="Folder of checkpoints, log and curves."),
    ] = None,
    max_minutes: Annotated[
        float | None, typer.Option("--max-minutes", metavar="M", help="Stop after this time; run again to go on.")
    ] = None,
    export: Annotated[
        str | None,
        typer.Option(
            "--export",
            metavar="NAME",
            help="Keep the best weights under this name, at the end; methods take it as `--set weights=NAME`.",
        ),
    ] = None,
    export_only: Annotated[
        bool, typer.Option("--export-only", help="Train no further: only export the best weights so far.")
    ] = False,
    box: Annotated[
        bool, typer.Option("--box", help="Keep them in the source tree, with the weights that ship with the program.")
    ] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start anew, replacing an earlier run in the folder.")] = False,
    as_json: AsJson = False,
) -> None:
    """Train a network, or go on training: stopped or killed at any moment, a run resumes exactly."""
    from engine.errors import ParameterError
    from engine.training.config import load
    from engine.training.loop import forget, outcome_so_far
    from engine.training.loop import train as run

    settings = load(config)
    folder = output or Path(settings.run.output or f"runs/{config.stem}")
    leads = os.environ.get("RANK", "0") == "0"
    if max_minutes is not None and max_minutes <= 0:
        raise ParameterError(f"--max-minutes: expected a positive number, found {max_minutes:g}")
    if fresh and leads:
        forget(folder)
    if export_only:
        outcome = outcome_so_far(settings, folder)
    else:
        with interruptions() as interrupted:
            report = _print if leads and not as_json else _silent
            outcome = run(settings, folder, report, interrupted, math.inf if max_minutes is None else max_minutes)
    if not leads:
        return
    name = export or settings.run.export
    written = None
    if name and (outcome.finished or export or export_only):
        from engine.training.export import export_weights

        written = export_weights(settings, folder, name, in_box=box)
    if as_json:
        echo_json({"outcome": outcome, "folder": folder, "weights": written})
        return
    state = "finished" if outcome.finished else "stopped; run the same command to go on"
    best = f"best validation score {outcome.best_score:.4g}" if math.isfinite(outcome.best_score) else "not validated"
    echo(f"{folder}: {outcome.iteration} of {settings.iterations} iterations, {best} ({state})")
    if written is not None:
        echo(f"{written}: weights and card")


def _silent(status: "Status") -> None:
    """Print nothing."""


def _print(status: "Status") -> None:
    minutes, seconds = divmod(round(status.remaining_s), 60)
    line = (
        f"{status.iteration}/{status.iterations} {status.phase}: loss {status.loss:.4f}, "
        f"{status.rate_per_s:.2f} it/s, {minutes}:{seconds:02d} left"
    )
    if status.skipped:
        line += f", {status.skipped} skipped"
    if status.scores is not None:
        line += f" | validation: axial {status.scores.axial_rmse:.3f} samples, NRMSE {status.scores.nrmse:.2f} %, "
        line += f"strain {status.scores.strain_rmse:.4f} %, similarity {status.scores.similarity:.3f}"
    echo(line)
