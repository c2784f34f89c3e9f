"""Correlation surfaces of large blocks: how well each patch of the reference fits at each lag of the deformed frame.

Works on envelopes of the demodulated, decimated RF, whose speckle survives strains, noise and jitter at which the
carrier is lost. All patches are correlated at once by FFT; the coefficient is normalised for each lag.
"""

from dataclasses import dataclass

import torch
from scipy.fft import next_fast_len
from torch import Tensor
from torch.nn import functional

from engine.numerics.correlation import parabolic_peak
from engine.numerics.running_sum import consecutive_sum
from engine.types import Geometry

_BLOCK_AXIAL_M = 4.0e-3
_BLOCK_LATERAL_M = 4.0e-3
_SPACING_AXIAL_M = 2.0e-3
_SPACING_LATERAL_M = 4.0e-3


@dataclass(frozen=True)
class Surfaces:
    """Correlation `rho` (B, P, axial lags, lateral lags) of P patches; lag 0 is in the middle of both axes.

    `rows` and `lines` (P) are the patches' centres on the RF grid; one axial lag is `decimation` samples.
    """

    rho: Tensor
    rows: tuple[float, ...]
    lines: tuple[float, ...]
    decimation: int

    def at(self, rows: Tensor, columns: Tensor) -> Tensor:
        """Correlation of each patch at lags (B, P, ...), counted from the first."""
        place = rows * self.rho.shape[3] + columns
        return self.rho.flatten(2).gather(2, place.flatten(2) if place.ndim > 2 else place[..., None]).view(place.shape)

    def peaks(self, row: Tensor, column: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Peak near lags (B, P): axial (decimated samples), lateral (lines), and rho squared as its weight; float64."""
        peak = self.at(row, column)
        axial = row - self.axial_reach + parabolic_peak(self.at(row - 1, column), peak, self.at(row + 1, column))
        lateral = column - self.lateral_reach + parabolic_peak(self.at(row, column - 1), peak, self.at(row, column + 1))
        return axial.double(), lateral.double(), peak.clamp_min(0).square().double()

    @property
    def axial_reach(self) -> int:
        """Largest axial lag, in decimated samples."""
        return self.rho.shape[-2] // 2

    @property
    def lateral_reach(self) -> int:
        """Largest lateral lag, in lines."""
        return self.rho.shape[-1] // 2


def match_blocks(
    reference: Tensor, deformed: Tensor, geometry: Geometry, axial_reach: int, lateral_reach: int
) -> Surfaces:
    """Correlate blocks of about 4 mm by 4 mm over lags up to the reaches (samples, lines); frames are (B, H, W)."""
    decimation = max(1, int(geometry.sampling_hz / (2 * geometry.center_hz)))
    first = demodulated_envelope(reference, geometry, decimation)
    second = demodulated_envelope(deformed, geometry, decimation)
    height, width = first.shape[-2:]
    spacing = geometry.axial_spacing_m * decimation
    block = (
        min(round(_BLOCK_AXIAL_M / spacing), height),
        min(max(round(_BLOCK_LATERAL_M / geometry.pitch_m), 3), width),
    )
    tops = _starts(height, block[0], _SPACING_AXIAL_M / spacing)
    lefts = _starts(width, block[1], _SPACING_LATERAL_M / geometry.pitch_m)
    reach = (-(-axial_reach // decimation), lateral_reach)
    padded = functional.pad(second, (reach[1], reach[1], reach[0], reach[0]))
    span = (block[0] + 2 * reach[0], block[1] + 2 * reach[1])
    moments = torch.cat([padded, padded.square()])
    sums = consecutive_sum(consecutive_sum(moments, block[0], -2), block[1], -1)
    found = normalised_surfaces(
        _cut(first, block, tops, lefts),
        _cut(padded, span, tops, lefts),
        *_cut(sums, (2 * reach[0] + 1, 2 * reach[1] + 1), tops, lefts).chunk(2),
    )
    rows = [(top + (block[0] - 1) / 2) * decimation for top in tops for _ in lefts]
    lines = [left + (block[1] - 1) / 2 for _ in tops for left in lefts]
    return Surfaces(found, tuple(rows), tuple(lines), decimation)


def normalised_surfaces(patches: Tensor, regions: Tensor, total: Tensor, square: Tensor) -> Tensor:
    """Correlation of patches (..., P, h, w) at all places inside their regions (..., P, h + 2 r, w + 2 s).

    `total` and `square` are the sums of the region, and of its square, under the patch at each place.
    """
    size, lags = [next_fast_len(length, real=True) for length in regions.shape[-2:]], total.shape[-2:]
    count = patches[0, 0].numel()
    centred = patches - patches.mean(dim=(-2, -1), keepdim=True)
    spectrum = torch.fft.rfft2(regions, s=size) * torch.fft.rfft2(centred.flip(-2, -1), s=size)
    first = [length - 1 for length in patches.shape[-2:]]  # a product of spectra turns one of the two around
    product = torch.fft.irfft2(spectrum, s=size)[..., first[0] : first[0] + lags[0], first[1] : first[1] + lags[1]]
    energy = centred.square().sum(dim=(-2, -1), keepdim=True)
    variance = (square - total.square() / count).clamp_min(0)
    mean, power = (entry.mean(dim=(-2, -1), keepdim=True) for entry in (regions, regions.square()))
    floor = 1e-3 * (power - mean.square()) * count
    usable = (energy > 0) & (variance > floor)
    scale = torch.sqrt(torch.where(usable, energy * variance, 1.0))
    return torch.where(usable, product / scale, 0.0).clamp(-1, 1)


def demodulated_envelope(frame: Tensor, geometry: Geometry, decimation: int) -> Tensor:
    """Square root of the envelope in the band fs / decimation about the centre frequency, (..., H / decimation, W).

    The square root keeps single bright reflectors from outvoting the speckle.
    """
    height = frame.shape[-2]
    kept = -(-height // decimation)
    length = kept * decimation
    spectrum = torch.fft.rfft(frame, n=length, dim=-2)
    bins = torch.arange(kept, device=frame.device) - kept // 2
    frequency = bins * (geometry.sampling_hz / length)
    gain = torch.exp(-0.5 * (frequency / (0.35 * geometry.center_hz)).square())
    index = (bins + round(geometry.center_hz / geometry.sampling_hz * length)).clamp(0, spectrum.shape[-2] - 1)
    band = spectrum.index_select(-2, index) * gain[:, None]
    return torch.sqrt(torch.fft.ifft(band, dim=-2).abs() / decimation)


def _cut(frame: Tensor, size: tuple[int, int], tops: list[int], lefts: list[int]) -> Tensor:
    """Copy the blocks that start at every combination of `tops` and `lefts`, (B, H, W) to (B, P, height, width)."""
    height, width = size
    strips = [frame[:, top : top + height] for top in tops]
    return torch.stack([strip[..., left : left + width] for strip in strips for left in lefts], dim=1)


def _starts(size: int, block: int, spacing: float) -> list[int]:
    """First indices of evenly spread blocks, about `spacing` apart."""
    count = max(1, round((size - block) / spacing) + 1)
    if count == 1:
        return [(size - block) // 2]
    return [round(index * (size - block) / (count - 1)) for index in range(count)]
