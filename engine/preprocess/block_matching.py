"""Correlation surfaces of large blocks: how well each patch of the reference fits at each lag of the deformed frame.

Works on envelopes of the demodulated, decimated RF, whose speckle survives strains, noise and jitter at which the
carrier is lost. All patches are correlated at once by FFT; the coefficient is normalised for each lag.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from engine.types import Geometry

_BLOCK_AXIAL_M = 4.0e-3
_BLOCK_LATERAL_M = 4.0e-3
_SPACING_AXIAL_M = 2.0e-3
_SPACING_LATERAL_M = 4.0e-3


@dataclass(frozen=True)
class Surfaces:
    """Correlation `rho` (P, axial lags, lateral lags) of P patches; lag 0 is in the middle of both axes.

    `rows` and `lines` (P,) are the patches' centres on the RF grid; one axial lag is `decimation` samples.
    """

    rho: Tensor
    rows: Tensor
    lines: Tensor
    decimation: int

    @property
    def axial_reach(self) -> int:
        """Largest axial lag, in decimated samples."""
        return self.rho.shape[1] // 2

    @property
    def lateral_reach(self) -> int:
        """Largest lateral lag, in lines."""
        return self.rho.shape[2] // 2


def match_blocks(
    reference: Tensor, deformed: Tensor, geometry: Geometry, axial_reach: int, lateral_reach: int
) -> Surfaces:
    """Correlate blocks of about 4 mm by 4 mm over lags up to the reaches (samples, lines); frames are (H, W)."""
    decimation = max(1, int(geometry.sampling_hz / (2 * geometry.center_hz)))
    first = demodulated_envelope(reference, geometry, decimation)
    second = demodulated_envelope(deformed, geometry, decimation)
    height, width = first.shape
    spacing = geometry.axial_spacing_m * decimation
    block = (
        min(round(_BLOCK_AXIAL_M / spacing), height),
        min(max(round(_BLOCK_LATERAL_M / geometry.pitch_m), 3), width),
    )
    tops = _starts(height, block[0], _SPACING_AXIAL_M / spacing)
    lefts = _starts(width, block[1], _SPACING_LATERAL_M / geometry.pitch_m)
    reach = (-(-axial_reach // decimation), lateral_reach)
    patches = _cut(first, block, tops, lefts)
    padded = functional.pad(second, (reach[1], reach[1], reach[0], reach[0]))
    span = (block[0] + 2 * reach[0], block[1] + 2 * reach[1])
    regions = _cut(padded, span, tops, lefts)
    rows = (torch.as_tensor(tops) + (block[0] - 1) / 2) * decimation
    lines = torch.as_tensor(lefts) + (block[1] - 1) / 2
    centres = torch.cartesian_prod(rows.float(), lines.float()).to(first.device)
    return Surfaces(normalised_surfaces(patches, regions), centres[:, 0], centres[:, 1], decimation)


def normalised_surfaces(patches: Tensor, regions: Tensor) -> Tensor:
    """Correlation coefficient of each patch (P, h, w) at all places inside its region (P, h + 2 r, w + 2 s)."""
    size = regions.shape[-2:]
    lags = (size[0] - patches.shape[1] + 1, size[1] - patches.shape[2] + 1)
    count = patches.shape[1] * patches.shape[2]
    centred = patches - patches.mean(dim=(1, 2), keepdim=True)
    regions = regions - regions.mean(dim=(1, 2), keepdim=True)
    ones = torch.fft.rfft2(torch.ones_like(patches[:1]), s=size).conj()

    def sums(spectrum: Tensor) -> Tensor:
        inverse: Tensor = torch.fft.irfft2(spectrum, s=size)
        return inverse[:, : lags[0], : lags[1]]

    spectrum = torch.fft.rfft2(regions)
    product = sums(spectrum * torch.fft.rfft2(centred, s=size).conj())
    total = sums(spectrum * ones)
    square = sums(torch.fft.rfft2(regions.square()) * ones)
    energy = centred.square().sum(dim=(1, 2), keepdim=True)
    variance = (square - total.square() / count).clamp_min(0)
    floor = 1e-3 * regions.square().mean(dim=(1, 2), keepdim=True) * count
    usable = (energy > 0) & (variance > floor)
    scale = torch.sqrt(torch.where(usable, energy * variance, torch.ones_like(variance)))
    return torch.where(usable, product / scale, torch.zeros_like(product)).clamp(-1, 1)


def demodulated_envelope(frame: Tensor, geometry: Geometry, decimation: int) -> Tensor:
    """Square root of the envelope in the band fs / decimation around the centre frequency, (ceil(H / decimation), W).

    The square root keeps single bright reflectors from outvoting the speckle.
    """
    height = frame.shape[0]
    kept = -(-height // decimation)
    length = kept * decimation
    spectrum = torch.fft.rfft(frame, n=length, dim=0)
    bins = torch.arange(kept, device=frame.device) - kept // 2
    frequency = bins * (geometry.sampling_hz / length)
    gain = torch.exp(-0.5 * (frequency / (0.35 * geometry.center_hz)).square())
    index = (bins + round(geometry.center_hz / geometry.sampling_hz * length)).clamp(0, spectrum.shape[0] - 1)
    band = spectrum[index] * gain[:, None]
    return torch.sqrt(torch.fft.ifft(band, dim=0).abs() / decimation)


def _cut(frame: Tensor, size: tuple[int, int], tops: list[int], lefts: list[int]) -> Tensor:
    """Copy the blocks that start at every combination of `tops` and `lefts`, (P, height, width)."""
    return torch.stack([frame[top : top + size[0], left : left + size[1]] for top in tops for left in lefts])


def _starts(size: int, block: int, spacing: float) -> list[int]:
    """First indices of evenly spread blocks, about `spacing` apart."""
    count = max(1, round((size - block) / spacing) + 1)
    if count == 1:
        return [(size - block) // 2]
    return [round(index * (size - block) / (count - 1)) for index in range(count)]
