"""B-mode: the envelope of the RF and its logarithm."""

import numpy as np
from scipy import fft

from engine.numerics.analytic_signal import one_sided_gain
from engine.types import Geometry, Map

FLOOR_DB = -120.0
"""Value of a sample without any signal."""

_REFERENCE_PERCENTILE = 99.9


def envelope(frame: Map) -> Map:
    """Magnitude of the analytic signal along depth, (H, W) to (H, W) float32, in the units of the RF.

    Parameters
    ----------
    frame
        RF (H, W).

    Returns
    -------
    array
        Envelope (H, W) float32.

    >>> tone = np.cos(2 * np.pi * np.arange(256) / 8).astype(np.float32)[:, None]
    >>> float(envelope(tone)[128, 0].round(3))
    1.0
    """
    height = frame.shape[0]
    length = fft.next_fast_len(height)
    lines = np.ascontiguousarray(frame.T, dtype=np.float32)
    half = fft.rfft(lines, n=length, axis=1)
    spectrum = np.zeros((lines.shape[0], length), np.complex64)
    spectrum[:, : half.shape[1]] = half * one_sided_gain(length)[: half.shape[1]]
    analytic = fft.ifft(spectrum, axis=1, overwrite_x=True)[:, :height]
    magnitude: Map = np.ascontiguousarray(np.abs(analytic).T)
    return magnitude


def reference_level(frame: Map) -> float:
    """Level (in the units of the RF) that shows as 0 dB: the 99.9th percentile of the frame's envelope.

    Take it from one frame and give it to `bmode_db` for all frames of the recording. It is 0 for an empty frame.
    """
    return _level(envelope(frame))


def gained(decibel: Map, geometry: Geometry, gain_db: float = 0.0, depth_gain_db: float = 0.0) -> Map:
    """Return a B-mode (H, W) in dB, at most 0, with more gain: in dB, and in dB for each centimetre of depth.

    >>> gained(np.full((3, 2), -20, np.float32), Geometry(40e6, 5e6, 1540.0, 0.3e-3), gain_db=5.0)[0].tolist()
    [-15.0, -15.0]
    """
    if gain_db == 0 and depth_gain_db == 0:
        return decibel
    depth_cm = 1e2 * np.arange(len(decibel), dtype=np.float32) * np.float32(geometry.axial_spacing_m)
    more = (np.float32(gain_db) + np.float32(depth_gain_db) * depth_cm)[:, None]
    return np.minimum(decibel + more, np.float32(0)).astype(np.float32)


def bmode_db(frame: Map, *, reference_level: float | None = None) -> Map:
    """Log-compressed envelope in dB re `reference_level` (None: the frame's own), (H, W) float32, at least -120.

    Parameters
    ----------
    frame
        RF (H, W).
    reference_level
        What is 0 dB, in the units of the RF; see `reference_level`.

    Returns
    -------
    array
        B-mode (H, W) in dB.

    >>> tone = np.cos(2 * np.pi * np.arange(256) / 8).astype(np.float32)[:, None]
    >>> float(bmode_db(tone, reference_level=10.0)[128, 0].round(1))
    -20.0
    """
    magnitude = envelope(frame)
    level = _level(magnitude) if reference_level is None else reference_level
    if level <= 0:
        return np.full(frame.shape, FLOOR_DB, np.float32)
    np.maximum(magnitude, np.float32(level * 10 ** (FLOOR_DB / 20)), out=magnitude)
    np.log10(magnitude, out=magnitude)
    magnitude *= 20
    magnitude -= np.float32(20 * np.log10(level))
    return magnitude


def _level(magnitude: Map) -> float:
    return float(np.percentile(magnitude, _REFERENCE_PERCENTILE))
