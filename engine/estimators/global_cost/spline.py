"""Cubic B-spline interpolation of an RF frame at displaced points, with the analytic gradient of the interpolant.

A cubic spline errs by 0.04 % of the amplitude at 5 MHz sampled with 40 MHz (0.3 % at the upper edge of a 60 % band),
and its derivative belongs to the very function that is matched, so a Gauss-Newton iteration ends where the squared
difference is least. Unser, Aldroubi & Eden (1993), IEEE Trans. Signal Process. 41:821.
"""

import math
from typing import NamedTuple, Self

import torch
from torch import Tensor
from torch.nn import functional

_POLE = math.sqrt(3.0) - 2.0
_RADIUS = 14  # the pole to this power is 1e-8


class Samples(NamedTuple):
    """Values and gradients of the spline at points, all of the points' shape; `inside` is False beyond the frame."""

    value: Tensor
    axial_gradient: Tensor
    lateral_gradient: Tensor
    inside: Tensor


class SplineFrame:
    """One frame (H, W) as a cubic B-spline, mirrored at its borders.

    >>> frame = SplineFrame.of(torch.arange(200.0).reshape(40, 5))
    >>> sample = frame.at(torch.tensor([20.5]), torch.tensor([2.0]))
    >>> round(float(sample.value), 3), round(float(sample.axial_gradient), 3)
    (104.5, 5.0)
    """

    def __init__(self, coefficients: Tensor) -> None:
        self.height, self.width = coefficients.shape
        rows, columns = (
            _mirror(torch.arange(-1, size + 2, device=coefficients.device), size) for size in coefficients.shape
        )
        self._mirrored = coefficients[rows][:, columns].flatten()

    @classmethod
    def of(cls, frame: Tensor) -> Self:
        """Find the spline that passes through every sample of `frame` (H, W)."""
        return cls(_prefilter(_prefilter(frame).T.contiguous()).T.contiguous())

    def at(self, row: Tensor, column: Tensor) -> Samples:
        """Sample at fractional rows and columns of one shape; points outside are moved to the nearest border."""
        inside = (row >= 0) & (row <= self.height - 1) & (column >= 0) & (column <= self.width - 1)
        row, column = row.clamp(0, self.height - 1), column.clamp(0, self.width - 1)
        top, left = row.detach().floor(), column.detach().floor()
        row_weights, row_slopes = _weights(row - top)
        column_weights, column_slopes = _weights(column - left)
        stride = self.width + 3
        place = (top.int() * stride + left.int()).long().flatten()
        value, axial, lateral = (torch.zeros_like(row) for _ in range(3))
        for r in range(4):
            across, slope = torch.zeros_like(row), torch.zeros_like(row)
            for c in range(4):
                # The mirrored frame seen from the tap's own corner: one index serves all taps.
                tap = self._mirrored[r * stride + c :].index_select(0, place).view(row.shape)
                across.addcmul_(tap, column_weights[c])
                slope.addcmul_(tap, column_slopes[c])
            value.addcmul_(across, row_weights[r])
            axial.addcmul_(across, row_slopes[r])
            lateral.addcmul_(slope, row_weights[r])
        return Samples(value, axial, lateral, inside)


def _prefilter(lines: Tensor) -> Tensor:
    """Filter along the first axis with the inverse of the sampled B-spline (1/6, 4/6, 1/6)."""
    size = lines.shape[0]
    steps = torch.arange(-_RADIUS, _RADIUS + 1, device=lines.device)
    kernel = (math.sqrt(3.0) * torch.pow(torch.full_like(steps, _POLE, dtype=torch.float64), steps.abs())).to(lines)
    period = max(2 * (size - 1), 1)
    places = torch.arange(-_RADIUS, size + _RADIUS, device=lines.device) % period
    padded = lines[torch.minimum(places, period - places)].T[:, None]  # mirrored as often as a short line needs
    return functional.conv1d(padded, kernel[None, None])[:, 0].T


def _weights(t: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """Weights of the four neighbouring coefficients at fraction t in [0, 1), and their derivatives."""
    u = 1 - t
    t_square, u_square = t * t, u * u
    outer = [u_square * u / 6, t_square * t / 6]
    values = [outer[0], 2 / 3 - t_square + 3 * outer[1], 2 / 3 - u_square + 3 * outer[0], outer[1]]
    slopes = [u_square / -2, t_square * 1.5 - 2 * t, 2 * u - u_square * 1.5, t_square / 2]
    return values, slopes


def _mirror(index: Tensor, size: int) -> Tensor:
    """Fold an index from -1 to size + 1 back; where one fold is not enough, its weight is zero or the line constant."""
    return ((size - 1) - ((size - 1) - index.abs()).abs()).clamp_min(0)
