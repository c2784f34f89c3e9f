"""IQ back to RF: band-limited interpolation, then multiplication by the demodulation carrier.

IQ at time t is the analytic RF times exp(-2 pi i f t), so RF(t) = Re(IQ(t) exp(2 pi i f t)) once the samples are close
enough to carry the frequencies f +- fs/2 that the IQ band occupies.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import ReadError
from engine.types import Map

SAMPLES_PER_PERIOD = 4
"""At least this many RF samples in a period of the carrier: what sub-sample estimators are made for."""

EDGE_SAMPLES = 16
"""IQ samples that are mirrored at each end, so that the interpolation does not wrap the deepest rows to the top."""

LARGEST_FACTOR = 256


def upsampling_factor(sampling_hz: float, demodulation_hz: float) -> int:
    """Return the smallest whole factor that makes room for the band f +- fs/2 and for 4 samples in a period."""
    for_band = math.floor(2 * demodulation_hz / sampling_hz + 1) + 1
    return max(for_band, math.ceil(SAMPLES_PER_PERIOD * demodulation_hz / sampling_hz))


def interpolate(signal: NDArray[Any], factor: int) -> NDArray[Any]:
    """Interpolate along the first axis by a whole factor, exactly for what is band-limited; real stays real."""
    if factor == 1:
        return signal
    rows = signal.shape[0]
    edge = min(EDGE_SAMPLES, rows - 1)
    padded = np.pad(signal, [(edge, edge)] + [(0, 0)] * (signal.ndim - 1), mode="reflect")
    count = padded.shape[0]
    if np.iscomplexobj(signal):
        spectrum = np.fft.fft(padded, axis=0)
        half = (count + 1) // 2
        wide = np.zeros((count * factor, *signal.shape[1:]), dtype=spectrum.dtype)
        wide[:half], wide[half - count :] = spectrum[:half], spectrum[half:]
        fine: NDArray[Any] = np.fft.ifft(wide, axis=0)
    else:
        spectrum = np.fft.rfft(padded, axis=0)
        if count % 2 == 0:
            spectrum[-1] /= 2  # half of the Nyquist bin belongs to each side of the wider spectrum
        fine = np.fft.irfft(spectrum, count * factor, axis=0)
    return np.asarray(fine[edge * factor : (edge + rows) * factor] * factor)


def remodulate(
    iq: NDArray[np.complexfloating], sampling_hz: float, demodulation_hz: float, start_s: float = 0.0
) -> Map:
    """Turn complex IQ (H, W) into RF (H * factor, W) at `factor` times the rate, factor from `upsampling_factor`.

    `start_s` is the time of the first row since the carrier had phase 0: it matters where channels are summed.
    """
    factor = upsampling_factor(sampling_hz, demodulation_hz)
    fine = interpolate(iq, factor)
    time = start_s + np.arange(fine.shape[0]) / (factor * sampling_hz)
    carrier = np.exp(2j * np.pi * demodulation_hz * time)
    return np.asarray((fine * carrier.reshape(-1, *[1] * (fine.ndim - 1))).real, dtype=np.float32)


@dataclass(frozen=True)
class RemodulatedFrames:
    """RF frames of a recording of IQ frames (T, H, W): `shape`, `sampling_hz`, and each frame on call."""

    path: Path
    iq_shape: tuple[int, int, int]
    read_iq: Callable[[int], NDArray[np.complexfloating]]
    iq_sampling_hz: float
    demodulation_hz: float
    start_s: float = 0.0

    def __post_init__(self) -> None:
        if not (self.demodulation_hz > 0 and self.iq_sampling_hz > 0):
            raise ReadError(
                self.path,
                f"holds IQ with demodulation frequency {self.demodulation_hz:g} Hz and sampling rate "
                f"{self.iq_sampling_hz:g} Hz: it cannot be turned into RF",
            )
        if self.factor > LARGEST_FACTOR:
            raise ReadError(
                self.path,
                f"demodulation frequency {self.demodulation_hz:g} Hz is impossible with IQ at "
                f"{self.iq_sampling_hz:g} Hz",
            )

    @property
    def factor(self) -> int:
        """RF samples for each IQ sample."""
        return upsampling_factor(self.iq_sampling_hz, self.demodulation_hz)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Frames, RF samples, lines."""
        frames, rows, lines = self.iq_shape
        return frames, rows * self.factor, lines

    @property
    def sampling_hz(self) -> float:
        """Sampling rate of the RF."""
        return self.iq_sampling_hz * self.factor

    @property
    def note(self) -> str:
        """One line that says what was done."""
        return (
            f"RF re-modulated from IQ at {self.demodulation_hz / 1e6:g} MHz, "
            f"sampled at {self.sampling_hz / 1e6:g} MHz ({self.factor} x the IQ rate)"
        )

    def __call__(self, index: int) -> Map:
        """Read one IQ frame and turn it into RF."""
        return remodulate(self.read_iq(index), self.iq_sampling_hz, self.demodulation_hz, self.start_s)
