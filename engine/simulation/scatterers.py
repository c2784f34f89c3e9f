"""Point scatterers of the tissue: drawn uniformly, carried along by a displacement field, partly exchanged per frame.

Amplitudes are +1 or -1 with equal odds: ten of them in a resolution cell already give Rayleigh speckle, where
Gaussian amplitudes need twenty.
"""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class Region:
    """A rectangle of tissue in metres: depth and lateral position in the image's coordinates."""

    top_m: float
    bottom_m: float
    left_m: float
    right_m: float

    @property
    def area_m2(self) -> float:
        """Area of the rectangle."""
        return (self.bottom_m - self.top_m) * (self.right_m - self.left_m)


@dataclass(frozen=True)
class Scatterers:
    """N point scatterers: depth and lateral position in metres and amplitude, each (N,) float32."""

    depth_m: Tensor
    lateral_m: Tensor
    amplitude: Tensor

    def moved(self, field: "GridField") -> "Scatterers":
        """Carry every scatterer along by the displacement at its place."""
        lateral_m, axial_m = field.at(self.depth_m, self.lateral_m)
        return replace(self, depth_m=self.depth_m + axial_m, lateral_m=self.lateral_m + lateral_m)

    def decorrelated(self, correlation: float, generator: torch.Generator) -> "Scatterers":
        """Mix in new amplitudes: a' = rho a + sqrt(1 - rho^2) a_new, as motion out of the plane does."""
        if correlation >= 1:
            return self
        new = _signs(self.amplitude.numel(), generator).to(self.amplitude.device)
        return replace(self, amplitude=correlation * self.amplitude + math.sqrt(1 - correlation**2) * new)

    def exchanged(self, fraction: float, generator: torch.Generator) -> "Scatterers":
        """Give a random fraction of the scatterers a new random sign; the RF then correlates with 1 - fraction."""
        if fraction <= 0:
            return self
        count = self.amplitude.numel()
        chosen = torch.rand(count, generator=generator, device=generator.device) < fraction
        new = _signs(count, generator)
        device = self.amplitude.device
        return replace(self, amplitude=torch.where(chosen.to(device), new.to(device), self.amplitude))


@dataclass(frozen=True)
class GridField:
    """A displacement in metres on a regular grid, (2, rows, columns) with channel 0 lateral and channel 1 axial.

    The displacement between the nodes is bilinear, and constant beyond the outermost ones. The grid is the image's
    pixel grid with a margin, so the truth at a pixel is the very value by which a scatterer there moves.
    """

    values_m: Tensor
    top_m: float
    left_m: float
    axial_spacing_m: float
    lateral_spacing_m: float

    def at(self, depth_m: Tensor, lateral_m: Tensor) -> tuple[Tensor, Tensor]:
        """Lateral and axial displacement in metres at N points, each (N,)."""
        rows, columns = self.values_m.shape[1:]
        row = ((depth_m - self.top_m) / self.axial_spacing_m).clamp(0, rows - 1)
        column = ((lateral_m - self.left_m) / self.lateral_spacing_m).clamp(0, columns - 1)
        top, left = row.floor().clamp(max=rows - 2), column.floor().clamp(max=columns - 2)
        down, right = row - top, column - left
        index = (top * columns + left).long()
        flat = self.values_m.reshape(2, -1)
        upper = flat[:, index] * (1 - right) + flat[:, index + 1] * right
        lower = flat[:, index + columns] * (1 - right) + flat[:, index + columns + 1] * right
        values = upper * (1 - down) + lower * down
        return values[0], values[1]


def scatter(region: Region, density_per_m2: float, generator: torch.Generator, device: torch.device) -> Scatterers:
    """Fill a rectangle with scatterers of amplitude +1 or -1 at uniformly random places, in order from left to right.

    The order means nothing, but lets the renderer work on a few lines at a time.
    """
    count = max(1, round(region.area_m2 * density_per_m2))
    places = torch.rand(2, count, generator=generator, device=generator.device)
    depth_m = region.top_m + places[0] * (region.bottom_m - region.top_m)
    lateral_m = region.left_m + places[1].sort().values * (region.right_m - region.left_m)
    return Scatterers(depth_m.to(device), lateral_m.to(device), _signs(count, generator).to(device))


def _signs(count: int, generator: torch.Generator) -> Tensor:
    bits = torch.randint(0, 2, (count,), generator=generator, device=generator.device)
    return bits.to(torch.float32) * 2 - 1
