"""Pre-alignment: the bulk motion of a frame, axial and lateral, first as a straight line, then as a smooth field.

First a coarse robust fit of `axial(z) = shift + strain z` and `lateral(x) = shift + stretch x` to the correlation
surfaces of large envelope blocks. All blocks vote together for each hypothesis of shift and strain, so that false
peaks of single blocks (noise, cycle skips, static clutter) do not matter; the best hypothesis is then refined on the
peaks near it. What this leaves of the motion is found with the frame aligned by it, see `smooth_motion`.
"""

from typing import TYPE_CHECKING

import numpy as np

from engine.types import Displacement, FramePair

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from engine.on_device import MotionBatch, PairBatch
    from engine.preprocess.block_matching import Surfaces

LARGEST_SHIFT_M = 2.0e-3
LARGEST_STRAIN = 0.08
LARGEST_LATERAL_SHIFT_M = 1.5e-3
_STRAIN_STEP = 0.005
_LEAST_GAIN = 0.01
"""The fit must correlate this much better than no motion: maxima over many hypotheses gain a little on noise alone."""
_LEAST_PEAK = (0.05, 0.6)
"""The fit must correlate this much, plus this over the root of the number of blocks: twice what noise alone reaches."""


def bulk_motion(pair: FramePair, device: "torch.device") -> Displacement:
    """Find the smooth motion of the whole frame; zero where no motion correlates better than none.

    Parameters
    ----------
    pair
        RF of both frames (H, W) with their geometry.
    device
        Where to compute.

    Returns
    -------
    Displacement
        Axial and lateral motion in metres, each (H, W). Its report holds `axial_strain`, the mean as a fraction, and
        `axial_shift_samples`, the shift of the first row, of the linear fit.

    >>> bulk_motion(normalise(sequence.frame(0), sequence.frame(1), sequence.geometry), device).report  # doctest: +SKIP
    """
    from engine.on_device import PairBatch

    return bulk_motions(PairBatch.of([pair], device)).displacements(pair.geometry)[0]


def bulk_motions(batch: "PairBatch") -> "MotionBatch":
    """Find the bulk motion of several pairs at once, on their device; report as that of `bulk_motion`."""
    import torch

    from engine.numerics.warp import compose, warp
    from engine.on_device import MotionBatch
    from engine.preprocess.block_matching import match_blocks
    from engine.preprocess.smooth_motion import smooth_motion

    geometry = batch.geometry
    height, width = batch.deformed.shape[-2:]
    shift = LARGEST_SHIFT_M / geometry.axial_spacing_m
    axial_reach = round(min(shift + LARGEST_STRAIN * height, 0.6 * height))
    lateral_reach = min(max(2, round(LARGEST_LATERAL_SHIFT_M / geometry.pitch_m)), max(1, width // 3))
    surfaces = match_blocks(batch.reference, batch.deformed, geometry, axial_reach, lateral_reach)
    lines, moves = _fit(surfaces, round(shift / surfaces.decimation))
    (lateral_slope, axial_slope), (lateral_offset, axial_offset) = lines[..., None, None]
    rows, columns = (torch.arange(size, dtype=lines.dtype, device=lines.device) for size in (height, width))
    linear = torch.stack(
        [
            (lateral_offset + lateral_slope * columns).expand(-1, height, -1),
            (axial_offset + axial_slope * rows[:, None]).expand(-1, -1, width),
        ],
        dim=1,
    ).to(batch.deformed.dtype)
    rest = smooth_motion(batch.reference, warp(batch.deformed[:, None], linear)[:, 0], geometry)
    motion = torch.where(moves[:, None, None, None], compose(rest, linear), 0.0)
    return MotionBatch(motion, {"axial_strain": lines[0, 1], "axial_shift_samples": lines[1, 1]})


def _fit(surfaces: "Surfaces", shift_reach: int) -> "tuple[Tensor, Tensor]":
    """Slopes and offsets of lateral and axial motion, (2, 2, B) in lines and samples, and whether there is any (B,)."""
    import torch

    rho = surfaces.rho
    rows, lines = rho.new_tensor([surfaces.rows, surfaces.lines], dtype=torch.float64)
    middle = rho[:, :, surfaces.axial_reach, surfaces.lateral_reach].clamp_min(0).mean(dim=1)
    strain, shift, lateral_shift, score = _vote(surfaces, shift_reach)
    least = _LEAST_PEAK[0] + _LEAST_PEAK[1] / rho.shape[1] ** 0.5
    moves = (score >= middle + _LEAST_GAIN) & (score >= least)
    expected = shift[:, None] + strain[:, None] * rows.float() / surfaces.decimation
    axial, lateral, weight = _peaks_near(surfaces, expected, lateral_shift)
    found = _robust_lines(
        torch.stack([lines, rows])[:, None],
        torch.stack([lateral, axial * surfaces.decimation]),
        weight,
        weight.new_tensor([1.0, surfaces.decimation])[:, None, None],
    )
    return torch.where(moves, found, 0.0), moves


def _vote(surfaces: "Surfaces", shift_reach: int) -> "tuple[Tensor, ...]":
    """Strain, axial shift (decimated samples) and lateral shift at which all patches together correlate best; (B,)."""
    import torch

    depths = sorted(set(surfaces.rows))
    positive = surfaces.rho.clamp_min(0)
    rho = positive.view(len(positive), len(depths), -1, *positive.shape[2:]).mean(
        dim=2
    )  # those of one depth vote alike
    depth = torch.arange(len(depths), device=rho.device)[:, None]
    steps = sorted(np.arange(-LARGEST_STRAIN, LARGEST_STRAIN + _STRAIN_STEP / 2, _STRAIN_STEP).tolist(), key=abs)
    strains = rho.new_tensor(steps)
    shifts = torch.arange(-shift_reach, shift_reach + 1, device=rho.device)
    stretch = torch.round(strains[:, None] * rho.new_tensor(depths) / surfaces.decimation).long()
    places = (stretch[:, :, None] + shifts + surfaces.axial_reach).clamp(0, rho.shape[2] - 1)
    votes = torch.stack([rho[:, depth, place].mean(dim=1) for place in places], dim=1)  # (B, strains, shifts, lateral)
    score, best = votes.flatten(1).max(dim=1)
    lags, sides = votes.shape[2:]
    rest = best % (lags * sides)
    return strains[best // (lags * sides)], rest // sides - shift_reach, rest % sides - surfaces.lateral_reach, score


def _peaks_near(surfaces: "Surfaces", expected: "Tensor", lateral_shift: "Tensor") -> "tuple[Tensor, ...]":
    """Sub-lag peak of each patch near the expected axial lag, as `Surfaces.peaks`."""
    import torch

    lags, sides = surfaces.rho.shape[2:]
    reach = max(2, round(0.005 * max(surfaces.rows) / surfaces.decimation) + 1)
    reach = min(reach, surfaces.axial_reach - 1)
    start = (torch.round(expected).long() + surfaces.axial_reach - reach).clamp(1, lags - 2 * reach - 2)
    rows = start[:, :, None, None] + torch.arange(2 * reach + 1, device=start.device)[:, None]
    side = lateral_shift[:, None] + surfaces.lateral_reach
    columns = (side + torch.arange(-2, 3, device=start.device)).clamp(1, sides - 2)
    place = surfaces.at(rows, columns[:, None, None]).flatten(2).argmax(dim=2)
    return surfaces.peaks(start + place // 5, columns.gather(1, place % 5))


def _robust_lines(position: "Tensor", value: "Tensor", weight: "Tensor", scale: "Tensor") -> "Tensor":
    """Slope and offset (2, ...) of straight lines through (..., P), re-weighted against outliers.

    The weights are Cauchy's, with `scale` the usual deviation. Where all positions are one, the slope is 0.
    """
    import torch

    weight = weight + 1e-9
    robust, slope, offset = weight, value, value
    apart = position.amax(dim=-1, keepdim=True) > position.amin(dim=-1, keepdim=True)  # a spread of 0 is rarely exact

    def inner(a: "Tensor", b: "Tensor") -> "Tensor":
        product: Tensor = torch.linalg.vecdot(a, b)
        return product[..., None]

    for _ in range(10):
        total = robust.sum(dim=-1, keepdim=True)
        away = position - inner(robust, position) / total
        leverage = robust * away
        spread = inner(leverage, away)
        slope = torch.where(apart, inner(leverage, value) / spread, 0.0)
        rest = value - slope * position
        offset = inner(robust, rest) / total
        robust = weight / (1 + ((rest - offset) / scale) ** 2)
    return torch.stack([slope[..., 0], offset[..., 0]])
