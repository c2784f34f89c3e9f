"""A symmetric operator on fields whose knots are coupled with a few neighbours: multiplied in as few passes as it can.

Knots are numbered line by line of memory, so that a neighbour is a fixed distance away and a pass runs over all of
them at once. Each coupling is kept at the earlier of its two knots; what would lie outside the field is zero.
"""

from dataclasses import dataclass, field
from typing import Self

import torch
from torch import Tensor

Offset = tuple[int, int]
"""Rows and lines from a knot to another one, which comes later in memory."""


@dataclass(frozen=True)
class Stencil:
    """Couplings within a channel, (..., 2, K * W) by distance, and those between the channels, (..., 1, K * W)."""

    shape: tuple[int, int]
    within: dict[int, Tensor] = field(default_factory=dict)
    between: dict[int, Tensor] = field(default_factory=dict)

    @classmethod
    def of(cls, within: Tensor, between: Tensor) -> Self:
        """Couple each knot with itself: (..., 2, K, W), and with the other channel there, (..., K, W)."""
        shape = (within.shape[-2], within.shape[-1])
        return cls(shape, {0: within.flatten(-2).clone()}, {0: between.flatten(-2)[..., None, :]})

    def couple(self, offset: Offset, weight: Tensor) -> None:
        """Couple the first knots with those at an offset, (..., 2, K - rows, W - lines)."""
        self.add((0, 0), offset, weight, 1.0)

    def couple_channels(self, offset: Offset, weight: Tensor) -> None:
        """Couple the first knots of either channel with those of the other at an offset, (..., K - rows, W)."""
        rows, lines = offset
        assert lines == 0
        padded = torch.nn.functional.pad(weight, (0, 0, 0, rows))
        self.between[rows * self.shape[1]] = padded.flatten(-2)[..., None, :]

    def add(self, first: Offset, offset: Offset, weight: Tensor, factor: float) -> None:
        """Add `factor * weight` (..., 2, h, w) to the coupling of the knots from `first` on with those at an offset."""
        distance = offset[0] * self.shape[1] + offset[1]
        if distance not in self.within:
            self.within[distance] = torch.zeros_like(self.within[0])
        knots = self.within[distance].view(*self.within[distance].shape[:-1], *self.shape)
        rows, lines = weight.shape[-2:]
        knots[..., first[0] : first[0] + rows, first[1] : first[1] + lines].add_(weight, alpha=factor)

    def apply(self, values: Tensor) -> Tensor:
        """Multiply with a field (..., 2, K, W)."""
        flat = values.flatten(-2)
        result = self.within[0] * flat
        for distance, weight in self.within.items():
            if distance:
                _couple(result, weight, flat, distance)
        other = flat.flip(-2)
        for distance, weight in self.between.items():
            if distance:
                _couple(result, weight, other, distance)
            else:
                result.addcmul_(weight, other)
        return result.view(values.shape)


def _couple(result: Tensor, weight: Tensor, values: Tensor, distance: int) -> None:
    weight = weight[..., :-distance]
    result[..., :-distance].addcmul_(weight, values[..., distance:])
    result[..., distance:].addcmul_(weight, values[..., :-distance])
