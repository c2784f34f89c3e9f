"""How well a delay can be measured at all: the Cramer-Rao bound of Walker & Trahey (IEEE TUFFC 42:301, 1995).

With T the duration of the window, B the fractional bandwidth, rho the correlation of the signals without noise and SNR
the ratio of amplitudes within the band,

    sigma_t^2 >= 3 / (2 f0^3 pi^2 T (B^3 + 12 B)) * ((1 + 1 / SNR^2)^2 / rho^2 - 1).
"""

import math
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from engine.types import Geometry

FRACTIONAL_BANDWIDTH = 0.6
"""Usual -6 dB fractional bandwidth of a linear array's RF."""

if TYPE_CHECKING:
    from torch import Tensor

C = TypeVar("C", float, NDArray[np.float64], "Tensor")


def displacement_deviation_m(
    window_m: float,
    geometry: Geometry,
    correlation: C,
    snr_db: float = math.inf,
    bandwidth_fraction: float = FRACTIONAL_BANDWIDTH,
) -> C:
    """Least standard deviation in metres of axial displacement measured over a window; `correlation` of any shape.

    A correlation that was measured holds the noise too; then leave `snr_db` infinite. Else it is the ratio within the
    band, which is 8.2 dB above the wide-band one at 40 MHz, 5 MHz and a bandwidth of 60 %.

    >>> geometry = Geometry(40e6, 5e6, 1540.0, 0.3e-3)
    >>> round(1e6 * displacement_deviation_m(2e-3, geometry, 1.0, snr_db=20.0), 3)
    0.867
    """
    duration_s = 2 * window_m / geometry.sound_speed_m_s
    band = bandwidth_fraction
    bound = 3 / (2 * geometry.center_hz**3 * np.pi**2 * duration_s * (band**3 + 12 * band))
    bracket = (1 + 10 ** (-snr_db / 10)) ** 2 * correlation**-2 - 1
    deviation_m: C = (bound * bracket) ** 0.5 * (geometry.sound_speed_m_s / 2)
    return deviation_m
