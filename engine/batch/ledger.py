"""What a batch has done, a line of JSON for each recording beside the results: a stopped cohort goes on at once.

A recording that has not changed since, under settings that are the same, with its result as it was written, is done:
two looks at the folder say so, where opening and hashing it anew would take as long as reading the cohort.
"""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engine import __version__
from engine.batch.job import Job, Outcome
from engine.estimators.base import ESTIMATORS
from engine.pipeline import Settings
from engine.types import Provenance

NAME = "batch.jsonl"


def settings_key(settings: Settings, frames: str | None) -> str:
    """Key of what decides results beside recording and geometry: method, parameters, weights, program, frames."""
    chosen = settings.resolved()
    assert chosen.parameters is not None
    assert chosen.strain_parameters is not None
    card = ESTIMATORS.get(chosen.method).card_for(chosen.parameters)
    parts = [
        chosen.method,
        chosen.parameters.as_dict(),
        chosen.preparation.as_dict(),
        chosen.strain_method,
        chosen.strain_parameters.as_dict(),
        chosen.reference,
        frames,
        "" if card is None else card.sha256,
        __version__,
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


class Ledger:
    """Lines of the file of a folder, of one key of settings; damaged lines are passed over."""

    def __init__(self, folder: Path, key: str) -> None:
        self._path, self._key = folder / NAME, key
        self._done: dict[str, dict[str, Any]] = {}
        try:
            lines = self._path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            lines = []
        for line in lines:
            try:
                entry = json.loads(line)
                self._done[entry["output"]] = entry
            except (ValueError, TypeError, KeyError, RecursionError):
                continue

    def find(self, job: Job) -> Outcome | None:
        """Return the outcome of a job that needs nothing done, without its numbers."""
        entry = self._done.get(job.output.name)
        if entry is None or entry.get("facts") != self._facts(job):
            return None
        try:
            provenance, frames = Provenance(**entry["provenance"]), int(entry["frames"])
        except (TypeError, ValueError, KeyError):
            return None
        return Outcome(job.recording, job.output, "skipped", frames=frames, provenance=provenance)

    def add(self, job: Job, outcome: Outcome) -> None:
        """Take note of a job that was done, or found done; a folder that is full or read-only loses only the note."""
        facts = self._facts(job)
        if outcome.state == "failed" or outcome.provenance is None or facts is None:
            return
        entry = {
            "output": job.output.name,
            "facts": facts,
            "frames": outcome.frames,
            "provenance": asdict(outcome.provenance),
        }
        with self._path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(entry) + "\n")

    def _facts(self, job: Job) -> list[Any] | None:
        """Return all that must be as it was, or None where a file is not there."""
        try:
            files = [job.recording.stat(), job.output.stat()]
        except OSError:
            return None
        how = [sorted(job.given.items()), str(job.options), job.accept_suggested]
        stamps = [[found.st_size, found.st_mtime_ns] for found in files]
        return json.loads(json.dumps([self._key, str(job.recording), how, stamps]))  # type: ignore[no-any-return]
