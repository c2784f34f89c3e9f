"""Motion compensation: sample a deformed frame, or a displacement field, at displaced points.

All images are `(B, C, H, W)`; a motion field is `(B, 2, H, W)` with channel 0 the lateral displacement in lines and
channel 1 the axial displacement in samples. RF is interpolated axially with a band-limited x4 up-sampling
(windowed sinc; every fourth sample is the input exactly) followed by linear interpolation at the finer step, which
errs below 0.5 % at 5 MHz sampled with 40 MHz, where bilinear interpolation errs by 7.6 %. Integer and fractional
parts are kept apart, so zero motion returns the input bit for bit.
"""

from functools import lru_cache
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

Interpolation = Literal["band-limited", "bilinear", "paper"]

UPSAMPLING = 4
_TAPS = 16
_KAISER_BETA = 6.0
_BLOCK_ROWS = 16


def warp(image: Tensor, motion: Tensor, interpolation: Interpolation = "band-limited") -> Tensor:
    """Sample `image` at `x + motion(x)`; points outside take the value of the nearest border pixel.

    `band-limited` is the default described above; `bilinear` suits smooth maps such as strain or displacement;
    `paper` is the MUSSE-Net paper's scheme (Joarder et al. 2025, section 3.2): bilinear x4 up-sampling of image and
    field in both directions, warp, bilinear down-sampling. It is not the identity at zero motion.

    Parameters
    ----------
    image
        Maps (B, C, H, W).
    motion
        Field (B, 2, H, W): lateral in lines, axial in samples.
    interpolation
        As above.

    Returns
    -------
    Tensor
        Maps (B, C, H, W).

    >>> ramp = torch.arange(32.0).reshape(1, 1, 32, 1).expand(1, 1, 32, 8)
    >>> motion = torch.tensor([0.0, 2.0]).reshape(1, 2, 1, 1).expand(1, 2, 32, 8)
    >>> float(warp(ramp, motion, "bilinear")[0, 0, 10, 4])
    12.0
    """
    if interpolation == "paper":
        return _warp_as_in_the_paper(image, motion)
    if interpolation == "bilinear":
        return _sample(image, motion, 1)
    return _sample(upsample_axially(image), motion, UPSAMPLING)


def compose(residual: Tensor, previous: Tensor) -> Tensor:
    """Total motion of `residual` found on a frame already compensated by `previous`, both `(B, 2, H, W)`.

    total(x) = residual(x) + previous(x + residual(x)).

    Parameters
    ----------
    residual, previous
        Motion (B, 2, H, W) in lines and samples.

    Returns
    -------
    Tensor
        Motion (B, 2, H, W).

    >>> shift = torch.ones(1, 2, 16, 8)
    >>> float(compose(shift, shift)[0, 1, 8, 4])
    2.0
    """
    return residual + warp(previous, residual, "bilinear")


def inside(motion: Tensor, margin: float = 0.0) -> Tensor:
    """Points that motion maps into the frame, or at most `margin` samples or lines out of it, `(B, 1, H, W)` bool.

    NaN maps nowhere.
    """
    height, width = motion.shape[-2:]
    rows, columns = _grid(motion)
    row, column = rows + motion[:, 1:2], columns + motion[:, 0:1]
    within_rows = row == row.clamp(-margin, height - 1 + margin)
    return within_rows & (column == column.clamp(-margin, width - 1 + margin))


def upsample_axially(image: Tensor) -> Tensor:
    """Band-limited x4 up-sampling along depth, (B, C, H, W) to (B, C, 4 H, W); row 4 i of the output is row i.

    Blocks of rows are multiplied with one small matrix, whose products come out in their places.
    """
    height = image.shape[-2]
    missing = -height % _BLOCK_ROWS
    margins = (0, 0, _TAPS // 2 - 1, _TAPS // 2 + missing)
    blocks = functional.pad(image, margins, "replicate").unfold(-2, _BLOCK_ROWS + _TAPS - 1, _BLOCK_ROWS)
    fine = torch.matmul(_polyphase_matrix(image.dtype, image.device), blocks.transpose(-1, -2))
    return fine.flatten(-3, -2)[..., : UPSAMPLING * height, :]


@lru_cache(maxsize=8)
def _polyphase_matrix(dtype: torch.dtype, device: torch.device) -> Tensor:
    """All phases of each row of a block from its rows and their neighbours, (4 rows, rows + taps - 1).

    Phases sum to one at zero frequency; the first is the row itself.
    """
    taps = torch.arange(-(_TAPS // 2) + 1, _TAPS // 2 + 1, dtype=torch.float64)
    matrix = torch.zeros(_BLOCK_ROWS, UPSAMPLING, _BLOCK_ROWS + _TAPS - 1, dtype=torch.float64)
    for step in range(UPSAMPLING):
        position = taps - step / UPSAMPLING
        ratio = (2 * position / _TAPS).clamp(-1, 1)
        window = torch.special.i0(_KAISER_BETA * torch.sqrt(1 - ratio**2)) / torch.special.i0(
            torch.tensor(_KAISER_BETA, dtype=torch.float64)
        )
        weights = torch.special.sinc(position) * window if step else (taps == 0).double()
        for row in range(_BLOCK_ROWS):
            matrix[row, step, row : row + _TAPS] = weights / weights.sum()
    return matrix.flatten(0, 1).to(dtype=dtype, device=device)


def _sample(image: Tensor, motion: Tensor, axial_scale: int) -> Tensor:
    """Bilinear sampling of an image whose rows are `axial_scale` times finer than the field's.

    Past the last row of the field's own, and around the frame, the border is repeated once: one index serves all taps.
    """
    fine_rows, width = image.shape[-2:]
    height, stride = fine_rows - axial_scale + 1, width + 2
    padded = functional.pad(image[..., :height, :], (1, 1, 1, 1), "replicate").flatten(2)
    axial, lateral = motion[:, 1:2] * axial_scale, motion[:, 0:1]
    rows, columns = _grid(motion)
    axial_floor, lateral_floor = torch.floor(axial.detach()), torch.floor(lateral.detach())
    top = axial_floor.int().add_(rows * axial_scale).clamp_(-1, height - 1)
    left = lateral_floor.int().add_(columns).clamp_(-1, width - 1)
    frames = torch.arange(0, padded.numel(), padded[0].numel(), dtype=torch.int32, device=padded.device)
    place = top.add_(1).mul_(stride).add_(left).add_(1).add_(frames[:, None, None, None]).flatten()
    down, right = axial - axial_floor, lateral - lateral_floor
    table = padded.flatten()

    def tap(offset: int) -> Tensor:
        return table[offset:].index_select(0, place).view(right.shape)

    found = []
    for first in range(0, padded[0].numel(), padded.shape[2]):  # of each channel
        above = torch.lerp(tap(first), tap(first + 1), right)
        found.append(torch.lerp(above, torch.lerp(tap(first + stride), tap(first + stride + 1), right), down))
    return torch.cat(found, dim=1)


def _grid(motion: Tensor) -> tuple[Tensor, Tensor]:
    height, width = motion.shape[-2:]
    rows = torch.arange(height, device=motion.device, dtype=torch.int32)[None, None, :, None]
    columns = torch.arange(width, device=motion.device, dtype=torch.int32)[None, None, None, :]
    return rows, columns


def _warp_as_in_the_paper(image: Tensor, motion: Tensor) -> Tensor:
    size = image.shape[-2:]
    fine = functional.interpolate(image, scale_factor=UPSAMPLING, mode="bilinear", align_corners=False)
    fine_motion = functional.interpolate(motion, scale_factor=UPSAMPLING, mode="bilinear", align_corners=False)
    warped = _sample(fine, fine_motion * UPSAMPLING, 1)
    return functional.interpolate(warped, size=size, mode="bilinear", align_corners=False)


def motion_from_numpy(axial_samples: object, lateral_lines: object, device: torch.device) -> Tensor:
    """Stack two maps (H, W) into a motion field (1, 2, H, W) float32; NaN becomes zero motion."""
    stacked = torch.stack([torch.as_tensor(lateral_lines), torch.as_tensor(axial_samples)])
    return torch.nan_to_num(stacked.to(device=device, dtype=torch.float32), nan=0.0)[None]
