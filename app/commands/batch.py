"""`strainscope batch`: many recordings, one result file each, on this machine's processors or on a Dask cluster."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer

from app.commands._groups import grouped
from app.commands._output import echo, echo_json
from app.commands._parse import parse_ellipse, parse_frames
from app.commands._shared import AsJson, Device, Opening
from app.commands.estimate import Frames, Method, Reference, Sets, StrainMethod, choose_settings
from app.commands.metrics import Background, Target
from app.termination import EndedEarlyError, interruptions
from engine.errors import CancelledError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.batch.job import Job, Outcome
    from engine.pipeline import Settings
    from engine.types import Ellipse, RFSequence

    Regions = tuple[Ellipse | None, Ellipse | None]

SUMMARY = "summary.csv"
SOME_FAILED = 2
MANY_FRAMES = 100_000
"""Longer than any recording: with so many frames, only the form of --frames is checked."""

Recordings = Annotated[list[Path], typer.Argument(metavar="FILE ...", help="Recordings, each a file of its own.")]
Folder = Annotated[
    Path, typer.Option("-o", "--output", metavar="DIR", help="Folder of the result files; made if it is new.")
]
Workers = Annotated[
    int | None,
    typer.Option("--workers", min=1, metavar="N", help="Processes on this machine; default: one for each processor."),
]
Scheduler = Annotated[
    str | None,
    typer.Option("--scheduler", metavar="ADDRESS", help="An existing Dask cluster that sees the same files."),
]


@grouped
def batch(
    files: Recordings,
    opening: Opening,
    folder: Folder,
    method: Method = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    reference: Reference = 0,
    frames: Frames = None,
    device: Device = "auto",
    settings: Sets = None,
    strain_method: StrainMethod = "least-squares",
    target: Target = None,
    background: Background = None,
    as_json: AsJson = False,
) -> None:
    """Estimate every recording into a folder; what is there already is skipped, so a stopped batch goes on."""
    from engine.batch.outputs import make_folder, remove_unfinished
    from engine.device import choose_device

    if workers is not None and scheduler is not None:
        raise ParameterError("--workers is for this machine: an existing cluster has its own")
    choose_device(device)
    chosen = choose_settings(method, strain_method, settings or [], reference)
    regions = parse_ellipse(target, "--target"), parse_ellipse(background, "--background")
    if frames is not None:
        parse_frames(frames, MANY_FRAMES)
    make_folder(folder)
    outputs = _outputs(files, folder)
    settings_for = partial(_settings_for, chosen, frames)
    jobs = [_job(recording, output, settings_for, opening, device, regions) for recording, output in outputs.items()]
    started = perf_counter()
    remove_unfinished(outputs.values())
    try:
        outcomes = _run(jobs, workers, scheduler, quiet=as_json)
    finally:
        remove_unfinished(outputs.values())
    summary = _summarise(folder, outcomes, regions)
    _report(folder, outcomes, summary, perf_counter() - started, as_json=as_json)
    if any(entry.state == "failed" for entry in outcomes):
        raise typer.Exit(SOME_FAILED)


def _outputs(files: list[Path], folder: Path) -> dict[Path, Path]:
    """Name each recording's result; results of an earlier run, caught by a pattern of names, are left out."""
    from engine.batch.outputs import result_paths
    from engine.export.result_file import is_result_file

    home = folder.resolve()
    recordings = [path for path in files if path.resolve().parent != home or not is_result_file(path)]
    if not recordings:
        raise ParameterError(f"all files given are results in {folder}: name the recordings")
    return result_paths(recordings, folder)


def _job(
    recording: Path,
    output: Path,
    settings: "Callable[[RFSequence], Settings]",
    opening: Opening,
    device: str,
    regions: "Regions",
) -> "Job":
    from engine.batch.job import Job

    return Job(
        recording,
        output,
        settings,
        opening.options,
        opening.given,
        opening.accept_suggested,
        device,
        *regions,
    )


def _settings_for(settings: "Settings", frames: str | None, sequence: "RFSequence") -> "Settings":
    """Choose the frames of one recording, on the worker that has opened it."""
    return settings if frames is None else replace(settings, frames=parse_frames(frames, sequence.shape[0]))


def _run(jobs: "list[Job]", workers: int | None, scheduler: str | None, *, quiet: bool) -> "list[Outcome]":
    """Run all jobs and say what becomes of each; Ctrl-C calls off the rest and waits until the workers are gone."""
    from engine.batch.cluster import existing_cluster, local_cluster, processors, run_jobs, threads_per_worker

    count = min(workers or processors(), len(jobs))
    threads = None if scheduler else threads_per_worker(count)
    outcomes: list[Outcome] = []
    with interruptions() as interrupted:
        cluster = existing_cluster(scheduler) if scheduler else local_cluster(count)
        try:
            with cluster as client:
                for outcome in run_jobs(client, jobs, threads, interrupted):
                    outcomes.append(outcome)
                    _say(outcome, len(outcomes), len(jobs), quiet=quiet)
        except CancelledError:
            text = f"stopped after {len(outcomes)} of {len(jobs)}; the same command goes on"
            raise EndedEarlyError(text) from None
    return outcomes


def _say(outcome: "Outcome", done: int, total: int, *, quiet: bool) -> None:
    if outcome.state == "failed":
        echo(f"strainscope: {outcome.problem}", err=True)
    elif outcome.state == "skipped":
        echo(f"[{done}/{total}] {outcome.recording.name}: done already", err=quiet)
    else:
        frames = f"{outcome.frames} {'frame' if outcome.frames == 1 else 'frames'}"
        text = f"{outcome.recording.name}: {frames} in {outcome.seconds:.1f} s, {outcome.output.name}"
        echo(f"[{done}/{total}] {text}", err=quiet)


def _summarise(folder: Path, outcomes: "list[Outcome]", regions: "Regions") -> Path | None:
    """Write the metrics of all recordings into one table, if there is a region to measure."""
    from engine.batch.summary import write_summary

    if regions == (None, None):
        return None
    write_summary(folder / SUMMARY, outcomes, *regions)
    return folder / SUMMARY


def _report(folder: Path, outcomes: "list[Outcome]", summary: Path | None, seconds: float, *, as_json: bool) -> None:
    counts = {state: sum(entry.state == state for entry in outcomes) for state in ("done", "skipped", "failed")}
    if as_json:
        ordered = sorted(outcomes, key=lambda entry: str(entry.recording))
        shown = {"folder": folder, **counts, "seconds": seconds, "summary": summary, "recordings": ordered}
        echo_json(shown)
        return
    parts = f"{counts['done']} done, {counts['skipped']} done already, {counts['failed']} failed"
    table = f"; metrics in {summary}" if summary else ""
    echo(f"{folder}: {parts}, {seconds:.0f} s{table}")
