"""Suppress what cannot be echo: a Wiener filter whose gain is measured from the frames themselves.

Echoes fill the transducer's band axially and the beam's band laterally; electronic noise fills the whole plane of
spatial frequencies. The power that is left in the emptiest part of the plane is therefore noise, and at each
frequency the share of power above it is the gain. A clean recording passes unchanged.
"""

import math
from dataclasses import dataclass
from typing import Self

import torch
from scipy.fft import next_fast_len
from torch import Tensor

from engine.numerics.running_sum import consecutive_sum

_FLOOR_PERCENTILE = 10.0
_SMOOTHING_SHARE = (1 / 40, 1 / 12)
"""Share of the axial and lateral frequency axis over which the power is averaged."""


@dataclass(frozen=True)
class Spectrum:
    """Spectrum (..., Z, X / 2 + 1) of frames of `shape` (H, W), mirrored at their borders."""

    shape: tuple[int, int]
    values: Tensor

    @classmethod
    def of(cls, frames: Tensor) -> Self:
        """Transform frames (..., H, W)."""
        height, width = frames.shape[-2:]
        rows, lines = (_mirrored(size, frames.device) for size in (height, width))
        padded = frames.index_select(-2, rows).index_select(-1, lines)
        return cls((height, width), torch.fft.rfft2(padded))

    @property
    def power(self) -> Tensor:
        """Squared magnitude (..., Z, X / 2 + 1)."""
        return self.values.real.square() + self.values.imag.square()

    def filtered(self, gain: Tensor) -> Tensor:
        """Return the frames (..., H, W) after a gain (..., Z, X / 2 + 1)."""
        padded = tuple(_length(size) for size in self.shape)
        (top, left), (height, width) = (_margin(size) for size in self.shape), self.shape
        filtered: Tensor = torch.fft.irfft2(self.values * gain, s=padded)
        return filtered[..., top : top + height, left : left + width].contiguous()


def echo_gain(power: Tensor) -> Tensor:
    """Share of echoes at each spatial frequency (Wiener gain, signal over total) of a summed power (..., Z, X / 2 + 1).

    The gain is real; with one gain for all frames of a group the motion between them stays as it is.
    """
    size = [max(round(share * count) | 1, 3) for share, count in zip(_SMOOTHING_SHARE, power.shape[-2:], strict=True)]
    for dim, length in zip((-2, -1), size, strict=True):
        around = torch.arange(-(length // 2), power.shape[dim] + length // 2, device=power.device) % power.shape[dim]
        power = consecutive_sum(power.index_select(dim, around), length, dim)
    noise = _percentile(power.flatten(-2))[..., None, None]
    return (1 - noise / power.clamp(min=torch.finfo(power.dtype).tiny)).clamp_(0, 1)


def _percentile(values: Tensor) -> Tensor:
    """Percentile of the floor of values (..., N), interpolated."""
    place = _FLOOR_PERCENTILE / 100 * (values.shape[-1] - 1)
    lower, upper = (values.kthvalue(1 + count, dim=-1).values for count in (math.floor(place), math.ceil(place)))
    return torch.lerp(lower, upper, place - math.floor(place))


def _length(size: int) -> int:
    """Quick length of an axis with a margin of mirrored samples, so that nothing leaks around the borders."""
    return int(next_fast_len(size + 2 * min(32, size - 1), real=True))


def _margin(size: int) -> int:
    return (_length(size) - size) // 2


def _mirrored(size: int, device: torch.device) -> Tensor:
    """Place in the frame of each sample along a padded axis."""
    period = max(2 * (size - 1), 1)
    places = torch.arange(-_margin(size), _length(size) - _margin(size), device=device) % period
    return torch.minimum(places, period - places)
