"""Estimates of one run, on disk: a recording's strain maps are never assumed to fit in memory."""

import math
import os
import shutil
import threading
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import ReadError, WriteError
from engine.metrics.relative import mean_strain
from engine.quantity import subsample, usual_range
from engine.reliability.frame import FrameReliability, judge
from engine.strain.persistence import FrameStrain
from engine.types import Displacement, FrameEstimate, Geometry, Map, Measure, Provenance, Result, Sigma, Strain

CACHED_MAPS_BYTES = 64 * 2**20
"""Decoded maps kept for the frames shown last; enough for a cine of some seconds at 2048 x 256."""

SIGMA_MAPS = tuple(entry.name for entry in fields(Sigma))


StoredMaps = tuple[Map, Map, Map | None]
"""Axial strain, quality, and the strain's standard deviation where it is known."""


@dataclass(frozen=True)
class FrameSummary:
    """Small facts of one estimated frame, for the time line and for limits that hold over all frames.

    `mean_strain` is what relative strain is relative to, NaN where the frame was hardly compressed; `reliability` says
    how far the frame can be trusted.
    """

    reference_frame: int
    window_m: float
    low: float
    high: float
    median_strain: float
    mean_quality: float
    mean_strain: float
    reliability: FrameReliability
    has_sigma: bool
    lateral_window_m: float
    measure: Measure
    report: Mapping[str, float] = field(default_factory=dict)
    """What the displacement says of itself, such as its drift."""

    def strain(self, axial: Map, geometry: Geometry, sigma: Map | None = None) -> Strain:
        """Return the frame's strain map as what it is."""
        return Strain(axial, geometry, self.window_m, sigma, self.lateral_window_m, self.measure)


class RunStore:
    """One uncompressed array file (4 or 7, H, W) a frame: axial and lateral displacement, strain, quality, sigma.

    Sigma, where there is any, is that of strain, axial and lateral displacement.

    `add` is called by the engine thread, reading by any thread; a frame is seen only once it is wholly written. A first
    estimate, which a method of the whole recording gives each pair until it has seen all, is there to be shown alone:
    it is none of the store's `frames`, and gives way to the final one.
    """

    def __init__(self, folder: Path, geometry: Geometry) -> None:
        self.folder = folder
        self.geometry = geometry
        self._lock = threading.Lock()
        self._summaries: dict[int, FrameSummary] = {}
        self._first: dict[int, FrameSummary] = {}
        self._cache: OrderedDict[int, StoredMaps] = OrderedDict()

    def add(self, estimate: FrameEstimate) -> FrameSummary:
        """Write one frame's estimate and return its summary; a WriteError says why it cannot be kept.

        A first estimate never takes the place of a final one.
        """
        if estimate.provisional and estimate.deformed_frame in self:
            return self.summary(estimate.deformed_frame)
        maps = (
            estimate.displacement.axial_m,
            estimate.displacement.lateral_m,
            estimate.strain.axial,
            estimate.quality,
            *(() if estimate.sigma is None else (getattr(estimate.sigma, name) for name in SIGMA_MAPS)),
        )
        self._write(self._path(estimate.deformed_frame), np.stack(maps).astype(np.float32, copy=False))
        summary = summarise(estimate)
        with self._lock:
            self._first.pop(estimate.deformed_frame, None)
            (self._first if estimate.provisional else self._summaries)[estimate.deformed_frame] = summary
            self._cache.pop(estimate.deformed_frame, None)
        return summary

    def frames(self) -> tuple[int, ...]:
        """Frames that are estimated, in order."""
        with self._lock:
            return tuple(sorted(self._summaries))

    def shown_frames(self) -> tuple[int, ...]:
        """Frames that are estimated, be it for the first time, in order."""
        with self._lock:
            return tuple(sorted({*self._summaries, *self._first}))

    def is_first(self, frame: int) -> bool:
        """Say whether a frame has its first estimate alone."""
        with self._lock:
            return frame in self._first

    def __contains__(self, frame: int) -> bool:
        with self._lock:
            return frame in self._summaries

    def summary(self, frame: int) -> FrameSummary:
        """Return the small facts of an estimated frame."""
        with self._lock:
            return self._first.get(frame) or self._summaries[frame]

    def strain_range(self) -> tuple[float, float] | None:
        """Return stored strains that hold 96 % of every frame so far, or None where no frame has a valid pixel."""
        finite = [entry for entry in self._told() if math.isfinite(entry.low)]
        return (min(entry.low for entry in finite), max(entry.high for entry in finite)) if finite else None

    def relative_range(self) -> tuple[float, float] | None:
        """Return relative strains that hold 96 % of a usual frame: the medians of both ends over all frames so far."""
        ends = [
            sorted((entry.low / entry.mean_strain, entry.high / entry.mean_strain))
            for entry in self._told()
            if math.isfinite(entry.mean_strain)
        ]
        if not ends:
            return None
        low, high = np.median(np.array(ends), axis=0)
        return float(low), float(high)

    def _told(self) -> tuple[FrameSummary, ...]:
        """Return the summaries of the final estimates, or, before there is one, of the first ones."""
        with self._lock:
            return tuple((self._summaries or self._first).values())

    def shown_maps(self, frame: int) -> StoredMaps:
        """Return strain, quality and sigma of a frame, read-only, from memory where they were shown lately."""
        with self._lock:
            kept = self._cache.get(frame)
            if kept is not None:
                self._cache.move_to_end(frame)
                return kept
        maps = self.maps(frame)
        with self._lock:
            self._cache[frame] = maps
            while len(self._cache) > 1 and len(self._cache) * 3 * maps[0].nbytes > CACHED_MAPS_BYTES:
                self._cache.popitem(last=False)
        return maps

    def strain(self, frame: int, *, keep: bool = True) -> FrameStrain:
        """Return strain and quality of a frame; `keep` holds the maps in memory, as those of frames that are shown."""
        axial, quality, sigma = self.shown_maps(frame) if keep else self.maps(frame)
        summary = self.summary(frame)
        strain = summary.strain(axial, self.geometry, sigma)
        return FrameStrain(frame, summary.reference_frame, strain, quality, summary.mean_strain, (frame,))

    def result(self, reference_frame: int, provenance: Provenance, *, with_first: bool = False) -> Result:
        """Return the frames that are here now as a result, read one by one when asked for; there must be one.

        Frames that have their first estimate alone are among them on request.
        """
        frames = self.shown_frames() if with_first else self.frames()
        rows, lines = self._load(frames[0], mapped=True).shape[1:]
        shape = (len(frames), rows, lines)
        return Result(
            shape, self.geometry, reference_frame, frames, provenance, lambda row: self.read(frames[row]), self.folder
        )

    def maps(self, frame: int) -> StoredMaps:
        """Read strain, quality and sigma of a frame, read-only, past what is kept."""
        strain, quality, *sigma = np.array(self._load(frame, mapped=True)[2:5])
        for entry in (strain, quality, *sigma):
            entry.flags.writeable = False
        return strain, quality, sigma[0] if sigma else None

    def read(self, frame: int) -> FrameEstimate:
        """Return the whole estimate of a frame."""
        summary = self.summary(frame)
        axial, lateral, strain, quality, *deviations = self._load(frame)
        return FrameEstimate(
            summary.reference_frame,
            frame,
            Displacement(axial, lateral, self.geometry, summary.report),
            summary.strain(strain, self.geometry),
            quality,
            Sigma(*deviations) if deviations else None,
            self.is_first(frame),
        )

    def forget(self) -> None:
        """Be empty from now on; `delete` takes what is on disk away."""
        with self._lock:
            self._summaries.clear()
            self._first.clear()
            self._cache.clear()

    def delete(self) -> None:
        """Delete the store's folder: gigabytes take a while, so this is a job."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _load(self, frame: int, *, mapped: bool = False) -> NDArray[np.float32]:
        """Read what `add` wrote; a ReadError says that something else has taken it away."""
        path = self._path(frame)
        try:
            stored: NDArray[np.float32] = np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise ReadError(
                path, f"the results are gone from {path.parent.parent}; open the recording again"
            ) from error
        return stored

    def _write(self, path: Path, maps: NDArray[np.float32]) -> None:
        partial = path.with_suffix(".partial.npy")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with partial.open("wb") as file:
                np.save(file, maps, allow_pickle=False)
            os.replace(partial, path)
        except OSError as error:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
            reason = error.strerror or "the disk is full"  # NumPy counts items instead of telling why
            raise WriteError(f"results cannot be kept in {self.folder.parent}: {reason}") from error

    def _path(self, frame: int) -> Path:
        return self.folder / f"frame_{frame:06d}.npy"


def summarise(estimate: FrameEstimate) -> FrameSummary:
    """Compute the small facts of an estimate from a subsample: they steer limits and the time line, not metrics."""
    strain, quality = subsample(estimate.strain.axial), subsample(estimate.quality)
    low, high = usual_range(estimate.strain.axial)
    return FrameSummary(
        estimate.reference_frame,
        estimate.strain.window_m,
        low,
        high,
        float(np.median(strain)) if strain.size else math.nan,
        float(quality.mean()) if quality.size else math.nan,
        mean_strain(estimate.strain.axial, estimate.strain.geometry, estimate.strain.window_m),
        judge(estimate),
        estimate.sigma is not None,
        estimate.strain.lateral_window_m,
        estimate.strain.measure,
        estimate.displacement.report,
    )
