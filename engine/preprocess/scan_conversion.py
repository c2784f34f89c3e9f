"""Beam space to image space and back, for convex and phased recordings.

Strain is estimated along the beams; it is shown, and ellipses are drawn, where the beams truly lie. A point at depth d
of a line with angle a lies at lateral (R + d) sin(a) and depth (R + d) cos(a) - R below the array's middle, R being
the distance of the array from the apex in which the lines meet.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from engine.errors import ParameterError
from engine.types import Geometry, Map, Sector

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ScanConverter:
    """Mapping of frames (H, W) of a sector onto a regular image with pixels of `spacing_m`.

    >>> image = ScanConverter(geometry, (H, W), 0.2e-3).convert(strain.axial)  # doctest: +SKIP
    """

    geometry: Geometry
    shape: tuple[int, int]
    spacing_m: float

    def __post_init__(self) -> None:
        if self.geometry.sector is None:
            raise ParameterError("a recording of a linear array needs no scan conversion")
        if not self.spacing_m > 0:
            raise ParameterError(f"spacing_m must be positive, found {self.spacing_m}")

    def to_image(self, row: Array, line: Array) -> tuple[Array, Array]:
        """Lateral position and depth in metres of points of beam space (fractional row and line)."""
        sector = self._sector
        angle = sector.middle_rad + (line - (self.shape[1] - 1) / 2) * sector.angle_step_rad
        radius = sector.apex_radius_m + self.geometry.start_depth_m + row * self.geometry.axial_spacing_m
        return radius * np.sin(angle), radius * np.cos(angle) - sector.apex_radius_m

    def to_beam(self, lateral_m: Array, depth_m: Array) -> tuple[Array, Array]:
        """Fractional row and line of points of the image; inverse of `to_image`."""
        sector = self._sector
        angle = np.arctan2(lateral_m, depth_m + sector.apex_radius_m)
        radius = np.hypot(lateral_m, depth_m + sector.apex_radius_m)
        row = (radius - sector.apex_radius_m - self.geometry.start_depth_m) / self.geometry.axial_spacing_m
        return row, (angle - sector.middle_rad) / sector.angle_step_rad + (self.shape[1] - 1) / 2

    @cached_property
    def laterals_m(self) -> Array:
        """Lateral position of each column of the image."""
        lateral, _ = self._outline
        return np.asarray(np.arange(lateral.min(), lateral.max() + self.spacing_m, self.spacing_m))

    @cached_property
    def depths_m(self) -> Array:
        """Depth of each row of the image."""
        _, depth = self._outline
        return np.asarray(np.arange(depth.min(), depth.max() + self.spacing_m, self.spacing_m))

    def convert(self, frame: Map) -> Map:
        """Interpolate a map (H, W) bilinearly onto the image; NaN outside the sector and beside NaN."""
        if frame.shape != self.shape:
            raise ParameterError(f"expected a map of shape {self.shape}, found {frame.shape}")
        row, line, inside = self._places
        top, left = np.minimum(row.astype(int), self.shape[0] - 2), np.minimum(line.astype(int), self.shape[1] - 2)
        down, right = row - top, line - left
        values = (frame[top, left] * (1 - right) + frame[top, left + 1] * right) * (1 - down) + (
            frame[top + 1, left] * (1 - right) + frame[top + 1, left + 1] * right
        ) * down
        return np.where(inside, values, np.nan).astype(np.float32)

    @property
    def _sector(self) -> Sector:
        assert self.geometry.sector is not None
        return self.geometry.sector

    @cached_property
    def _outline(self) -> tuple[Array, Array]:
        rows, lines = np.meshgrid([0.0, self.shape[0] - 1.0], np.linspace(0, self.shape[1] - 1, 8 * self.shape[1]))
        return self.to_image(rows, lines)

    @cached_property
    def _places(self) -> tuple[Array, Array, NDArray[np.bool_]]:
        row, line = self.to_beam(self.laterals_m[None, :], self.depths_m[:, None])
        near = 1e-9
        inside = (
            (row >= -near) & (row <= self.shape[0] - 1 + near) & (line >= -near) & (line <= self.shape[1] - 1 + near)
        )
        return np.where(inside, np.abs(row), 0), np.where(inside, np.abs(line), 0), inside
