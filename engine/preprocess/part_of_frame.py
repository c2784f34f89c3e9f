"""A part of the frame alone: a box that is estimated, while everything around it stays empty.

A margin around the box is taken along, so that what moves over its edge is still seen, and cut off afterwards. Outside
the box maps are NaN, quality too: nobody has looked there.

Rows and lines at a frame's ends that hold no sample other than a constant, such as the zeros below the last echo that
some scanners write, are left out likewise: tissue moves and the end of its echoes does not, so that whatever is
compared across it seems to stand still.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from engine.errors import ParameterError
from engine.types import Displacement, FrameEstimate, Geometry, Map, RFSequence, Sigma

MARGIN_M = 3e-3
LEAST_ROWS, LEAST_LINES = 32, 4


@dataclass(frozen=True)
class Box:
    """Depths and lateral positions between which is estimated, in metres; None at an end is that of the frame."""

    top_m: float | None = None
    bottom_m: float | None = None
    left_m: float | None = None
    right_m: float | None = None

    def slices(self, shape: tuple[int, int], geometry: Geometry) -> tuple[slice, slice]:
        """Return the rows and lines of a frame (H, W) whose centres lie inside; next to none is a ParameterError."""
        rows = _inside(geometry.depths_m(shape[0]), self.top_m, self.bottom_m)
        lines = _inside(geometry.laterals_m(shape[1]), self.left_m, self.right_m)
        if rows.stop - rows.start < LEAST_ROWS or lines.stop - lines.start < LEAST_LINES:
            raise ParameterError(
                f"the part of the frame holds {rows.stop - rows.start} samples of {lines.stop - lines.start} lines; "
                f"at least {LEAST_ROWS} of {LEAST_LINES} are needed"
            )
        return rows, lines


def parse_box(text: str) -> Box:
    """Read `TOP:BOTTOM[,LEFT:RIGHT]` in mm, an end left out for that of the frame; other texts are a ParameterError.

    >>> parse_box("10:25,:8")
    Box(top_m=0.01, bottom_m=0.025, left_m=None, right_m=0.008)
    """
    ends: list[float | None] = []
    for axis in text.split(",") if text.strip() else ():
        found = [piece.strip() for piece in axis.split(":")]
        try:
            values = [1e-3 * float(piece) if piece else None for piece in found]
        except ValueError:
            values = []
        known = [value for value in values if value is not None]
        if len(values) != 2 or not all(map(math.isfinite, known)) or (len(known) == 2 and known[0] >= known[1]):
            raise ParameterError(f"part: {text!r} is not TOP:BOTTOM or TOP:BOTTOM,LEFT:RIGHT in mm, such as 10:25,-8:8")
        ends += values
    if len(ends) > 4:
        raise ParameterError(f"part: {text!r} has more than depths and lateral positions")
    return Box(*ends)


@dataclass(frozen=True)
class Part:
    """A recording cut to a box and its margin, and how its estimates lie in the whole frame."""

    sequence: RFSequence
    whole: RFSequence
    box: tuple[slice, slice]
    cut: tuple[slice, slice]

    def in_whole(self, estimate: FrameEstimate) -> FrameEstimate:
        """Return an estimate of the part on the whole grid."""
        geometry = self.whole.geometry

        def placed(values: Map) -> Map:
            whole = np.full(self.whole.shape[1:], np.nan, np.float32)
            whole[self.cut] = values
            kept = np.full_like(whole, np.nan)
            kept[self.box] = whole[self.box]
            return kept

        motion, sigma = estimate.displacement, estimate.sigma
        return replace(
            estimate,
            displacement=Displacement(placed(motion.axial_m), placed(motion.lateral_m), geometry, motion.report),
            strain=replace(estimate.strain, axial=placed(estimate.strain.axial), geometry=geometry),
            quality=placed(estimate.quality),
            sigma=None
            if sigma is None
            else Sigma(**{entry.name: placed(getattr(sigma, entry.name)) for entry in fields(Sigma)}),
        )


def part_of(sequence: RFSequence, box: Box) -> Part:
    """Cut a recording (T, H, W) to a box and its margin."""
    shape, geometry = (sequence.shape[1], sequence.shape[2]), sequence.geometry
    rows, lines = box.slices(shape, geometry)
    cut = (
        _wider(rows, round(MARGIN_M / geometry.axial_spacing_m), shape[0]),
        _wider(lines, round(MARGIN_M / geometry.pitch_m), shape[1]),
    )
    return _cut(sequence, (rows, lines), cut)


def part_with_echoes(sequence: RFSequence, frames: Iterable[int]) -> Part | None:
    """Cut off rows and lines at the ends that are constant in all of some frames; None where there is next to nothing.

    Of a recording without any change between samples nothing is cut off either.
    """
    height, width = sequence.shape[1:]
    changes = np.any([np.diff(sequence.frame(frame), axis=0) != 0 for frame in frames], axis=0)
    rows, lines = (np.flatnonzero(changes.any(axis=axis)) for axis in (1, 0))
    if rows.size < LEAST_ROWS or lines.size < LEAST_LINES:
        return None
    first, last = int(rows[0]), int(rows[-1]) + 1
    box = (
        slice(first + 1 if first else 0, last if last < height - 1 else height),
        slice(int(lines[0]), int(lines[-1]) + 1),
    )
    return None if box == (slice(0, height), slice(0, width)) else _cut(sequence, box, box)


def _cut(sequence: RFSequence, box: tuple[slice, slice], cut: tuple[slice, slice]) -> Part:
    shape, geometry = sequence.shape[1:], sequence.geometry
    sector = geometry.sector
    if sector is not None:
        aside = (cut[1].start + cut[1].stop - shape[1]) / 2
        sector = replace(sector, middle_rad=sector.middle_rad + aside * sector.angle_step_rad)
    start_m = geometry.start_depth_m + cut[0].start * geometry.axial_spacing_m
    inner = replace(geometry, start_depth_m=start_m, sector=sector)
    size = (sequence.shape[0], cut[0].stop - cut[0].start, cut[1].stop - cut[1].start)
    smaller = RFSequence(size, inner, lambda frame: sequence.frame(frame)[cut], sequence.paths, sequence.format)
    return Part(smaller, sequence, box, cut)


def _inside(places: NDArray[np.float64], low: float | None, high: float | None) -> slice:
    least, most = -np.inf if low is None else low, np.inf if high is None else high
    known = np.flatnonzero((places >= least) & (places <= most))
    return slice(int(known[0]), int(known[-1]) + 1) if known.size else slice(0, 0)


def _wider(taken: slice, margin: int, length: int) -> slice:
    return slice(max(taken.start - margin, 0), min(taken.stop + margin, length))
