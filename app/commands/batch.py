"""`strainscope batch`: many recordings, one result file each, on this machine's processors or on a Dask cluster."""

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer

from app.commands._figure_options import Background, Target
from app.commands._groups import grouped
from app.commands._output import echo, echo_json, warn
from app.commands._parse import parse_ellipse, parse_frames
from app.commands._shared import AsJson, Device, MeasuredQuality, Opening
from app.commands.estimate import (
    Frames,
    Method,
    PairsOption,
    PartOption,
    Reference,
    Sets,
    StrainMethod,
    choose_settings,
    prepared,
    progress_bar,
)
from app.termination import EndedEarlyError, interruptions
from engine.errors import CancelledError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from engine.batch.cohort import Member
    from engine.batch.job import Job, Outcome
    from engine.batch.ledger import Ledger
    from engine.pipeline import Settings
    from engine.types import Ellipse, RFSequence

    Regions = tuple[Ellipse | None, Ellipse | None]

SOME_FAILED = 2
MANY_FRAMES = 100_000
"""Longer than any recording: with so many frames, only the form of --frames is checked."""

Recordings = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE ...",
        help="Recordings, each a file of its own; folders of them, patterns like '**/*.mat', a .txt with a path on "
        "each line, or a .csv with columns recording, pitch_m and the like, target, background.",
    ),
]
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
    pairs: PairsOption = None,
    frames: Frames = None,
    part: PartOption = None,
    device: Device = "auto",
    settings: Sets = None,
    strain_method: StrainMethod = "least-squares",
    target: Target = None,
    background: Background = None,
    quality: MeasuredQuality = 0.0,
    as_json: AsJson = False,
) -> None:
    """Estimate every recording into a folder; what is there already is skipped, so a stopped batch goes on."""
    from engine.batch.cohort import read_cohort
    from engine.batch.ledger import Ledger, settings_key
    from engine.batch.outputs import make_folder, remove_unfinished
    from engine.device import choose_device

    if workers is not None and scheduler is not None:
        raise ParameterError("--workers is for this machine: an existing cluster has its own")
    choose_device(device)
    chosen = choose_settings(method, strain_method, prepared(settings, pairs, part), reference)
    regions = parse_ellipse(target, "--target"), parse_ellipse(background, "--background")
    if frames is not None:
        parse_frames(frames, MANY_FRAMES)
    members = read_cohort(files, parse_ellipse)
    make_folder(folder)
    outputs = _outputs(members, folder)
    made = partial(_settings_for, chosen, frames)
    jobs = [_job(member, output, made, opening, device, regions, quality) for member, output in outputs]
    started = perf_counter()
    ledger = Ledger(folder, settings_key(chosen, frames))
    found = {job.output: ledger.find(job) for job in jobs}
    done, todo = _split(jobs, found)
    remove_unfinished(job.output for job in jobs)
    try:
        outcomes = _run(todo, done, ledger, workers, scheduler, quiet=as_json)
    finally:
        remove_unfinished(job.output for job in jobs)
    summary = _summarise(folder, outcomes, regions, quality)
    _report(folder, outcomes, summary, perf_counter() - started, as_json=as_json)
    if any(entry.state == "failed" for entry in outcomes):
        raise typer.Exit(SOME_FAILED)


def _outputs(members: "list[Member]", folder: Path) -> "list[tuple[Member, Path]]":
    """Name each recording's result; results of an earlier run, caught by a pattern of names, are left out."""
    from engine.batch.outputs import result_paths
    from engine.files.own_formats import is_result_file

    home = folder.resolve()
    kept = {
        member.recording.resolve(): member
        for member in members
        if member.recording.resolve().parent != home or not is_result_file(member.recording)
    }
    if not kept:
        raise ParameterError(f"all files given are results in {folder}: name the recordings")
    return [(replace(kept[path], recording=path), output) for path, output in result_paths(list(kept), folder).items()]


def _job(
    member: "Member",
    output: Path,
    settings: "Callable[[RFSequence], Settings]",
    opening: Opening,
    device: str,
    regions: "Regions",
    quality: float,
) -> "Job":
    from engine.batch.job import Job

    return Job(
        member.recording,
        output,
        settings,
        opening.options,
        {**opening.given, **member.given},
        opening.accept_suggested,
        device,
        member.target or regions[0],
        member.background or regions[1],
        quality,
    )


def _settings_for(settings: "Settings", frames: str | None, sequence: "RFSequence") -> "Settings":
    """Choose the frames of one recording, on the worker that has opened it."""
    return settings if frames is None else replace(settings, frames=parse_frames(frames, sequence.shape[0]))


def _split(jobs: "list[Job]", found: "Mapping[Path, Outcome | None]") -> "tuple[list[Outcome], list[Job]]":
    """Tell what is done from what is to do; of what is done, but has regions, the numbers are to be measured last."""
    done: list[Outcome] = []
    fresh: list[Job] = []
    measured: list[Job] = []
    for job in jobs:
        outcome = found[job.output]
        if outcome is None:
            fresh.append(job)
        elif job.target is None and job.background is None:
            done.append(outcome)
        else:
            measured.append(replace(job, done=outcome.provenance))
    return done, [*fresh, *measured]


def _run(
    jobs: "list[Job]",
    done: "list[Outcome]",
    ledger: "Ledger",
    workers: int | None,
    scheduler: str | None,
    *,
    quiet: bool,
) -> "list[Outcome]":
    """Run all jobs and say what becomes of each; Ctrl-C calls off the rest and waits until the workers are gone."""
    from engine.batch.cluster import ClusterLostError

    outcomes, total = list(done), len(done) + len(jobs)
    by_output = {job.output: job for job in jobs}
    if done:
        echo(f"{len(done)} of {total} are done already", err=quiet)
    with interruptions() as interrupted, progress_bar("recordings") as progress:
        try:
            for outcome in _outcomes(jobs, workers, scheduler, interrupted):
                outcomes.append(outcome)
                ledger.add(by_output[outcome.output], outcome)
                _say(outcome, len(outcomes), total, quiet=quiet)
                progress(len(outcomes), total)
        except CancelledError:
            text = f"stopped after {len(outcomes)} of {total}; the same command goes on"
            raise EndedEarlyError(text) from None
        except ClusterLostError as error:
            raise ParameterError(f"{error}, after {len(outcomes)} of {total}; the same command goes on") from None
    return outcomes


def _outcomes(
    jobs: "list[Job]", workers: int | None, scheduler: str | None, interrupted: "Callable[[], bool]"
) -> "Iterator[Outcome]":
    """Yield outcomes from processes of this machine, or from the workers of a cluster."""
    if not jobs:
        return
    if scheduler is not None:
        from engine.batch.cluster import existing_cluster, run_jobs

        with existing_cluster(scheduler) as client:
            yield from run_jobs(client, jobs, None, interrupted)
        return
    from engine.batch.pool import processors, run_jobs_here, threads_per_worker

    count = min(workers or processors(), len(jobs))
    yield from run_jobs_here(jobs, count, threads_per_worker(count), interrupted)


def _say(outcome: "Outcome", done: int, total: int, *, quiet: bool) -> None:
    """Say a failure; what is done is a line of its own only where no progress bar shows it."""
    if outcome.state == "failed":
        echo(f"strainscope: {outcome.problem}", err=True)
    elif sys.stderr is not None and sys.stderr.isatty():
        return
    elif outcome.state == "skipped":
        echo(f"[{done}/{total}] {outcome.recording.name}: done already", err=quiet)
    else:
        frames = f"{outcome.frames} {'frame' if outcome.frames == 1 else 'frames'}"
        text = f"{outcome.recording.name}: {frames} in {outcome.seconds:.1f} s, {outcome.output.name}"
        echo(f"[{done}/{total}] {text}", err=quiet)
    if outcome.reliability is not None:
        warn(f"{outcome.recording.name}: {words}" for words in outcome.reliability.words)


def _summarise(folder: Path, outcomes: "list[Outcome]", regions: "Regions", quality: float) -> Path | None:
    """Write the metrics of all recordings into one table, if there is a region to measure."""
    from engine.batch.summary import SUMMARY, summary_text, write_parquet
    from engine.files.atomic import write_text

    if not any(outcome.metrics for outcome in outcomes):
        return None
    write_text(folder / SUMMARY, summary_text(outcomes, *regions, quality))
    write_parquet(folder / SUMMARY)
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
