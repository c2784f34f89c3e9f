"""Smooth random brightness of tissue."""

import numpy as np
from numpy.typing import NDArray

_WAVES = 32
_GRAIN_M = 1.2e-3


def texture(seed: int, laterals_m: NDArray[np.float64], depths_m: NDArray[np.float64]) -> NDArray[np.float64]:
    """Random function of unit variance at N points: a sum of plane waves, longer sideways than in depth."""
    random = np.random.default_rng(seed)
    total = np.zeros(np.shape(laterals_m))
    for _ in range(_WAVES):
        across, down = random.normal(size=2) / np.array([2 * _GRAIN_M, _GRAIN_M])
        total = total + np.cos(across * laterals_m + down * depths_m + random.uniform(0, 2 * np.pi))
    return np.asarray(total * np.sqrt(2 / _WAVES))
