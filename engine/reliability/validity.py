"""Which pixels of an estimate the data decide: echoes that match better than frames with nothing in common would.

Smoothness alone gives every estimator a motion everywhere. What tells it from a measured one is the correlation of the
reference and the compensated frame, which must lie above what chance reaches. Over n independent samples, the `score`
artanh(rho) sqrt(n) of unrelated frames has mean 0 and deviation 1 whatever the bandwidth and the window. An estimator
that is free to maximise the correlation lifts it by artanh(chance) sqrt(n), which is taken off. The samples of a window
are not independent: with P_a and P_b the power spectra of the two frames, N samples count as
N mean(P_a) mean(P_b) / mean(P_a P_b) (Bartlett's variance of a sample correlation, by Parseval's theorem). Before, both
frames are divided by their local magnitude, so that one bright reflector does not stand for a whole window.
"""

import math
from typing import TYPE_CHECKING

from engine.quality import Compensated, windowed_correlation
from engine.types import Geometry

if TYPE_CHECKING:
    from torch import Tensor

WIDE_M = (5.0e-3, 4.0e-3)
"""Axial and lateral size of the window that tells a little correlation from none: at 5 MHz 150 independent samples."""

NEAR_M = (2.5e-3, 2.0e-3)
"""Size of the window that must correlate itself, or what surrounds a small patch would vouch for it."""

CELL_M = (0.5e-3, 0.5e-3)
"""Neighbourhood that must hold an echo itself, and over which magnitudes are evened out."""

WEAKEST_ECHO = 1e-7
"""Power relative to the frame's mean below which there is no echo: 70 dB."""

LEAST_WIDE, LEAST_NEAR = 4.0, 2.0
"""Least scores of the two windows; unrelated frames of training seeds reach both in 0 to 6 pixels of 1000."""

LEAST_SHARE = 0.1
"""Share of the echoes that must match: fewer valid pixels in a whole frame are what chance leaves."""


def valid_pixels(frames: Compensated, chance: float = 0.0) -> "Tensor":
    """Say of each pixel (B, H, W) whether data decide its motion.

    `chance` is the correlation that the estimator gives frames with nothing in common (`Estimator.chance_correlation`).
    Specks smaller than the near window are chance, and so are holes half as large in what is valid around them; a
    frame of which next to nothing matches has no valid pixel.
    """
    from engine.numerics.components import without_specks

    near, wide, echo = match_scores(frames, chance)
    matched = (wide > LEAST_WIDE) & echo
    rows, lines = window_size(frames.geometry, NEAR_M)
    smallest = min(rows * lines, echo[0].numel() // 2)
    valid = without_specks(matched & (near > LEAST_NEAR), smallest)
    valid = ~without_specks(~valid, smallest // 2) & matched
    enough = valid.sum(dim=(-2, -1)) >= LEAST_SHARE * echo.sum(dim=(-2, -1)).clamp_min(1)
    return valid & enough[:, None, None]


def match_scores(frames: Compensated, chance: float = 0.0) -> "tuple[Tensor, Tensor, Tensor]":
    """Correlation of the near and the wide window in standard deviations of chance, (B, H, W), and where it can be.

    That is where both frames hold an echo and the motion is known; elsewhere the scores are 0.
    """
    import torch

    from engine.numerics.host import in_bands
    from engine.numerics.running_sum import box_sums, inside_window

    cell = window_size(frames.geometry, CELL_M)

    def far_from(empty: "Tensor") -> "Tensor":
        return box_sums([empty], *cell)[0].eq_(0)

    usable, evened = frames.known, []
    for frame in (frames.reference, frames.deformed):
        power = _local_power(frame, cell)
        least = WEAKEST_ECHO * power.mean(dim=(-2, -1), keepdim=True)
        evened.append(frame * torch.rsqrt(power + least + torch.finfo(power.dtype).tiny))
        # Not within half a cell of emptiness: the mean over a cell has moved the border that far into it.
        usable = usable * in_bands(far_from, power.le_(least), reach=cell[0] // 2)
    a, b = (frame * usable for frame in evened)
    share = independent_share(a, b)[:, None, None]

    def score(size_m: tuple[float, float]) -> "Tensor":
        rows, lines = window_size(frames.geometry, size_m)
        whole = share * (rows * lines)  # a window at the edge counts as if all of it were like what lies inside

        def above_chance(rho: "Tensor", count: "Tensor", inside: "Tensor", usable: "Tensor") -> "Tensor":
            above = rho.clamp(-0.9999, 0.9999).atanh_().sub_(math.atanh(chance))
            return (count / inside).mul_(whole).sqrt_().mul_(above).mul_(usable)

        inside = inside_window(*a.shape[-2:], rows, lines, a.dtype, a.device)
        return in_bands(above_chance, *windowed_correlation(a, b, usable, rows, lines), inside, usable)

    return score(NEAR_M), score(WIDE_M), usable > 0


def independent_share(a: "Tensor", b: "Tensor") -> "Tensor":
    """Independent samples of a correlation for each sample of frames (..., H, W); 0 where one is empty.

    >>> import torch
    >>> white = torch.randn(2, 200, 50, generator=torch.Generator().manual_seed(0))
    >>> round(float(independent_share(*white)), 1)
    1.0
    """
    import torch

    mean = a.square().sum(dim=(-2, -1)) * b.square().sum(dim=(-2, -1))  # of the two spectra, by Parseval's theorem
    product = torch.view_as_real(torch.fft.rfft2(a) * torch.fft.rfft2(b)).square_().sum(dim=(-3, -1))
    alone = product[..., 0] + (product[..., -1] if a.shape[-1] % 2 == 0 else 0)  # the others stand for two frequencies
    together = (2 * product.sum(dim=-1) - alone) / (a.shape[-2] * a.shape[-1])
    return torch.where(together > 0, mean / together, 0.0)


def window_size(geometry: Geometry, size_m: tuple[float, float]) -> tuple[int, int]:
    """Odd numbers of samples and lines nearest to a size in metres, at least 3 and 1."""
    lines = 2 * round((size_m[1] / geometry.pitch_m - 1) / 2) + 1
    return geometry.window_samples(size_m[0], smallest=3), max(lines, 1)


def _local_power(frame: "Tensor", cell: tuple[int, int]) -> "Tensor":
    """Mean square over a cell of the change from sample to sample, which is exactly 0 where a frame is constant.

    Of the changes on either side of a sample the smaller counts, so that emptiness begins where it begins.
    """
    import torch

    from engine.numerics.running_sum import box_mean

    change = torch.diff(frame, dim=-2).square_()
    inner = torch.minimum(change[..., :-1, :], change[..., 1:, :])
    return box_mean(torch.cat([change[..., :1, :], inner, change[..., -1:, :]], dim=-2), *cell)
