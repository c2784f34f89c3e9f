"""The grid a network was trained on: RF goes there band-limited, and motion comes back in samples of the recording."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.types import Geometry

_HALF_TAPS = 8
_KAISER_BETA = 7.0
_SAME = 0.01
"""A grid within 1 % of the wanted one is kept as it is."""
_FAR = 4 / 3
"""Lines are resampled only when their distance is this many times outside the range of the training."""


@dataclass(frozen=True)
class CanonicalGrid:
    """Factors from the recording's grid to the network's: samples and lines there for one here, and the sizes there."""

    axial_factor: float
    lateral_factor: float
    shape: tuple[int, int]
    native_shape: tuple[int, int]

    @classmethod
    def of(
        cls, shape: tuple[int, int], geometry: Geometry, samples_per_period: float, pitch_m: tuple[float, float]
    ) -> "CanonicalGrid":
        """Find the grid with `samples_per_period` samples for a period and a pitch not far outside a range.

        0 samples for a period leaves the axial sampling alone.
        """
        axial = samples_per_period * geometry.center_hz / geometry.sampling_hz if samples_per_period else 1.0
        if abs(axial - 1) < _SAME:
            axial = 1.0
        lateral = geometry.pitch_m / min(max(geometry.pitch_m, pitch_m[0]), pitch_m[1])
        if 1 / _FAR <= lateral <= _FAR:
            lateral = 1.0
        size = tuple(max(2, math.floor((n - 1) * f + 1e-6) + 1) for n, f in zip(shape, (axial, lateral), strict=True))
        return cls(axial, lateral, (size[0], size[1]), shape)

    def frame(self, rf: Tensor) -> Tensor:
        """Resample RF (..., H, W) with windowed-sinc interpolation, low-passed where the new grid is coarser."""
        rows = _sinc_interpolate(rf, self.axial_factor, self.shape[0], -2)
        return _sinc_interpolate(rows, self.lateral_factor, self.shape[1], -1)

    def motion(self, native: Tensor) -> Tensor:
        """Take motion (..., 2, H, W) in native lines and samples to this grid and its units."""
        rows = _linear_interpolate(native, self.axial_factor, self.shape[0], -2)
        return _linear_interpolate(rows, self.lateral_factor, self.shape[1], -1) * self._units(native)

    def native_motion(self, motion: Tensor) -> Tensor:
        """Take motion of this grid back to native lines and samples."""
        rows = _linear_interpolate(motion, 1 / self.axial_factor, self.native_shape[0], -2)
        return _linear_interpolate(rows, 1 / self.lateral_factor, self.native_shape[1], -1) / self._units(motion)

    def _units(self, like: Tensor) -> Tensor:
        return like.new_tensor([self.lateral_factor, self.axial_factor])[:, None, None]


def _sinc_interpolate(signal: Tensor, factor: float, length: int, dim: int) -> Tensor:
    """Signal at positions k / factor along `dim`, constant beyond its ends."""
    if factor == 1.0:
        return signal
    cutoff = min(1.0, factor)
    half = math.ceil(_HALF_TAPS / cutoff)
    position = torch.arange(length, dtype=torch.float64) / factor
    nearest = torch.floor(position).long()
    offsets = torch.arange(-half + 1, half + 1)
    distance = (nearest[:, None] + offsets - position[:, None]) * cutoff
    ratio = (distance / _HALF_TAPS).clamp(-1, 1)
    window = torch.special.i0(_KAISER_BETA * torch.sqrt(1 - ratio**2))
    weights = torch.special.sinc(distance) * window
    weights = (weights / weights.sum(1, keepdim=True)).to(device=signal.device, dtype=signal.dtype)
    places = (nearest[:, None] + offsets).clamp(0, signal.shape[dim] - 1).to(signal.device)
    broadcast = (slice(None), None) if dim == -2 else (slice(None),)
    total = torch.zeros(())
    for tap in range(2 * half):
        total = total + signal.index_select(dim, places[:, tap]) * weights[:, tap][broadcast]
    return total


def _linear_interpolate(maps: Tensor, factor: float, length: int, dim: int) -> Tensor:
    """Smooth maps at positions k / factor along `dim`; the ends go on linearly."""
    if factor == 1.0:
        return maps
    position = torch.arange(length, dtype=torch.float64) / factor
    below = torch.floor(position).long().clamp(0, maps.shape[dim] - 2)
    share = (position - below).to(device=maps.device, dtype=maps.dtype)
    share = share[:, None] if dim == -2 else share
    below = below.to(maps.device)
    return torch.lerp(maps.index_select(dim, below), maps.index_select(dim, below + 1), share)
