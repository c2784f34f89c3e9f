"""Electronic noise of the receiver.

The white noise is given by the wide-band signal-to-noise ratio; within the signal's band the ratio is higher by
10 log10((fs / 2) / (B f0)), for example 8.2 dB at 40 MHz, 5 MHz and B = 0.6.
"""

import math

import torch
from torch import Tensor

from engine.types import Geometry


def add_gaussian(rf: Tensor, snr_db: float, generator: torch.Generator, signal_rms: float) -> Tensor:
    """White Gaussian noise at a wide-band ratio of rms amplitudes."""
    if math.isinf(snr_db):
        return rf
    noise = torch.randn(rf.shape, generator=generator, device=generator.device)
    return rf + noise.to(rf.device) * (signal_rms * 10 ** (-snr_db / 20))


def add_uniform(rf: Tensor, psnr_db: float, generator: torch.Generator, signal_peak: float) -> Tensor:
    """White uniform noise whose rms lies `psnr_db` below the signal's peak (Kibria & Rivaz 2018, GLUENet)."""
    if math.isinf(psnr_db):
        return rf
    half_width = math.sqrt(3) * signal_peak * 10 ** (-psnr_db / 20)
    noise = torch.rand(rf.shape, generator=generator, device=generator.device)
    return rf + (2 * noise.to(rf.device) - 1) * half_width


def in_band_gain_db(geometry: Geometry, bandwidth_fraction: float) -> float:
    """By how much the ratio within the signal's band exceeds the wide-band ratio."""
    return 10 * math.log10(geometry.sampling_hz / 2 / (bandwidth_fraction * geometry.center_hz))
