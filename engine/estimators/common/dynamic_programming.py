"""Integer displacement of every line by dynamic programming over whole lines, a start that cannot slip single cycles.

Rivaz et al. 2008, IEEE Trans. Med. Imaging 27:1373. The cost of matching sample i of line j at the displacement
(axial, lateral) is the absolute difference of the frames; changes along the line, and against the line before, cost
`smoothness` times their squared length:

    C_j(d, i) = |I1 - I2(d)| + min over d' of  (C_j(d', i - 1) + C_{j-1}(d', i)) / 2 + smoothness |d - d'|^2,

with d' within one sample and one line of d. Cell (i, j) needs (i - 1, j) and (i, j - 1) only, so all cells with the
same i + j are computed at once.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from engine.parameters import Parameters, parameter
from engine.types import Displacement, FramePair

_MOVES = tuple((axial, lateral) for axial in (-1, 0, 1) for lateral in (-1, 0, 1))
_FAR = np.float32(np.inf)
"""Cost outside the search: whatever the gain of a frame, nothing inside costs more."""
_TIE = 1e-6


@dataclass(frozen=True)
class DynamicProgrammingParameters(Parameters):
    """Search about the pair's initial motion; without one, axially also over all of `largest_strain`."""

    smoothness: float = parameter(0.15, minimum=0.0, maximum=10.0, help="Cost of a change by one sample or line")
    axial_reach: int = parameter(16, unit="samples", minimum=1, maximum=300, help="Axial search, each way")
    lateral_reach: int = parameter(1, unit="lines", minimum=0, maximum=8, help="Lateral search, each way")
    largest_strain: float = parameter(0.05, minimum=0.0, maximum=0.2, help="Compression expected without a start")
    decimation: int = parameter(4, unit="samples", minimum=1, maximum=16, help="Rows from one match to the next")


@dataclass(frozen=True)
class _Search:
    """Displacements that are tried at every cell: a common range of offsets from a rounded start."""

    axial: NDArray[np.int64]
    lateral: NDArray[np.int64]
    start_axial: NDArray[np.int64]
    start_lateral: NDArray[np.int64]


def integer_displacement(pair: FramePair, params: DynamicProgrammingParameters) -> Displacement:
    """Best whole-sample, whole-line displacement, interpolated linearly between the rows that were matched."""
    rows = np.arange(0, pair.reference.shape[0], params.decimation)
    axial, lateral = _match(pair, params, rows, np.arange(pair.reference.shape[1]))
    return Displacement.from_samples(*_on_all_rows(axial, lateral, rows, pair), pair.geometry)


def seed_line(
    pair: FramePair, params: DynamicProgrammingParameters, line: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Axial samples and lateral lines, each (H,), of a single line."""
    rows = np.arange(0, pair.reference.shape[0], params.decimation)
    axial, lateral = _match(pair, params, rows, np.array([line]))
    full_axial, full_lateral = _on_all_rows(axial, lateral, rows, pair)
    return full_axial[:, 0], full_lateral[:, 0]


def _on_all_rows(
    axial: NDArray[np.int64], lateral: NDArray[np.int64], rows: NDArray[np.int64], pair: FramePair
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Interpolate and take the corners off the staircase, whose steps are a whole sample."""
    everywhere = np.minimum(np.arange(pair.reference.shape[0]) / rows[1] if rows.size > 1 else 0.0, rows.size - 1)
    smooth = [
        ndimage.uniform_filter1d(entry.astype(np.float64), 9, axis=0, mode="nearest") for entry in (axial, lateral)
    ]
    full = [
        np.stack([np.interp(everywhere, np.arange(rows.size), column) for column in entry.T], axis=1)
        for entry in smooth
    ]
    return full[0].astype(np.float32), full[1].astype(np.float32)


def _match(
    pair: FramePair, params: DynamicProgrammingParameters, rows: NDArray[np.int64], lines: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Displacement (rows, lines) of least cost."""
    search = _search(pair, params, rows, lines)
    shape = (lines.size, search.axial.size, search.lateral.size)
    steps = np.empty((rows.size, *shape), np.uint8)  # index of the move that each cell came by
    latest = np.zeros(shape, np.float32)  # cost of each line's last computed cell
    for diagonal in range(rows.size + lines.size - 1):
        active = np.arange(max(0, diagonal - rows.size + 1), min(lines.size, diagonal + 1))
        row = diagonal - active
        # latest[j] is C_j(i - 1) and latest[j - 1] is C_{j-1}(i), both of the diagonal before
        before = latest[active]
        sources = np.where((row > 0)[:, None, None], before, np.float32(0))
        weights = (row > 0).astype(np.float32)
        beside = active > 0
        sources[beside] += latest[active[beside] - 1]
        weights += beside
        sources /= np.maximum(weights, 1)[:, None, None]
        best, move = _cheapest(sources, params.smoothness)
        steps[row, active] = move
        latest[active] = best + _data_cost(pair, search, rows, lines, row, active)
    return _trace(latest, steps, search)


def _search(
    pair: FramePair, params: DynamicProgrammingParameters, rows: NDArray[np.int64], lines: NDArray[np.int64]
) -> _Search:
    lateral = np.arange(-params.lateral_reach, params.lateral_reach + 1)
    if pair.initial is None:
        deepest = -int(np.ceil(params.largest_strain * pair.reference.shape[0])) - 10
        still = np.zeros((rows.size, lines.size), np.int64)
        return _Search(np.arange(min(deepest, -params.axial_reach), params.axial_reach + 1), lateral, still, still)
    start = [
        np.rint(np.nan_to_num(entry[np.ix_(rows, lines)])).astype(np.int64)
        for entry in (pair.initial.axial_samples, pair.initial.lateral_lines)
    ]
    return _Search(np.arange(-params.axial_reach, params.axial_reach + 1), lateral, start[0], start[1])


def _cheapest(cost: NDArray[np.float32], smoothness: float) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Least `cost(d') + smoothness |d - d'|^2` over the neighbours d' of each d, and which it was."""
    count, axials, laterals = cost.shape
    padded = np.full((count, axials + 2, laterals + 2), _FAR, np.float32)
    padded[:, 1:-1, 1:-1] = cost
    best = np.full(cost.shape, np.inf, np.float32)
    move = np.zeros(cost.shape, np.uint8)
    for number, (axial, lateral) in enumerate(_MOVES):
        candidate = padded[:, 1 + axial : 1 + axial + axials, 1 + lateral : 1 + lateral + laterals] + np.float32(
            smoothness * (axial**2 + lateral**2)
        )
        better = candidate < best
        np.copyto(best, candidate, where=better)
        np.copyto(move, np.uint8(number), where=better)
    return best, move


def _data_cost(
    pair: FramePair,
    search: _Search,
    rows: NDArray[np.int64],
    lines: NDArray[np.int64],
    row: NDArray[np.int64],
    active: NDArray[np.int64],
) -> NDArray[np.float32]:
    """Absolute differences (cells, axial, lateral); places outside the frame count as its border."""
    height, width = pair.reference.shape
    i = rows[row][:, None, None] + search.start_axial[row, active][:, None, None] + search.axial[None, :, None]
    j = lines[active][:, None, None] + search.start_lateral[row, active][:, None, None] + search.lateral[None, None, :]
    matched = pair.deformed[np.clip(i, 0, height - 1), np.clip(j, 0, width - 1)]
    difference: NDArray[np.float32] = np.abs(pair.reference[rows[row], lines[active]][:, None, None] - matched)
    return difference


def _trace(
    last: NDArray[np.float32], steps: NDArray[np.uint8], search: _Search
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Follow the moves back from the cheapest end of each line."""
    rows, lines = steps.shape[:2]
    moves = np.array(_MOVES)
    ties = _TIE * (np.abs(search.axial)[:, None] + np.abs(search.lateral)[None, :])  # of equal ends the nearest
    axial, lateral = np.unravel_index((last + ties).reshape(lines, -1).argmin(axis=1), last.shape[1:])
    path = np.empty((2, rows, lines), np.int64)
    everyone = np.arange(lines)
    for row in range(rows - 1, -1, -1):
        path[0, row], path[1, row] = search.axial[axial], search.lateral[lateral]
        move = moves[steps[row, everyone, axial, lateral]]
        axial, lateral = axial + move[:, 0], lateral + move[:, 1]
    return path[0] + search.start_axial, path[1] + search.start_lateral
