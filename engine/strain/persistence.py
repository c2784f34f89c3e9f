"""Persistence: the strain maps of successive frames averaged, as scanners do, to quieten what is noise.

Frames are compressed differently, so what is averaged is their strain over its mean, on the grid of one reference. With
s_k the strain of frame k, m_k its mean and q_k its quality, the relative strain that all frames
have in common follows by least squares from s_k = m_k r with weights q_k:

    r = sum q_k m_k s_k / sum q_k m_k^2.

A frame of little compression, whose relative strain is mostly noise, therefore counts little. The average is r times
the mean of the newest frame: it has that frame's compression.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from engine.errors import ParameterError
from engine.metrics.relative import mean_strain
from engine.types import FrameEstimate, Map, Result

MOST_FRAMES = 10
BLOCK_ROWS = 256
"""Rows averaged at a time, so that what is summed stays in the processor's cache."""


@dataclass(frozen=True)
class FrameStrain:
    """What averaging needs of a frame: strain and quality (H, W), the strain's mean, and the reference's number.

    `mean` is that of `engine.metrics.relative.mean_strain`, NaN for a frame that was hardly compressed.
    """

    frame: int
    reference: int
    strain: Map
    quality: Map
    mean: float


@dataclass(frozen=True)
class AveragedStrain:
    """Strain and quality averaged over `frames`, the newest last; one frame alone is that frame as it was."""

    strain: Map
    quality: Map
    frames: tuple[int, ...]


def successive(frame: int, estimated: Sequence[int], count: int) -> tuple[int, ...]:
    """Return the last `count` estimated frames up to and with `frame`, in order.

    >>> successive(5, (1, 2, 4, 5, 6), 3)
    (2, 4, 5)
    """
    return tuple(sorted(entry for entry in estimated if entry <= frame)[-count:])


def average_strain(frames: Sequence[FrameStrain]) -> AveragedStrain:
    """Average the last frame with those before it that have the same reference and a mean to be divided by.

    A pixel is valid where any of the frames is valid; where none of them has any quality it stays as it is in the last.
    Quality is averaged with the same weights.
    """
    newest = frames[-1]
    used = [entry for entry in frames if entry.reference == newest.reference and math.isfinite(entry.mean)]
    if len(used) < 2 or used[-1] is not newest:
        return AveragedStrain(newest.strain, newest.quality, (newest.frame,))
    strain, quality = np.empty_like(newest.strain), np.empty_like(newest.quality)
    for row in range(0, strain.shape[0], BLOCK_ROWS):
        rows = slice(row, row + BLOCK_ROWS)
        strain[rows], quality[rows] = _average_rows(used, rows)
    return AveragedStrain(strain, quality, tuple(entry.frame for entry in used))


def _average_rows(frames: Sequence[FrameStrain], rows: slice) -> tuple[Map, Map]:
    shape = frames[-1].strain[rows].shape
    strains, weights, qualities = (np.zeros(shape, np.float32) for _ in range(3))
    newest = frames[-1].mean
    for entry in frames:
        share = np.float32(entry.mean / newest)
        quality = np.fmax(entry.quality[rows], 0)  # also turns NaN into 0
        quality *= share
        weighted = quality * entry.strain[rows]
        missing = np.isnan(weighted)
        np.copyto(weighted, 0, where=missing)
        np.copyto(quality, 0, where=missing)
        strains += weighted
        np.multiply(quality, share, out=weighted)
        weights += weighted
        quality *= quality
        qualities += quality
    unweighted = weights == 0
    np.copyto(weights, 1, where=unweighted)
    strains /= weights
    qualities /= weights
    np.copyto(strains, frames[-1].strain[rows], where=unweighted)
    np.copyto(qualities, frames[-1].quality[rows], where=unweighted)
    return strains, qualities


def averaged_frames(result: Result, count: int) -> Callable[[int], tuple[FrameEstimate, tuple[int, ...]]]:
    """Return a reader of a result's rows that gives the estimate with averaged strain and quality, and its frames.

    Displacement stays that of the frame. A row and those before it are read once where rows are asked for in order.
    """
    if not 1 <= count <= MOST_FRAMES:
        raise ParameterError(f"between 1 and {MOST_FRAMES} frames can be averaged, found {count}")
    read = lru_cache(maxsize=count)(result.read_frame)

    def averaged(row: int) -> tuple[FrameEstimate, tuple[int, ...]]:
        newest = read(row)
        frames = successive(newest.deformed_frame, result.deformed_frames, count)
        found = average_strain([_frame_strain(read(result.deformed_frames.index(frame))) for frame in frames])
        if len(found.frames) == 1:
            return newest, found.frames
        strain = replace(newest.strain, axial=found.strain)
        return replace(newest, strain=strain, quality=found.quality), found.frames

    return averaged


def _frame_strain(estimate: FrameEstimate) -> FrameStrain:
    strain = estimate.strain
    mean = mean_strain(strain.axial, strain.geometry, strain.window_m)
    return FrameStrain(estimate.deformed_frame, estimate.reference_frame, strain.axial, estimate.quality, mean)
