"""How much each sample of the residual tells: its local variance, and how many samples are independent."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from engine.numerics.running_sum import box_mean
from engine.types import Geometry

BEAM_WIDTH_M = 0.5e-3
"""Lateral distance over which echoes decorrelate; arrays for superficial tissue have beams of about this width."""

VARIANCE_WINDOW_M = (1.0e-3, 1.5e-3)
"""Axial and lateral size over which the residual's variance is averaged."""

SMALLEST_RELATIVE_VARIANCE = 1e-4
"""Residual power relative to the echoes' below which a better match is not trusted (interpolation error)."""

SMALLEST_STRAIN = 1e-3
"""Strain below which changes are judged as if the mean strain were this large."""

TYPICAL_STRAIN = 0.015
"""Changes of strain are judged relative to the mean of the image's strain and this one. Relative to the image's alone
(changes grow with the strain, noise does not), noisy frames of large strain came out too rough on phantoms."""


def cell_samples(geometry: Geometry) -> float:
    """Count the samples of one independent cell, half a wavelength deep and a beam wide; at least one."""
    cell = geometry.wavelength_m / 2 * BEAM_WIDTH_M
    return max(cell / (geometry.axial_spacing_m * geometry.pitch_m), 1.0)


def strain_scale(axial_samples: Tensor) -> Tensor:
    """Scale of strain changes (...): geometric mean of the mean strain of a start (..., H, W) and `TYPICAL_STRAIN`."""
    return torch.sqrt(mean_strain(axial_samples).abs().clamp(min=SMALLEST_STRAIN) * TYPICAL_STRAIN)


def mean_strain(axial_samples: Tensor) -> Tensor:
    """Mean axial strain (...) of a motion (..., H, W): the slope of the straight line through its row medians."""
    middle = axial_samples.median(dim=-1).values - (-axial_samples).median(dim=-1).values  # the lower, and the higher
    rows = torch.arange(axial_samples.shape[-2], dtype=torch.float64, device=axial_samples.device)
    away = rows - rows.mean()
    slope: Tensor = (away * middle.double()).sum(dim=-1) / (2 * away.square().sum())
    return slope


@dataclass(frozen=True)
class ResidualWeights:
    """Weights 1 / (cell * variance) of the samples, with the variance averaged locally from the residual itself."""

    reference: Tensor
    geometry: Geometry

    def __call__(self, residual: Tensor, inside: Tensor) -> Tensor:
        """Return the weights (..., H, W) for a residual (..., H, W) that is zero where `inside` is False."""
        variance, count = self.mean(torch.stack([residual.square(), inside.to(residual.dtype)])).unbind()
        variance.div_(count.clamp_(min=1e-3)).add_(self.floor)
        return variance.mul_(cell_samples(self.geometry)).reciprocal_()

    @cached_property
    def floor(self) -> Tensor:
        """The least variance that is believed, (..., H, W)."""
        power = self.mean(self.reference * self.reference)
        return SMALLEST_RELATIVE_VARIANCE * power + torch.finfo(power.dtype).eps

    def mean(self, image: Tensor) -> Tensor:
        """Average maps (..., H, W) over the window of local variance."""
        axial, lateral = VARIANCE_WINDOW_M
        rows = 2 * int(axial / self.geometry.axial_spacing_m / 2) + 1
        lines = 2 * int(lateral / self.geometry.pitch_m / 2) + 1
        return box_mean(image, rows, lines)
