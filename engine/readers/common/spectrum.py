"""Centre frequency of a recording from its own spectrum, for files that do not give it."""

import math

import numpy as np

from engine.errors import ParameterError
from engine.types import Map

LINES = 64
"""Lines that are averaged; more change the answer by less than the width of a bin."""

LOWEST_FRACTION = 0.01
"""Part of the sampling rate below which there is only offset and drift."""


def measure_center_hz(frame: Map, sampling_hz: float) -> float:
    """Return the centre of the -6 dB band around the peak of the mean power spectrum of a frame (H, W), in Hz.

    >>> time = np.arange(512) / 40e6
    >>> frame = np.sin(2 * np.pi * 5e6 * time)[:, None].astype(np.float32)
    >>> round(measure_center_hz(frame, 40e6) / 1e6, 2)
    5.0
    """
    if not (math.isfinite(sampling_hz) and sampling_hz > 0):
        raise ParameterError(f"sampling_hz must be a positive number, found {sampling_hz}")
    rows, lines = frame.shape
    chosen = frame[:, :: max(1, lines // LINES)].astype(np.float64)
    taper = np.hanning(rows)[:, None]
    power = np.mean(np.abs(np.fft.rfft((chosen - chosen.mean(axis=0)) * taper, axis=0)) ** 2, axis=1)
    frequency = np.fft.rfftfreq(rows, 1 / sampling_hz)
    power[frequency < LOWEST_FRACTION * sampling_hz] = 0.0
    power[-1] = 0.0
    if power.size < 4 or not power.max() > 0:
        raise ParameterError("the spectrum has no peak: the centre frequency cannot be measured")
    smooth = np.convolve(power, np.full(_odd(rows // 100), 1.0), mode="same")
    first, last = _half_power_band(smooth)
    band = power[first : last + 1]
    return float((band * frequency[first : last + 1]).sum() / band.sum())


def _half_power_band(power: np.ndarray) -> tuple[int, int]:
    """First and last bin of the run around the peak that stays above a quarter of its power (-6 dB)."""
    peak = int(power.argmax())
    above = power >= power[peak] / 4
    below_left = np.flatnonzero(~above[:peak])
    below_right = np.flatnonzero(~above[peak:])
    first = int(below_left[-1]) + 1 if below_left.size else 0
    last = peak + int(below_right[0]) - 1 if below_right.size else power.size - 1
    return first, last


def _odd(count: int) -> int:
    return max(1, count) | 1
