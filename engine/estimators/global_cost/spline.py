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
        self._coefficients = coefficients
        self.height, self.width = coefficients.shape

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
        rows = [_mirror(top.long() + step, self.height) * self.width for step in range(-1, 3)]
        columns = [_mirror(left.long() + step, self.width) for step in range(-1, 3)]
        flat = self._coefficients.reshape(-1)
        value, axial, lateral = (torch.zeros_like(row) for _ in range(3))
        for r, offset in enumerate(rows):
            taps = [flat[offset + c] for c in columns]
            across = sum(
                (t * w for t, w in zip(taps[1:], column_weights[1:], strict=True)), taps[0] * column_weights[0]
            )
            slope = sum((t * w for t, w in zip(taps[1:], column_slopes[1:], strict=True)), taps[0] * column_slopes[0])
            value = value + across * row_weights[r]
            axial = axial + across * row_slopes[r]
            lateral = lateral + slope * row_weights[r]
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
    values = [u**3 / 6, 2 / 3 - t * t * (2 - t) / 2, 2 / 3 - u * u * (2 - u) / 2, t**3 / 6]
    slopes = [-u * u / 2, t * (3 * t - 4) / 2, -u * (3 * u - 4) / 2, t * t / 2]
    return values, slopes


def _mirror(index: Tensor, size: int) -> Tensor:
    """Fold an index from -1 to size + 1 back; where one fold is not enough, its weight is zero or the line constant."""
    return ((size - 1) - ((size - 1) - index.abs()).abs()).clamp_min(0)
