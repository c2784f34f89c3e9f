"""Methods, runs, what the engine is busy with, and the numbers that come out."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from app.state.run_store import RunStore
from engine.estimators.base import STRAIN_WINDOW_M
from engine.metrics.base import Measurement
from engine.metrics.contrast import RegionWarning
from engine.parameters import Parameters
from engine.pipeline import Settings

KEPT_RUNS = 8
"""Runs kept on disk side by side; the oldest goes first."""
SOON_S = 5.0
"""What takes no longer needs no saying."""

RunStatus = Literal["waiting", "running", "complete", "cancelled", "failed"]
Stage = Literal["", "first estimate", "refined"]
"""Which of its two estimates is shown of a frame, by a method that gives it two."""


@dataclass(frozen=True)
class MethodInfo:
    """One estimator as the method list shows it; `unavailable` says why it cannot run, or is empty."""

    name: str
    title: str
    kind: str
    params: type[Parameters]
    unavailable: str = ""
    is_recurrent: Callable[[Any], bool] = lambda _parameters: False
    """Whether it must go through all frames from the reference, under its parameters."""
    weights: tuple[str, ...] = ()
    """Trained weights in the box that it can run with, those it uses without a choice first."""
    refines: bool = False
    """Whether it gives each pair a first estimate, and a refined one when it has seen all frames of one reference."""
    strain_window_m: float = STRAIN_WINDOW_M
    """Window in which its strain is read unless another is chosen."""


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
    from_file: bool = False
    """Its estimates come from a result file, of whatever program: nothing is added to them."""
    followed: dict[int, NDArray[np.float64]] = field(default_factory=dict)
    """Points of tissue by frame, as far as they were followed; see `engine.following`."""

    @property
    def how(self) -> str:
        """Say where its frames were estimated, or that they were before."""
        return f"estimated on {self.device.upper()}" if self.device else "estimated before"


@dataclass(frozen=True)
class Activity:
    """What the engine is busy with; `total` 0 means that its length is not known.

    `frame` is the one that is estimated now, `each_s` what a frame has taken so far, NaN before the first.
    """

    title: str
    done: int = 0
    total: int = 0
    frame: int | None = None
    each_s: float = math.nan

    def left(self, frames: int | None = None) -> str:
        """Say how long so many frames, or all that are left, will take; empty where nobody knows."""
        seconds = self.each_s * (self.total - self.done if frames is None else frames)
        return "" if math.isnan(seconds) or seconds < SOON_S else time_words(seconds)


def time_words(seconds: float) -> str:
    """Write a time roughly, as one that is left.

    >>> time_words(42), time_words(400), time_words(8000)
    ('about 40 s', 'about 7 min', 'about 2.2 h')
    """
    if seconds < 95:
        return f"about {max(round(seconds / 10), 1) * 10:.0f} s"
    return f"about {seconds / 60:.0f} min" if seconds < 5400 else f"about {seconds / 3600:.1f} h"


@dataclass(frozen=True)
class FrameMeasurements:
    """All metrics of one frame, and for the shown frame what is doubtful about the regions."""

    frame: int
    values: Mapping[str, Measurement] = field(default_factory=dict)
    warnings: tuple[RegionWarning, ...] = ()
    averaged: int = 1
    """Over how many frames the strain was averaged before it was measured."""
    above: float = 0.0
    """The quality from which on pixels were measured; 0 for all."""
    stage: Stage = ""
