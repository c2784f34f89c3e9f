"""Suppress what cannot be echo: a Wiener filter whose gain is measured from the frames themselves.

Echoes fill the transducer's band axially and the beam's band laterally; electronic noise fills the whole plane of
spatial frequencies. The power that is left in the emptiest part of the plane is therefore noise, and at each
frequency the share of power above it is the gain. A clean recording passes unchanged.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from engine.types import Map

_FLOOR_PERCENTILE = 10.0
_SMOOTHING_SHARE = (1 / 40, 1 / 12)
"""Share of the axial and lateral frequency axis over which the power is averaged."""


def suppress_noise(frames: Sequence[Map]) -> tuple[Map, ...]:
    """Filter the frames of a group, (H, W) float32 each, by the share of echoes at each spatial frequency.

    The gain is real and the same for all frames, so the motion between them stays as it is.
    """
    return EchoFilter.of(frames).apply(frames)


@dataclass(frozen=True)
class EchoFilter:
    """The gain (Z, X / 2 + 1) for frames of `shape` (H, W)."""

    shape: tuple[int, int]
    gain: NDArray[np.float32]

    @classmethod
    def of(cls, frames: Sequence[Map]) -> Self:
        """Measure the gain from the mean power of the frames."""
        power = sum(np.abs(fft.rfft2(_mirror(frame))) ** 2 for frame in frames)
        return cls((frames[0].shape[0], frames[0].shape[1]), _gain(np.asarray(power)))

    def apply(self, frames: Sequence[Map]) -> tuple[Map, ...]:
        """Filter frames of the same shape."""
        return tuple(self._filtered(frame) for frame in frames)

    def _filtered(self, frame: Map) -> Map:
        padded = _mirror(frame)
        height, width = self.shape
        top, left = ((a - b) // 2 for a, b in zip(padded.shape, self.shape, strict=True))
        filtered = fft.irfft2(fft.rfft2(padded) * self.gain, s=padded.shape)
        return np.ascontiguousarray(filtered[top : top + height, left : left + width], np.float32)


def _gain(power: NDArray[np.float32]) -> NDArray[np.float32]:
    """Wiener gain (signal / total) of a summed periodogram (Z, X / 2 + 1)."""
    size = [max(round(share * count) | 1, 3) for share, count in zip(_SMOOTHING_SHARE, power.shape, strict=True)]
    total = ndimage.uniform_filter(power, size, mode="wrap")
    noise = np.percentile(total, _FLOOR_PERCENTILE)
    gain: NDArray[np.float32] = np.clip(1 - noise / np.maximum(total, np.finfo(np.float32).tiny), 0, 1)
    return gain


def _mirror(frame: Map) -> Map:
    """Extend by a margin of mirrored samples, so that nothing leaks around the borders, to a quick length."""
    wanted = [fft.next_fast_len(size + 2 * min(32, size - 1), real=True) for size in frame.shape]
    margins = [((total - size) // 2, -(-(total - size) // 2)) for total, size in zip(wanted, frame.shape, strict=True)]
    return np.pad(frame, margins, mode="reflect")
