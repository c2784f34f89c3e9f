"""Methods, runs, what the engine is busy with, and the numbers that come out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from app.state.run_store import RunStore
from engine.metrics.base import Measurement
from engine.metrics.contrast import RegionWarning
from engine.parameters import Parameters
from engine.pipeline import Settings

KEPT_RUNS = 8
"""Runs kept on disk side by side; the oldest goes first."""

RunStatus = Literal["waiting", "running", "complete", "cancelled", "failed"]


@dataclass(frozen=True)
class MethodInfo:
    """One estimator as the method list shows it; `unavailable` says why it cannot run, or is empty."""

    name: str
    title: str
    kind: str
    params: type[Parameters]
    unavailable: str = ""


@dataclass(frozen=True)
class StrainMethodInfo:
    """One strain filter as the list shows it; `unavailable` says why it cannot run, or is empty."""

    name: str
    title: str
    params: type[Parameters]
    unavailable: str = ""


@dataclass
class Run:
    """One run of the chain with fixed settings; its estimates arrive frame by frame in the store."""

    number: int
    recording: int
    settings: Settings
    title: str
    store: RunStore
    status: RunStatus = "running"
    device: str = ""


@dataclass(frozen=True)
class Activity:
    """What the engine is busy with; `total` 0 means that its length is not known."""

    title: str
    done: int = 0
    total: int = 0


@dataclass(frozen=True)
class FrameMeasurements:
    """All metrics of one frame, and for the shown frame what is doubtful about the regions."""

    frame: int
    values: Mapping[str, Measurement] = field(default_factory=dict)
    warnings: tuple[RegionWarning, ...] = ()
    averaged: int = 1
    """Over how many frames the strain was averaged before it was measured."""
