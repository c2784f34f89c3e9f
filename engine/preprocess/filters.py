"""Zero-phase band-pass of RF along depth."""

import numpy as np
from scipy import fft

from engine.types import Geometry, Map

_ROLL_OFF = 0.25
"""Share of the band's half width over which the gain falls from 1 to 0."""


def band_pass(frame: Map, geometry: Geometry, bandwidth_fraction: float) -> Map:
    """Keep the band of `bandwidth_fraction * center_hz` around the centre frequency, (H, W) to (H, W) float32.

    The gain is real (so the phase, and with it every delay, stays as it is): 1 in the middle, 1/2 at the band's
    edges, with raised-cosine flanks. Frames are mirrored at both ends against ringing from the far end,
    and each line's mean is taken off first.

    Parameters
    ----------
    frame
        RF (H, W).
    geometry
        Gives sampling and centre frequency.
    bandwidth_fraction
        Width of the band, as a share of the centre frequency.

    Returns
    -------
    array
        RF (H, W) float32.

    >>> low = np.cos(2 * np.pi * np.arange(512) / 80).astype(np.float32)[:, None]  # 0.5 MHz
    >>> kept = band_pass(low, Geometry(40e6, 5e6, 1540.0, 0.3e-3), 1.0)
    >>> bool(np.abs(kept[100:-100]).max() < 0.05)
    True
    """
    height = frame.shape[0]
    margin = min(height - 1, 8 * round(geometry.sampling_hz / geometry.center_hz))
    extended = np.pad(frame, ((margin, margin), (0, 0)), mode="reflect")
    extended = extended - extended.mean(axis=0)
    length = fft.next_fast_len(extended.shape[0], real=True)
    frequency = fft.rfftfreq(length, 1 / geometry.sampling_hz)
    half = bandwidth_fraction * geometry.center_hz / 2
    position = (np.abs(frequency - geometry.center_hz) / half - (1 - _ROLL_OFF)) / (2 * _ROLL_OFF)
    gain = (0.5 + 0.5 * np.cos(np.pi * np.clip(position, 0, 1))).astype(np.float32)
    spectrum = fft.rfft(extended, n=length, axis=0) * gain[:, None]
    kept: Map = fft.irfft(spectrum, n=length, axis=0)[margin : margin + height].astype(np.float32)
    return kept
