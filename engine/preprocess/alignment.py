"""Pre-alignment: the bulk motion of a frame, axial and lateral, first as a straight line, then as a smooth field.

First a coarse robust fit of `axial(z) = shift + strain z` and `lateral(x) = shift + stretch x` to the correlation
surfaces of large envelope blocks. All blocks vote together for each hypothesis of shift and strain, so that false
peaks of single blocks (noise, cycle skips, static clutter) do not matter; the best hypothesis is then refined on the
peaks near it. What this leaves of the motion is found with the frame aligned by it, see `smooth_motion`.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.types import Displacement, FramePair, Geometry

if TYPE_CHECKING:
    import torch

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
    import torch

    from engine.preprocess.block_matching import match_blocks

    geometry = pair.geometry
    height, width = pair.reference.shape
    shift = LARGEST_SHIFT_M / geometry.axial_spacing_m
    axial_reach = round(min(shift + LARGEST_STRAIN * height, 0.6 * height))
    lateral_reach = min(max(2, round(LARGEST_LATERAL_SHIFT_M / geometry.pitch_m)), max(1, width // 3))
    reference, deformed = (torch.from_numpy(frame).to(device) for frame in (pair.reference, pair.deformed))
    surfaces = match_blocks(reference, deformed, geometry, axial_reach, lateral_reach)
    axial, lateral = _fit(surfaces, round(shift / surfaces.decimation), height, width)
    report = {"axial_strain": float(axial[0]), "axial_shift_samples": float(axial[1])}
    motion = _linear_motion(axial, lateral, height, width)
    if axial.any():
        motion = _refined(reference, deformed, motion, geometry)
    return Displacement.from_samples(motion[1], motion[0], geometry, report)


def _linear_motion(
    axial: NDArray[np.float64], lateral: NDArray[np.float64], height: int, width: int
) -> NDArray[np.float32]:
    """Motion (2, H, W) in lines and samples."""
    motion = np.empty((2, height, width), np.float32)
    motion[0] = np.polyval(lateral, np.arange(width))[None, :]
    motion[1] = np.polyval(axial, np.arange(height))[:, None]
    return motion


def _refined(
    reference: "torch.Tensor", deformed: "torch.Tensor", motion: NDArray[np.float32], geometry: Geometry
) -> NDArray[np.float32]:
    """Add the smooth motion that is left after a linear one, both (2, H, W) in lines and samples."""
    import torch

    from engine.numerics.warp import compose, warp
    from engine.preprocess.smooth_motion import smooth_motion

    linear = torch.from_numpy(motion).to(reference.device)[None]
    rest = smooth_motion(reference, warp(deformed[None, None], linear)[0, 0], geometry)
    if rest is None:
        return motion
    return np.asarray(compose(rest[None], linear)[0].cpu().numpy())


def _fit(surfaces: "Surfaces", shift_reach: int, height: int, width: int) -> tuple[NDArray[np.float64], ...]:
    """Coefficients (slope, offset) of axial and lateral motion, in samples and lines of the RF grid."""
    zero = np.zeros(2), np.zeros(2)
    rho = surfaces.rho.clamp_min(0)
    middle = rho[:, surfaces.axial_reach, surfaces.lateral_reach].mean()
    strain, shift, lateral_shift, score = _vote(surfaces, shift_reach)
    least = _LEAST_PEAK[0] + _LEAST_PEAK[1] / len(rho) ** 0.5
    if score < middle + _LEAST_GAIN or score < least:
        return zero
    expected = (shift * surfaces.decimation + strain * surfaces.rows) / surfaces.decimation
    axial, lateral, weight = _peaks_near(surfaces, expected, lateral_shift)
    axial_fit = _robust_line(surfaces.rows.cpu().numpy(), axial * surfaces.decimation, weight, surfaces.decimation)
    lateral_fit = _robust_line(surfaces.lines.cpu().numpy(), lateral, weight, 1.0)
    return axial_fit, lateral_fit


def _vote(surfaces: "Surfaces", shift_reach: int) -> tuple[float, int, int, float]:
    """Strain, axial shift (decimated samples) and lateral shift at which all patches together correlate best."""
    import torch

    rho = surfaces.rho.clamp_min(0)
    strains = np.arange(-LARGEST_STRAIN, LARGEST_STRAIN + _STRAIN_STEP / 2, _STRAIN_STEP)
    shifts = torch.arange(-shift_reach, shift_reach + 1, device=rho.device)
    best = (0.0, 0, 0, -1.0)
    for strain in sorted(strains, key=abs):
        stretch = torch.round(strain * surfaces.rows / surfaces.decimation).long()
        index = stretch[:, None] + shifts[None, :] + surfaces.axial_reach
        index = index.clamp(0, rho.shape[1] - 1)
        votes = rho.gather(1, index[:, :, None].expand(-1, -1, rho.shape[2])).mean(dim=0)
        place = int(votes.argmax())
        score = float(votes.flatten()[place])
        if score > best[3]:
            row, column = divmod(place, rho.shape[2])
            best = (float(strain), row - shift_reach, column - surfaces.lateral_reach, score)
    return best


def _peaks_near(
    surfaces: "Surfaces", expected: "torch.Tensor", lateral_shift: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Sub-lag peak of each patch near the expected axial lag: axial, lateral, and its weight rho squared."""
    import torch

    from engine.numerics.correlation import parabolic_peak

    rho = surfaces.rho
    reach = max(2, round(0.005 * float(surfaces.rows.max()) / surfaces.decimation) + 1)
    reach = min(reach, surfaces.axial_reach - 1)
    start = (torch.round(expected).long() + surfaces.axial_reach - reach).clamp(1, rho.shape[1] - 2 * reach - 2)
    rows = start[:, None] + torch.arange(2 * reach + 1, device=rho.device)
    side = lateral_shift + surfaces.lateral_reach
    columns = torch.arange(max(side - 2, 1), min(side + 3, rho.shape[2] - 1), device=rho.device)
    patch = torch.arange(rho.shape[0], device=rho.device)
    near = rho[patch[:, None, None], rows[:, :, None], columns[None, None, :]]
    place = near.flatten(1).argmax(dim=1)
    row = rows.gather(1, (place // len(columns))[:, None])[:, 0]
    column = columns[place % len(columns)]
    peak = rho[patch, row, column]
    axial = row - surfaces.axial_reach + parabolic_peak(rho[patch, row - 1, column], peak, rho[patch, row + 1, column])
    lateral = (
        column - surfaces.lateral_reach + parabolic_peak(rho[patch, row, column - 1], peak, rho[patch, row, column + 1])
    )
    weight = peak.clamp_min(0).square()
    return tuple(entry.double().cpu().numpy() for entry in (axial, lateral, weight))  # type: ignore[return-value]


def _robust_line(
    position: NDArray[np.float64], value: NDArray[np.float64], weight: NDArray[np.float64], scale: float
) -> NDArray[np.float64]:
    """Slope and offset of a straight line, re-weighted against outliers (Cauchy, `scale` the usual deviation)."""
    robust = weight + 1e-9
    centre = position.mean()
    line = np.zeros(2)
    for _ in range(10):
        if np.ptp(position) > 0:
            line = np.polyfit(position - centre, value, 1, w=np.sqrt(robust))
        else:
            line = np.array([0.0, np.average(value, weights=robust)])
        residual = value - np.polyval(line, position - centre)
        robust = (weight + 1e-9) / (1 + (residual / scale) ** 2)
    return np.array([line[0], line[1] - line[0] * centre])
