"""Numbers over the frames that are worth keeping: mean and sample standard deviation of each metric."""

import math
import statistics
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from engine.metrics.base import Measurement


@dataclass(frozen=True)
class OverFrames:
    """A metric over some frames: `mean` and sample standard deviation (NaN for one frame), in the metric's unit."""

    mean: float
    deviation: float
    unit: str
    frames: tuple[int, ...]


def over_frames(
    measured: Mapping[int, Mapping[str, Measurement]], worth_keeping: Collection[int]
) -> dict[str, OverFrames]:
    """Return mean and deviation, by name, of every metric (by frame and name) with a value in a frame worth keeping."""
    kept = {frame: metrics for frame, metrics in sorted(measured.items()) if frame in worth_keeping}
    found = {}
    for name in dict.fromkeys(name for metrics in kept.values() for name in metrics):
        given = {frame: metrics[name] for frame, metrics in kept.items() if name in metrics}
        entries = {frame: entry for frame, entry in given.items() if not entry.reason}
        if entries:
            values = [entry.value for entry in entries.values()]
            deviation = statistics.stdev(values) if len(values) > 1 else math.nan
            unit = next(iter(entries.values())).unit
            found[name] = OverFrames(statistics.fmean(values), deviation, unit, tuple(entries))
    return found
