"""Suppress what cannot be echo: a Wiener filter whose gain is measured from the two frames themselves.

Echoes fill the transducer's band axially and the beam's band laterally; electronic noise fills the whole plane of
spatial frequencies. The power that is left in the emptiest part of the plane is therefore noise, and at each
frequency the share of power above it is the gain. A clean recording passes unchanged.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from engine.types import FramePair, Map

_FLOOR_PERCENTILE = 10.0
_SMOOTHING_SHARE = (1 / 40, 1 / 12)
"""Share of the axial and lateral frequency axis over which the power is averaged."""


def suppress_noise(pair: FramePair) -> tuple[Map, Map]:
    """Filter reference and deformed frame, (H, W) float32 each, by the share of echoes at each spatial frequency.

    The gain is real and the same for both frames, so the motion between them stays as it is.
    """
    padded = [_mirror(frame) for frame in (pair.reference, pair.deformed)]
    spectra = [fft.rfft2(frame) for frame in padded]
    power = np.abs(spectra[0]) ** 2 + np.abs(spectra[1]) ** 2
    gain = _gain(power)
    shape = padded[0].shape
    height, width = pair.reference.shape
    top, left = ((a - b) // 2 for a, b in zip(shape, (height, width), strict=True))
    first, second = (
        np.ascontiguousarray(fft.irfft2(spectrum * gain, s=shape)[top : top + height, left : left + width], np.float32)
        for spectrum in spectra
    )
    return first, second


def _gain(power: NDArray[np.float32]) -> NDArray[np.float32]:
    """Wiener gain (signal / total) of a two-frame periodogram (Z, X / 2 + 1)."""
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
