"""Strain of a run's frame as it is shown: alone, or averaged with the frames before it. One place for all who ask."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from app.state.run_store import RunStore, usual_range
from engine.metrics.relative import mean_strain
from engine.strain.persistence import FrameStrain, average_strain, successive
from engine.types import Map, Strain

ReadMaps = Callable[[int], tuple[Map, Map]]


@dataclass(frozen=True)
class ShownFrame:
    """Strain and quality (H, W) of a frame; `averaged` are the frames in it, itself last.

    `mean` is what relative strain is relative to, `range` holds 96 % of the strain, both of the map as it is here.
    """

    frame: int
    reference: int
    strain: Map
    quality: Map
    window_m: float
    mean: float
    range: tuple[float, float] | None
    averaged: tuple[int, ...]

    def as_strain(self, store: RunStore) -> Strain:
        """Return the strain with its geometry."""
        return Strain(self.strain, store.geometry, self.window_m)


def shown_frame(store: RunStore, frame: int, persistence: int, read: ReadMaps | None = None) -> ShownFrame:
    """Read a frame averaged over up to `persistence` frames; `read` gives maps, the store's kept ones without it."""
    read = read or store.strain_and_quality
    frames = successive(frame, store.frames(), persistence)
    found = average_strain([_frame_strain(store, entry, read) for entry in frames])
    summary = store.summary(frame)
    if len(found.frames) > 1:
        mean = mean_strain(found.strain, store.geometry, summary.window_m)
        low, high = usual_range(found.strain)
    else:
        mean, low, high = summary.mean_strain, summary.low, summary.high
    return ShownFrame(
        frame,
        summary.reference_frame,
        found.strain,
        found.quality,
        summary.window_m,
        mean,
        (low, high) if math.isfinite(low) else None,
        found.frames,
    )


def frame_reader(store: RunStore, persistence: int) -> Callable[[int], ShownFrame]:
    """Return a reader for frames in order that leaves the kept maps of the shown frames alone."""
    read = lru_cache(maxsize=persistence)(store.maps)

    def shown(frame: int) -> ShownFrame:
        return shown_frame(store, frame, persistence, read)

    return shown


def _frame_strain(store: RunStore, frame: int, read: ReadMaps) -> FrameStrain:
    strain, quality = read(frame)
    summary = store.summary(frame)
    return FrameStrain(frame, summary.reference_frame, strain, quality, summary.mean_strain)
