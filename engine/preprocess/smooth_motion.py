"""What a straight line leaves of the bulk motion: a smooth field of axial and lateral motion.

Tissue of unequal stiffness deforms unevenly, by several samples more or less than a linear fit says. Once that fit is
undone, large blocks correlate well and their remaining shifts are read from their correlation peaks; a penalised
tensor-product spline (P-spline: Eilers & Marx, Statistical Science 11, 1996) with knots 5 mm apart goes through them,
re-weighted against outliers. It follows no edge of an inclusion; it only brings what is left under half a period.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline

from engine.types import Geometry

if TYPE_CHECKING:
    from torch import Tensor

    from engine.preprocess.block_matching import Surfaces

AXIAL_REACH_M = 0.4e-3
LATERAL_REACH_LINES = 2
_KNOT_SPACING_M = 5e-3
_PENALTY = 0.05
_ROUNDS = 12
_LATERAL_SCALE_LINES = 0.5
_AXIAL_SCALE_LAGS = 0.5
"""Deviations beyond these count as outliers (scale of the Cauchy weights)."""


def smooth_motion(reference: "Tensor", aligned: "Tensor", geometry: Geometry) -> "Tensor | None":
    """Motion (2, H, W) in lines and samples that is left between two frames (H, W), None where blocks do not tell.

    The fitted motion must correlate the blocks better than no motion does.
    """
    import torch

    from engine.preprocess.block_matching import match_blocks

    reach = max(4, round(AXIAL_REACH_M / geometry.axial_spacing_m))
    surfaces = match_blocks(reference, aligned, geometry, reach, LATERAL_REACH_LINES)
    lateral, axial, weight = _peaks(surfaces)
    spline = _Spline.through(surfaces, reference.shape, geometry)
    motions = [
        spline.fit(lateral, weight, _LATERAL_SCALE_LINES),
        spline.fit(axial, weight, _AXIAL_SCALE_LAGS) * surfaces.decimation,
    ]
    at_blocks = [spline.at_blocks @ motion.ravel() for motion in motions]
    if not _correlates_better(surfaces, at_blocks[0], at_blocks[1] / surfaces.decimation):
        return None
    field = np.stack([spline.rows @ motion @ spline.lines.T for motion in motions])
    return torch.from_numpy(field.astype(np.float32)).to(reference.device)


@dataclass(frozen=True)
class _Spline:
    """Cubic tensor-product splines: values at the blocks (P, K L) and on the image's rows (H, K) and lines (W, L)."""

    at_blocks: NDArray[np.float64]
    rows: NDArray[np.float64]
    lines: NDArray[np.float64]

    @classmethod
    def through(cls, surfaces: "Surfaces", shape: tuple[int, ...], geometry: Geometry) -> "_Spline":
        """Place the knots over an image of `shape` (H, W)."""
        height, width = shape
        knots = _KNOT_SPACING_M / geometry.axial_spacing_m, _KNOT_SPACING_M / geometry.pitch_m
        axial = _basis(height, knots[0], surfaces.rows.cpu().numpy())
        lateral = _basis(width, knots[1], surfaces.lines.cpu().numpy())
        at_blocks = (axial[:, :, None] * lateral[:, None, :]).reshape(len(axial), -1)
        return cls(at_blocks, _basis(height, knots[0], np.arange(height)), _basis(width, knots[1], np.arange(width)))

    def fit(self, value: NDArray[np.float64], weight: NDArray[np.float64], scale: float) -> NDArray[np.float64]:
        """Coefficients (K, L) of the spline near `value` (P,), with second differences of the coefficients small."""
        penalty = _PENALTY * self._roughness()
        robust = weight
        coefficients: NDArray[np.float64] = np.zeros(self.at_blocks.shape[1])
        for _ in range(_ROUNDS):
            normal = self.at_blocks.T @ (robust[:, None] * self.at_blocks) + penalty
            coefficients = np.asarray(np.linalg.solve(normal, self.at_blocks.T @ (robust * value)), np.float64)
            robust = weight / (1 + ((value - self.at_blocks @ coefficients) / scale) ** 2)
        return coefficients.reshape(self.rows.shape[1], self.lines.shape[1])

    def _roughness(self) -> NDArray[np.float64]:
        sizes = self.rows.shape[1], self.lines.shape[1]
        axial, lateral = (np.diff(np.eye(size), 2, axis=0) for size in sizes)
        rough = np.kron(axial.T @ axial, np.eye(sizes[1])) + np.kron(np.eye(sizes[0]), lateral.T @ lateral)
        ridge = 1e-6 * np.eye(sizes[0] * sizes[1])  # an image of blank blocks must not make the system singular
        return np.asarray(rough + ridge)


def _basis(size: int, spacing: float, places: NDArray[np.floating | np.integer]) -> NDArray[np.float64]:
    """Values (P, K) at `places` of the cubic B-splines on `size` pixels with knots about `spacing` pixels apart."""
    count = max(round((size - 1) / spacing), 1)
    knots = max(size - 1, 1) / count * np.arange(-3, count + 4)
    return np.asarray(BSpline.design_matrix(places.astype(float), knots, 3).toarray())


def _peaks(surfaces: "Surfaces") -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Highest peak inside the reach for each block: lateral (lines), axial (decimated samples), weight rho squared."""
    import torch

    from engine.numerics.correlation import parabolic_peak

    rho = surfaces.rho
    inner = rho[:, 1:-1, 1:-1]
    place = inner.flatten(1).argmax(dim=1)
    row, column = place // inner.shape[2] + 1, place % inner.shape[2] + 1
    block = torch.arange(len(rho), device=rho.device)
    peak = rho[block, row, column]
    axial = parabolic_peak(rho[block, row - 1, column], peak, rho[block, row + 1, column])
    lateral = parabolic_peak(rho[block, row, column - 1], peak, rho[block, row, column + 1])
    found = (column - surfaces.lateral_reach + lateral, row - surfaces.axial_reach + axial, peak.clamp_min(0).square())
    return tuple(entry.double().cpu().numpy() for entry in found)  # type: ignore[return-value]


def _correlates_better(surfaces: "Surfaces", lateral: NDArray[np.float64], axial: NDArray[np.float64]) -> bool:
    """Whether the blocks correlate better on average at the nearest lags of a motion than at lag zero."""
    rho = surfaces.rho.cpu().numpy()
    block = np.arange(len(rho))
    rows = np.clip(np.rint(axial).astype(int) + surfaces.axial_reach, 0, rho.shape[1] - 1)
    columns = np.clip(np.rint(lateral).astype(int) + surfaces.lateral_reach, 0, rho.shape[2] - 1)
    still = rho[:, surfaces.axial_reach, surfaces.lateral_reach].mean()
    return bool(rho[block, rows, columns].mean() >= still)
