"""Does RF oscillate along an axis? The one thing that tells depth from lines and frames, and RF from pictures of it.

Along depth RF is a band-pass signal, so its autocorrelation falls well below zero half a period away; across lines it
is a low-pass one, which stays near or above zero, and so do envelopes and noise.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

LONGEST_LAG = 96
"""Samples over which half a period is looked for: 40 MHz over a carrier of 0.2 MHz."""
SHORTEST_AXIS = 8
"""Entries below which an axis says nothing."""
CLEAR = 0.25
"""Oscillation that only a band-pass signal has, and the difference between two axes that tells them apart."""
BLOCK = {2: 1024, 3: 128}
"""Entries along each axis that are looked at."""


def oscillation(values: NDArray[Any], axis: int) -> float:
    """Return how far the autocorrelation along an axis falls below zero, 0 to 1; 0 where nothing can be said.

    Of complex values the real part counts.

    >>> wave = np.sin(np.arange(400) / 2)[:, None] * np.ones(8)
    >>> round(oscillation(wave, 0), 1), round(oscillation(wave, 1), 1)
    (1.0, 0.0)
    """
    with np.errstate(all="ignore"):  # numbers beyond single precision, in damaged files
        lines = np.moveaxis(np.asarray(np.real(values), np.float32), axis, 0)
    count = lines.shape[0]
    if count < SHORTEST_AXIS:
        return 0.0
    lines = lines.reshape(count, -1)
    with np.errstate(all="ignore"):
        lines = np.nan_to_num(lines - lines.mean(), posinf=0.0, neginf=0.0)
        largest = np.abs(lines).max()
        if not largest > 0:
            return 0.0
        lines = lines / largest
    lags = min(LONGEST_LAG, count // 2)
    power = np.abs(np.fft.rfft(lines, 2 * count, axis=0)) ** 2
    correlation = np.fft.irfft(power.sum(axis=1))[: lags + 1]
    squares = np.cumsum((lines * lines).sum(axis=1))
    head, tail = squares[count - 1 - np.arange(lags + 1)], squares[-1] - np.append(0.0, squares)[: lags + 1]
    energy = np.sqrt(np.maximum(head * tail, 1e-30))
    return float(max(0.0, -(correlation / energy).min()))


def middle_block(array: Any, shape: Sequence[int]) -> NDArray[Any]:
    """Cut a block out of the middle of an array of 2 or 3 long axes, read no more than that; axes of 1 are dropped."""
    extent = sum(size > 1 for size in shape)
    limit = BLOCK.get(extent, BLOCK[3])
    places = tuple(slice((size - min(size, limit)) // 2, (size + min(size, limit) + 1) // 2) for size in shape)
    return np.asarray(array[places])
