"""Where the pixels on screen lie: on the recording's own grid, or on a regular one where its lines fan out."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from engine.preprocess.scan_conversion import ScanConverter
from engine.types import Geometry, Map

LONGER_SIDE_PX = 900
"""Pixels of the longer side of the image of a sector; its lines lie further apart than that in most of it."""


class ImageGrid:
    """Where the pixels of what is shown lie; maps (H, W) of the recording are brought onto it by `convert`."""

    def __init__(self, geometry: Geometry, shape: tuple[int, int]) -> None:
        self.geometry = geometry
        self.shape = shape
        self._converter: ScanConverter | None = None
        if geometry.sector is not None:
            coarse = ScanConverter(geometry, shape, geometry.wavelength_m)
            reach = max(np.ptp(coarse.laterals_m), np.ptp(coarse.depths_m))
            self._converter = ScanConverter(geometry, shape, float(reach) / LONGER_SIDE_PX)

    @cached_property
    def laterals_m(self) -> NDArray[np.float64]:
        """Lateral position of each shown column's centre."""
        return self._converter.laterals_m if self._converter else self.geometry.laterals_m(self.shape[1])

    @cached_property
    def depths_m(self) -> NDArray[np.float64]:
        """Depth of each shown row's centre."""
        return self._converter.depths_m if self._converter else self.geometry.depths_m(self.shape[0])

    @property
    def spacing_m(self) -> tuple[float, float]:
        """Distance of columns and of rows."""
        if self._converter is not None:
            return self._converter.spacing_m, self._converter.spacing_m
        return self.geometry.pitch_m, self.geometry.axial_spacing_m

    def convert(self, values: Map) -> Map:
        """Bring a map of the recording onto the screen's grid; NaN where a sector has no line."""
        return values if self._converter is None else self._converter.convert(values)

    def edges_m(self) -> tuple[float, float, float, float]:
        """Left, top, width and height: the outer edges lie half a pixel beyond the outermost centres."""
        across, down = self.spacing_m
        return (
            float(self.laterals_m[0]) - across / 2,
            float(self.depths_m[0]) - down / 2,
            len(self.laterals_m) * across,
            len(self.depths_m) * down,
        )

    def places(
        self, laterals_m: NDArray[np.float64], depths_m: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Fractional rows and columns of points in the tissue."""
        across, down = self.spacing_m
        return (depths_m - float(self.depths_m[0])) / down, (laterals_m - float(self.laterals_m[0])) / across

    def pixel_at(self, lateral_m: float, depth_m: float) -> tuple[int, int]:
        """Row and column of the pixel at a place, the nearest one for a place outside."""
        across, down = self.spacing_m
        row = round((depth_m - float(self.depths_m[0])) / down)
        column = round((lateral_m - float(self.laterals_m[0])) / across)
        return min(max(row, 0), len(self.depths_m) - 1), min(max(column, 0), len(self.laterals_m) - 1)
