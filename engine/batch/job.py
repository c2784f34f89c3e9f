"""One recording of a batch: estimate it into its result file, unless an equal result is there already.

A result is equal if recording (by hash), geometry, method, parameters, weights, program version, reference and frames
are. So a batch that was stopped goes on where it stood, and one whose settings changed is computed anew.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Literal

from engine.device import choose_device
from engine.errors import CancelledError, ReadError, StrainscopeError
from engine.export.result_file import ResultWriter, read_result
from engine.export.table import FrameMetrics, measure_result
from engine.failures import in_one_line
from engine.files.own_formats import is_result_file
from engine.interruption import interrupted_by
from engine.pipeline import Cancelled, Settings, run, wanted_frames
from engine.provenance import make_provenance, unchanged_input
from engine.readers import ReadOptions, open_recording
from engine.reliability.frame import RecordingReliability, judge_result
from engine.types import Ellipse, Provenance, RFSequence

SettingsFor = Callable[[RFSequence], Settings]
"""Settings for a recording, whose length may decide its frames; must survive the trip to another process."""


@dataclass(frozen=True)
class Job:
    """All that decides one result; with a region, its metrics are measured too.

    `given` is geometry from the user, `accept_suggested` lets the reader's suggestions stand in for what is missing.
    """

    recording: Path
    output: Path
    settings: SettingsFor
    options: ReadOptions = field(default_factory=ReadOptions)
    given: Mapping[str, float] = field(default_factory=dict)
    accept_suggested: bool = False
    device: str = "auto"
    target: Ellipse | None = None
    background: Ellipse | None = None
    quality: float = 0.0
    """Quality below which pixels are not measured."""
    done: Provenance | None = None
    """Of a result that is known to be there already: it is only measured."""


@dataclass(frozen=True)
class Outcome:
    """What became of a job: `failed` says why in `problem`, one line that names the recording."""

    recording: Path
    output: Path
    state: Literal["done", "skipped", "failed"]
    problem: str = ""
    frames: int = 0
    seconds: float = 0.0
    provenance: Provenance | None = None
    metrics: tuple[FrameMetrics, ...] = ()
    target: Ellipse | None = None
    background: Ellipse | None = None
    reliability: RecordingReliability | None = None


def run_job(job: Job, cancelled: Cancelled = lambda: False) -> Outcome:
    """Run one job; whatever is wrong with its recording is a failed outcome, only a cancellation is raised.

    The result file appears when it is complete, so a job that dies leaves none.
    """
    started = perf_counter()
    try:
        return _estimate(job, cancelled, started)
    except CancelledError:
        raise
    except StrainscopeError as error:
        return failed(job, str(error))
    except Exception as error:  # noqa: BLE001 - one bad recording must not end the batch
        return failed(job, f"{job.recording.name}: {in_one_line(error)}")


def failed(job: Job, problem: str) -> Outcome:
    """Make the outcome of a job that could not be done; the problem becomes one line."""
    return Outcome(job.recording, job.output, "failed", " ".join(problem.split()))


def _estimate(job: Job, cancelled: Cancelled, started: float) -> Outcome:
    if job.done is not None:
        frames = len(read_result(job.output).deformed_frames)
        return _outcome(job, "skipped", frames, perf_counter() - started, job.done)
    if is_result_file(job.recording):
        raise ReadError(job.recording, "holds a result, not RF")
    recording = open_recording([job.recording], job.options)
    sequence = recording.complete(job.given, accept_suggested=job.accept_suggested)
    settings = job.settings(sequence).resolved()
    wanted = wanted_frames(sequence, settings)
    provenance = make_provenance(sequence, settings, cancelled)
    skipped = _is_there(job.output, sequence, settings.reference, wanted, provenance)
    if not skipped:
        _write(job, sequence, settings, wanted, provenance, cancelled)
    return _outcome(job, "skipped" if skipped else "done", len(wanted), perf_counter() - started, provenance)


def _outcome(
    job: Job, state: Literal["done", "skipped"], frames: int, seconds: float, provenance: Provenance
) -> Outcome:
    metrics = _measure(job)
    regions = job.target, job.background
    judged = judge_result(read_result(job.output))
    return Outcome(job.recording, job.output, state, "", frames, seconds, provenance, metrics, *regions, judged)


def _write(
    job: Job,
    sequence: RFSequence,
    settings: Settings,
    wanted: tuple[int, ...],
    provenance: Provenance,
    cancelled: Cancelled,
) -> None:
    device = choose_device(job.device)
    writer = ResultWriter(job.output, sequence.shape, sequence.geometry, settings.reference, wanted, provenance)
    with writer, unchanged_input(sequence), interrupted_by(cancelled):
        for estimate in run(sequence, settings, device, cancelled=cancelled):
            writer.append(estimate)


def _measure(job: Job) -> tuple[FrameMetrics, ...]:
    """Measure from the file, so that a result that was there already is measured like a new one."""
    if job.target is None and job.background is None:
        return ()
    return measure_result(read_result(job.output), job.target, job.background, quality=job.quality).rows


def _is_there(
    path: Path, sequence: RFSequence, reference: int, wanted: tuple[int, ...], provenance: Provenance
) -> bool:
    if not is_result_file(path):
        return False
    try:
        found = read_result(path)
    except ReadError:
        return False
    made = (found.geometry, found.reference_frame, found.deformed_frames, _comparable(found.provenance))
    return made == (sequence.geometry, reference, wanted, _comparable(provenance))


def _comparable(provenance: Provenance) -> tuple[str, ...]:
    """Give the provenance as texts: parameters that went through a file have lists where there were tuples."""
    return (
        provenance.method,
        json.dumps(dict(provenance.parameters), sort_keys=True),
        provenance.weights_sha256,
        provenance.program_version,
        provenance.input_sha256,
    )
