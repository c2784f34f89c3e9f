"""What a straight line leaves of the bulk motion: a smooth field of axial and lateral motion.

Tissue of unequal stiffness deforms unevenly, by several samples more or less than a linear fit says. Once that fit is
undone, large blocks correlate well and their remaining shifts are read from their correlation peaks; a penalised
tensor-product spline (P-spline: Eilers & Marx, Statistical Science 11, 1996) with knots 5 mm apart goes through them,
re-weighted against outliers. It follows no edge of an inclusion; it only brings what is left under half a period.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.interpolate import BSpline
from torch import Tensor

from engine.preprocess.block_matching import Surfaces, match_blocks
from engine.types import Geometry

AXIAL_REACH_M = 0.4e-3
LATERAL_REACH_LINES = 2
_KNOT_SPACING_M = 5e-3
_PENALTY = 0.05
_ROUNDS = 12
_LATERAL_SCALE_LINES = 0.5
_AXIAL_SCALE_LAGS = 0.5
"""Deviations beyond these count as outliers (scale of the Cauchy weights)."""


def smooth_motion(reference: Tensor, aligned: Tensor, geometry: Geometry) -> Tensor:
    """Motion (B, 2, H, W) in lines and samples that is left between frames (B, H, W); 0 where blocks do not tell.

    The fitted motion must correlate the blocks better than no motion does.
    """
    reach = max(4, round(AXIAL_REACH_M / geometry.axial_spacing_m))
    surfaces = match_blocks(reference, aligned, geometry, reach, LATERAL_REACH_LINES)
    axial, lateral, weight = _peaks(surfaces)
    height, width = aligned.shape[-2:]
    knots = _KNOT_SPACING_M / geometry.axial_spacing_m, _KNOT_SPACING_M / geometry.pitch_m
    spline = _Spline.through(surfaces.rows, surfaces.lines, (height, width), knots, aligned.device)
    scale = weight.new_tensor([_LATERAL_SCALE_LINES, _AXIAL_SCALE_LAGS])[:, None, None]
    found = spline.fit(torch.stack([lateral, axial]), weight, scale)
    better = _correlates_better(surfaces, *(found @ spline.at_blocks.mT))
    knot_rows = spline.rows.shape[1]
    field = spline.rows @ found.reshape(*found.shape[:2], knot_rows, -1) @ spline.lines.mT
    field = field.to(aligned.dtype).transpose(0, 1)
    field = field * field.new_tensor([1.0, surfaces.decimation])[:, None, None]
    return torch.where(better[:, None, None, None], field, 0.0)


@dataclass(frozen=True)
class _Spline:
    """Cubic tensor-product splines: values at the blocks (P, K L) and on the image's rows (H, K) and lines (W, L).

    `penalty` (K L, K L) holds squared second differences of the coefficients.
    """

    at_blocks: Tensor
    rows: Tensor
    lines: Tensor
    penalty: Tensor

    @classmethod
    @lru_cache(maxsize=8)
    def through(
        cls,
        rows: tuple[float, ...],
        lines: tuple[float, ...],
        shape: tuple[int, int],
        knots: tuple[float, float],
        device: torch.device,
    ) -> Self:
        """Place the knots over an image of `shape` (H, W), `knots` pixels apart, for blocks at `rows` and `lines`."""
        axial, lateral = (
            _basis(size, spacing, np.asarray(places))
            for size, spacing, places in zip(shape, knots, (rows, lines), strict=True)
        )
        images = (_basis(size, spacing, np.arange(size)) for size, spacing in zip(shape, knots, strict=True))
        at_blocks = (axial[:, :, None] * lateral[:, None, :]).reshape(len(axial), -1)
        penalty = _PENALTY * _roughness(axial.shape[1], lateral.shape[1])
        return cls(*(torch.from_numpy(entry).to(device) for entry in (at_blocks, *images, penalty)))

    def fit(self, value: Tensor, weight: Tensor, scale: Tensor) -> Tensor:
        """Coefficients (2, B, K L) of the splines near `value` (2, B, P), with second differences of them small."""
        robust = weight.expand_as(value)
        coefficients = value
        for _ in range(_ROUNDS):
            normal = self.at_blocks.mT @ (robust[..., None] * self.at_blocks) + self.penalty
            coefficients, _ = torch.linalg.solve_ex(normal, (robust * value) @ self.at_blocks)
            robust = weight / (1 + ((value - coefficients @ self.at_blocks.mT) / scale) ** 2)
        return coefficients


def _roughness(rows: int, lines: int) -> NDArray[np.float64]:
    axial, lateral = (np.diff(np.eye(size), 2, axis=0) for size in (rows, lines))
    rough = np.kron(axial.T @ axial, np.eye(lines)) + np.kron(np.eye(rows), lateral.T @ lateral)
    ridge = 1e-6 * np.eye(rows * lines)  # an image of blank blocks must not make the system singular
    return np.asarray(rough + ridge)


def _basis(size: int, spacing: float, places: NDArray[np.floating | np.integer]) -> NDArray[np.float64]:
    """Values (P, K) at `places` of the cubic B-splines on `size` pixels with knots about `spacing` pixels apart."""
    count = max(round((size - 1) / spacing), 1)
    knots = max(size - 1, 1) / count * np.arange(-3, count + 4)
    return np.asarray(BSpline.design_matrix(places.astype(float), knots, 3).toarray())


def _peaks(surfaces: Surfaces) -> tuple[Tensor, Tensor, Tensor]:
    """Highest peak inside the reach for each block: axial, lateral and weight, as in `Surfaces.peaks`."""
    inner = surfaces.rho[:, :, 1:-1, 1:-1]
    place = inner.flatten(2).argmax(dim=2)
    return surfaces.peaks(place // inner.shape[3] + 1, place % inner.shape[3] + 1)


def _correlates_better(surfaces: Surfaces, lateral: Tensor, axial: Tensor) -> Tensor:
    """Whether the blocks correlate better on average at the nearest lags of a motion (B, P) than at lag zero, (B,)."""
    lags, sides = surfaces.rho.shape[2:]
    rows = (torch.round(axial).long() + surfaces.axial_reach).clamp(0, lags - 1)
    columns = (torch.round(lateral).long() + surfaces.lateral_reach).clamp(0, sides - 1)
    still = surfaces.at(torch.full_like(rows, surfaces.axial_reach), torch.full_like(columns, surfaces.lateral_reach))
    # Both means add in one order: a motion of less than half a lag everywhere must come out equal, not less.
    return surfaces.at(rows, columns).mean(dim=1) >= still.mean(dim=1)
