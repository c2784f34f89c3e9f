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
from engine.types import FrameEstimate, Map, Result, Strain

MOST_FRAMES = 10
BLOCK_ROWS = 256
"""Rows averaged at a time, so that what is summed stays in the processor's cache."""


@dataclass(frozen=True)
class FrameStrain:
    """Strain and quality (H, W) of a frame as they may be shown: alone, or averaged over the frames `averaged`.

    `averaged` ends with the frame itself. `mean` is what relative strain is relative to, that of
    `engine.metrics.relative.mean_strain`: NaN for a frame that was hardly compressed.
    """

    frame: int
    reference: int
    strain: Strain
    quality: Map
    mean: float
    averaged: tuple[int, ...]


ReadStrain = Callable[[int], FrameStrain]
"""Gives the strain of a frame by the frame's number."""


def strain_of(estimate: FrameEstimate) -> FrameStrain:
    """Return what averaging needs of a frame's estimate."""
    strain, frame = estimate.strain, estimate.deformed_frame
    mean = mean_strain(strain.axial, strain.geometry, strain.window_m)
    return FrameStrain(frame, estimate.reference_frame, strain, estimate.quality, mean, (frame,))


def successive(frame: int, estimated: Sequence[int], count: int) -> tuple[int, ...]:
    """Return the last `count` estimated frames up to and with `frame`, in order.

    >>> successive(5, (1, 2, 4, 5, 6), 3)
    (2, 4, 5)
    """
    return tuple(sorted(entry for entry in estimated if entry <= frame)[-count:])


def average_strain(frames: Sequence[FrameStrain]) -> FrameStrain:
    """Average the last frame with those before it that have the same reference and a mean to be divided by.

    A pixel is valid where any of the frames is valid; where none of them has any quality it stays as it is in the last.
    Quality is averaged with the same weights. One frame alone is that frame as it was.
    """
    newest = frames[-1]
    used = [entry for entry in frames if entry.reference == newest.reference and math.isfinite(entry.mean)]
    if len(used) < 2 or used[-1] is not newest:
        return newest
    axial, quality = np.empty_like(newest.strain.axial), np.empty_like(newest.quality)
    for row in range(0, axial.shape[0], BLOCK_ROWS):
        rows = slice(row, row + BLOCK_ROWS)
        axial[rows], quality[rows] = _average_rows(used, rows)
    strain = replace(newest.strain, axial=axial, sigma=None)  # that of an average is not known
    mean = mean_strain(axial, strain.geometry, strain.window_m)
    return replace(newest, strain=strain, quality=quality, mean=mean, averaged=tuple(entry.frame for entry in used))


def _average_rows(frames: Sequence[FrameStrain], rows: slice) -> tuple[Map, Map]:
    shape = frames[-1].quality[rows].shape
    strains, weights, qualities = (np.zeros(shape, np.float32) for _ in range(3))
    newest = frames[-1].mean
    for entry in frames:
        share = np.float32(entry.mean / newest)
        quality = np.fmax(entry.quality[rows], 0)  # also turns NaN into 0
        quality *= share
        weighted = quality * entry.strain.axial[rows]
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
    np.copyto(strains, frames[-1].strain.axial[rows], where=unweighted)
    np.copyto(qualities, frames[-1].quality[rows], where=unweighted)
    return strains, qualities


def averaged_strain(frame: int, estimated: Sequence[int], count: int, read: ReadStrain) -> FrameStrain:
    """Read a frame averaged over up to `count` of the frames `estimated`, itself the last."""
    return average_strain([read(entry) for entry in successive(frame, estimated, count)])


def strain_reader(estimated: Sequence[int], count: int, read: ReadStrain) -> ReadStrain:
    """Return a reader of averaged frames that reads each once where they are asked for in order.

    A `count` that cannot be is a ParameterError.
    """
    if not 1 <= count <= MOST_FRAMES:
        raise ParameterError(f"between 1 and {MOST_FRAMES} frames can be averaged, found {count}")
    once = lru_cache(maxsize=count)(read)
    return lambda frame: averaged_strain(frame, estimated, count, once)


def averaged_frames(result: Result, count: int = 1) -> ReadStrain:
    """Return a reader of a result's strain, each frame averaged with those before it.

    >>> read = averaged_frames(result, 3)  # doctest: +SKIP
    >>> read(5).averaged  # doctest: +SKIP
    (3, 4, 5)
    """
    rows = {frame: row for row, frame in enumerate(result.deformed_frames)}
    return strain_reader(result.deformed_frames, count, lambda frame: strain_of(result.read_frame(rows[frame])))
