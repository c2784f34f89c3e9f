"""RF sampled below twice its carrier, unfolded: the carrier says in which zone of half the sampling rate its band lies.

A band between m fs/2 and (m+1) fs/2 is kept whole by sampling at fs, in its place for even m and mirrored for odd m;
moved back there and interpolated it is ordinary RF. Vaughan, Scott and White, IEEE Trans. Signal
Process. 39:1973 (1991).
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import ReadError
from engine.readers.common.remodulate import EDGE_SAMPLES, SAMPLES_PER_PERIOD
from engine.readers.common.spectrum import measure_center_hz

LARGEST_FACTOR = 8
"""Growth of the rate beyond which a carrier and a rate are not those of one recording."""
OFF_PLACE = 0.25
"""Part of a zone by which the folded band may lie off the place that the carrier says."""


def is_folded(sampling_hz: float, center_hz: float) -> bool:
    """Whether a carrier lies above half the sampling rate."""
    return center_hz >= sampling_hz / 2


def unfolding_factor(sampling_hz: float, center_hz: float) -> int:
    """Return by how much the rate grows: enough for four samples in a period; a million stands for all above."""
    with np.errstate(over="ignore"):
        return int(min(np.ceil(np.float64(SAMPLES_PER_PERIOD * center_hz) / sampling_hz), 1e6))


def folding_note(sampling_hz: float, center_hz: float) -> str:
    """Say what was done."""
    factor = unfolding_factor(sampling_hz, center_hz)
    return (
        f"sampled at {sampling_hz / 1e6:.4g} MHz, below twice the carrier of {center_hz / 1e6:.4g} MHz: unfolded to "
        f"{factor * sampling_hz / 1e6:.4g} MHz"
    )


def folding_problem(sampling_hz: float, center_hz: float) -> str:
    """Say why a carrier is too far above a rate to be unfolded, or return an empty text."""
    if unfolding_factor(sampling_hz, center_hz) <= LARGEST_FACTOR:
        return ""
    return f"is said to be sampled at {sampling_hz:g} Hz with a carrier of {center_hz:g} Hz: impossible"


def require_foldable(path: Path, frame: NDArray[np.float32], sampling_hz: float, center_hz: float) -> None:
    """Refuse a frame (samples, lines) whose spectrum does not lie where the carrier would be folded to."""
    problem = folding_problem(sampling_hz, center_hz)
    if problem:
        raise ReadError(path, problem)
    half = sampling_hz / 2
    rest = center_hz % sampling_hz
    expected = rest if rest < half else sampling_hz - rest
    found = measure_center_hz(frame, sampling_hz)
    if abs(found - expected) > OFF_PLACE * half:
        raise ReadError(
            path,
            f"is sampled at {sampling_hz / 1e6:.4g} MHz, below twice its carrier of {center_hz / 1e6:.4g} MHz, and its "
            f"spectrum lies at {found / 1e6:.3g} MHz, not at {expected / 1e6:.3g} MHz where that carrier would "
            "fold to: give the right --sampling-hz and --center-hz",
        )


def unfold(signal: NDArray[Any], sampling_hz: float, center_hz: float) -> NDArray[Any]:
    """Return real RF (n, ...) at `unfolding_factor` times its rate, (n * factor, ...).

    >>> time = np.arange(200) / 8e6
    >>> folded = (np.exp(-(((time - 12.5e-6) / 3e-6) ** 2)) * np.cos(2 * np.pi * 6e6 * time))[:, None]
    >>> unfold(folded, 8e6, 6e6).shape
    (600, 1)
    """
    factor, zone = unfolding_factor(sampling_hz, center_hz), int(2 * center_hz / sampling_hz)
    rows = signal.shape[0]
    edge = min(EDGE_SAMPLES, rows - 1)
    padded = np.pad(np.asarray(signal, np.float64), [(edge, edge + rows % 2)] + [(0, 0)] * (signal.ndim - 1))
    count = padded.shape[0]
    spectrum = np.fft.rfft(padded, axis=0)
    wide = np.zeros((count * factor // 2 + 1, *signal.shape[1:]), spectrum.dtype)
    first = zone * count // 2
    wide[first : first + count // 2 + 1] = spectrum if zone % 2 == 0 else np.conj(spectrum[::-1])
    fine = np.fft.irfft(wide, count * factor, axis=0)
    return np.asarray(fine[edge * factor : (edge + rows) * factor] * factor, np.float32)
