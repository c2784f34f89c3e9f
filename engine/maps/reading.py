"""Maps of a result, frame by frame."""

from collections.abc import Callable

from engine.maps.base import MAPS, MapInput
from engine.strain.persistence import FrameStrain
from engine.strain.quality_mask import visible
from engine.types import FrameEstimate, Map, Result

ReadMap = Callable[[int], Map]
"""Gives the map of a frame (H, W), as it is stored, by the frame's number."""


def map_reader(
    result: Result,
    name: str,
    true: Callable[[FrameEstimate], FrameEstimate] | None = None,
    *,
    remove_rigid: bool = False,
) -> ReadMap:
    """Return what reads a map of a result's frames; `true` gives the true motion of an estimate where it is known.

    An unknown name is a MethodError at once, a map that a frame does not have a ParameterError when it is read.

    >>> map_reader(result, "lateral-strain")(9)  # doctest: +SKIP
    """
    entry, rows = MAPS.get(name), {frame: row for row, frame in enumerate(result.deformed_frames)}

    def read(frame: int) -> Map:
        estimate = result.read_frame(rows[frame])
        known = None if true is None or "true" not in entry.needs else true(estimate)
        return entry.of(MapInput(estimate, result.provenance.method, known, remove_rigid=remove_rigid))

    return read


def measured_map(found: FrameStrain, read_map: ReadMap | None, quality: float = 0.0) -> Map:
    """Return the map of a frame (H, W) as every number and curve of it is made: NaN where the quality is lower.

    Without `read_map` it is the frame's axial strain, averaged or not; other maps are of the frame alone.
    """
    return visible(found.strain.axial if read_map is None else read_map(found.frame), found.quality, quality)
