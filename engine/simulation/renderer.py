"""RF of point scatterers: rf(z, x) = sum_k a_k h(z - z_k; z_k) g(x - x_k; z_k), a linear model like Field II's.

The axial pulse h is a Gaussian-modulated cosine; attenuation lowers its centre frequency with depth. The lateral
two-way beam g is a Gaussian, evaluated exactly for each scatterer and line at the scatterer's own depth. Axially a
scatterer is deposited on a grid of half the sample spacing with a quadratic B-spline; the pulse's spectrum divided
by the spline's is applied by FFT, so places are exact below the sample: the remaining image of the spectrum is
-70 dB for a pulse of 8 samples a period.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from engine.parameters import Parameters, parameter
from engine.simulation.scatterers import Scatterers
from engine.types import Geometry

_FINER = 2
"""Cells of the deposit grid in one RF sample."""
_BEAM_SIGMAS = 3.5
_PULSE_SIGMAS = 5.0
_FWHM = 2 * math.sqrt(2 * math.log(2))
_HALVING = 2 * math.sqrt(2 * math.log(2))
_NEPER_PER_DB = math.log(10) / 20


@dataclass(frozen=True)
class Imaging(Parameters):
    """Transducer and beamformer of the simulated scanner."""

    bandwidth_fraction: float = parameter(
        0.6, unit="of centre frequency", minimum=0.2, maximum=1.2, help="Two-way band at -6 dB"
    )
    f_number: float = parameter(2.0, minimum=0.8, maximum=8.0, help="Receive f-number while the aperture grows")
    aperture_m: float = parameter(20e-3, unit="m", minimum=2e-3, maximum=80e-3, help="Largest receive aperture")
    attenuation_db_cm_mhz: float = parameter(
        0.0, unit="dB/cm/MHz", minimum=0.0, maximum=2.0, help="Lowers the centre frequency with depth; gain compensated"
    )
    phase_deg: float = parameter(0.0, unit="degrees", minimum=-360, maximum=360, help="Phase of the pulse")

    def spectral_sigma_hz(self, geometry: Geometry) -> float:
        """Width of the Gaussian amplitude spectrum."""
        return self.bandwidth_fraction * geometry.center_hz / _HALVING

    def pulse_sigma_m(self, geometry: Geometry) -> float:
        """Return the standard deviation of the pulse's envelope in depth: c / (4 pi sigma_f)."""
        return geometry.sound_speed_m_s / (4 * math.pi * self.spectral_sigma_hz(geometry))

    def beam_sigma_m(self, depth_m: Tensor, geometry: Geometry) -> Tensor:
        """Return the standard deviation of the two-way beam; its full width at half maximum is 0.9 lambda z / D(z)."""
        f_number = (depth_m / self.aperture_m).clamp(min=self.f_number)
        return 0.9 * geometry.wavelength_m / _FWHM * f_number

    def widest_beam_sigma_m(self, deepest_m: float, geometry: Geometry) -> float:
        """Beam width at the bottom of the image, where it is largest."""
        return float(self.beam_sigma_m(torch.tensor(deepest_m, dtype=torch.float64), geometry))

    def resolution_cell_m2(self, depth_m: float, geometry: Geometry) -> float:
        """Product of the full widths at half maximum of pulse envelope and beam."""
        return _FWHM**2 * self.pulse_sigma_m(geometry) * self.widest_beam_sigma_m(depth_m, geometry)

    def margins_m(self, deepest_m: float, geometry: Geometry) -> tuple[float, float]:
        """Axial and lateral distance beyond the image at which a scatterer still shows in it."""
        lateral_m = _BEAM_SIGMAS * self.widest_beam_sigma_m(deepest_m, geometry)
        return _PULSE_SIGMAS * self.pulse_sigma_m(geometry), lateral_m


def render(scatterers: Scatterers, shape: tuple[int, int], geometry: Geometry, imaging: Imaging) -> Tensor:
    """RF frame (H, W) float32 of the scatterers; the unit is that of their amplitudes."""
    height, width = shape
    margin = math.ceil(_PULSE_SIGMAS * imaging.pulse_sigma_m(geometry) / geometry.axial_spacing_m)
    deposited = _deposit(scatterers, (height + 2 * margin, width), margin, geometry, imaging)
    zones = 1 if imaging.attenuation_db_cm_mhz == 0 else max(2, min(16, (height + 2 * margin) // (6 * margin)))
    samples = _apply_pulse(deposited, zones, margin, geometry, imaging)
    return samples[:, margin : margin + height].T.contiguous()


def _deposit(
    scatterers: Scatterers, shape: tuple[int, int], margin: int, geometry: Geometry, imaging: Imaging
) -> Tensor:
    """Sum of the scatterers weighted by the beam, (W, 2 rows): axial B-spline weights, exact lateral weights."""
    rows, width = shape
    spacing_m = geometry.axial_spacing_m / _FINER
    fine_rows = rows * _FINER
    place = (scatterers.depth_m - (geometry.start_depth_m - margin * geometry.axial_spacing_m)) / spacing_m
    line = scatterers.lateral_m / geometry.pitch_m + (width - 1) / 2
    deepest_m = geometry.start_depth_m + rows * geometry.axial_spacing_m
    reach = math.ceil(_BEAM_SIGMAS * imaging.widest_beam_sigma_m(deepest_m, geometry) / geometry.pitch_m)
    near = (place > 1) & (place < fine_rows - 2) & (line > -reach) & (line < width - 1 + reach)
    place, line, amplitude = place[near], line[near], scatterers.amplitude[near]

    nearest_row, first_line = place.round(), line.floor()
    row_weights = _spline_weights(place - nearest_row)  # (N, 3)
    offsets = torch.arange(1 - reach, reach + 1, device=line.device)
    distance = (first_line - line)[:, None] + offsets
    sigma = imaging.beam_sigma_m(scatterers.depth_m[near], geometry)[:, None] / geometry.pitch_m
    line_weights = amplitude[:, None] * torch.exp(-0.5 * (distance / sigma) ** 2)  # (N, M)

    first = ((first_line.long() + 2 * reach) * fine_rows + nearest_row.long() - 1)[:, None]
    index = first + offsets * fine_rows
    padded = torch.zeros((width + 4 * reach) * fine_rows, device=line.device)
    for tap in range(3):
        padded.scatter_add_(0, (index + tap).reshape(-1), (line_weights * row_weights[:, tap : tap + 1]).reshape(-1))
    return padded.reshape(-1, fine_rows)[2 * reach : 2 * reach + width]


def _spline_weights(offset: Tensor) -> Tensor:
    """Quadratic B-spline weights of the three nearest nodes for an offset in -0.5..0.5 of the middle one, (N, 3)."""
    return torch.stack([0.5 * (0.5 - offset) ** 2, 0.75 - offset**2, 0.5 * (0.5 + offset) ** 2], dim=1)


def _apply_pulse(deposited: Tensor, zones: int, margin: int, geometry: Geometry, imaging: Imaging) -> Tensor:
    """Convolve the deposit (W, 2 rows) with each zone's pulse and keep every second sample, (W, rows).

    Zones overlap by half and are cross-faded linearly. Each is transformed alone, so the cost hardly grows with
    their number.
    """
    width, fine_rows = deposited.shape
    rows = fine_rows // _FINER
    hop = -(-rows // zones)
    length = 2 * hop if zones > 1 else rows
    samples_in_fft = _fast_length(length + 2 * margin)
    result = torch.zeros(width, rows + samples_in_fft + 2 * hop, device=deposited.device)
    for zone in range(-1 if zones > 1 else 0, zones):
        start, stop = max(zone * hop, 0), min(zone * hop + length, rows)
        if stop <= start:
            continue
        segment = deposited[:, start * _FINER : stop * _FINER]
        if zones > 1:
            segment = segment * _hat(zone * hop, length, start, stop, segment.device)
        depth_m = geometry.start_depth_m + max(0.0, (zone + 1) * hop - margin) * geometry.axial_spacing_m
        spectrum = _pulse_spectrum(samples_in_fft, depth_m if zones > 1 else 0.0, margin, geometry, imaging)
        transformed = torch.fft.rfft(segment, n=samples_in_fft * _FINER)[:, : samples_in_fft // 2 + 1]
        result[:, start : start + samples_in_fft] += torch.fft.irfft(
            transformed * spectrum.to(transformed.device), n=samples_in_fft
        )
    return result[:, margin : margin + rows]


def _hat(first: int, length: int, start: int, stop: int, device: torch.device) -> Tensor:
    place = torch.arange(start * _FINER, stop * _FINER, device=device) / _FINER - first
    half = length / 2
    return 1 - (place - half).abs() / half


@lru_cache(maxsize=64)
def _pulse_spectrum(samples: int, depth_m: float, delay: int, geometry: Geometry, imaging: Imaging) -> Tensor:
    """Spectrum of the pulse at a depth over the spline's, delayed by `delay` samples, (samples / 2 + 1,) complex."""
    frequency_hz = torch.fft.rfftfreq(samples, 1 / geometry.sampling_hz, dtype=torch.float64)
    sigma_hz = imaging.spectral_sigma_hz(geometry)
    neper_s_m = 2 * imaging.attenuation_db_cm_mhz * _NEPER_PER_DB * 1e2 * 1e-6
    center_hz = max(geometry.center_hz - neper_s_m * max(depth_m, 0.0) * sigma_hz**2, 0.4 * geometry.center_hz)
    magnitude = torch.exp(-0.5 * ((frequency_hz - center_hz) / sigma_hz) ** 2)
    spline = torch.special.sinc(frequency_hz / (geometry.sampling_hz * _FINER)) ** 3
    phase = math.radians(imaging.phase_deg) - 2 * math.pi * frequency_hz * delay / geometry.sampling_hz
    magnitude[frequency_hz > 0.98 * geometry.sampling_hz / 2] = 0
    return torch.polar(magnitude / spline, phase).to(torch.complex64)


def _fast_length(least: int) -> int:
    """Smallest even length not below `least` without a prime factor above 5."""
    length = least + least % 2
    while True:
        rest = length
        for prime in (2, 3, 5):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return length
        length += 2
