"""Numbers over the frames that are worth keeping: mean and sample standard deviation of each metric."""

import math
import statistics
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from engine.export.table import FrameMetrics


@dataclass(frozen=True)
class OverFrames:
    """A metric over some frames: `mean` and sample standard deviation (NaN for one frame), in the metric's unit."""

    mean: float
    deviation: float
    unit: str
    frames: tuple[int, ...]


def over_frames(rows: Sequence[FrameMetrics], worth_keeping: Collection[int]) -> dict[str, OverFrames]:
    """Return mean and deviation, by name, of every metric that has a value in a frame worth keeping."""
    kept = [row for row in rows if row.deformed_frame in worth_keeping]
    found = {}
    for name in dict.fromkeys(name for row in kept for name in row.metrics):
        given = {row.deformed_frame: row.metrics[name] for row in kept if name in row.metrics}
        entries = {frame: entry for frame, entry in given.items() if not entry.reason}
        if entries:
            values = [entry.value for entry in entries.values()]
            deviation = statistics.stdev(values) if len(values) > 1 else math.nan
            unit = next(iter(entries.values())).unit
            found[name] = OverFrames(statistics.fmean(values), deviation, unit, tuple(entries))
    return found
