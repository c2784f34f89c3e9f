"""What GLUE expects of a displacement field: small first differences, or few and sharp changes of strain.

Each prior gives its energy and, at a field, the weighted squared differences that touch the energy from above there
(iteratively re-weighted least squares), so that every accepted solve lowers the energy. Both come from the `sizes` of
what the prior measures, which are found once for a field.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from engine.estimators.global_cost.system import Difference, PriorTerm, QuadraticTerm

Sizes = tuple[Tensor, ...]
"""Squares of what a prior measures, each (..., 2 or 1, h, w)."""


class Prior(Protocol):
    """A smoothness prior of fields (..., 2, K, W)."""

    def sizes(self, field: Tensor) -> Sizes:
        """Return what of a field the prior measures."""
        ...

    def energy(self, sizes: Sizes) -> Tensor:
        """Energy (...) of a field with these sizes."""
        ...

    def terms(self, sizes: Sizes) -> tuple[QuadraticTerm, ...]:
        """Quadratic terms whose half gradient at the field of these sizes is half the energy's gradient there."""
        ...


@dataclass(frozen=True)
class FirstOrderPrior:
    """Weighted squares of first differences, as published: (alpha1, alpha2, beta1, beta2).

    `axial` are the weights of the axial displacement along and across the lines, `lateral` those of the lateral one.
    """

    axial: tuple[float, float]
    lateral: tuple[float, float]

    def sizes(self, field: Tensor) -> Sizes:
        """Return the squares of both differences."""
        return tuple(difference.apply(field) ** 2 for difference in FIRST)

    def energy(self, sizes: Sizes) -> Tensor:
        """Sum of the weighted squares."""
        along, across = (total(term.weight * size) for term, size in zip(self._terms(sizes), sizes, strict=True))
        return along + across

    def terms(self, sizes: Sizes) -> tuple[QuadraticTerm, ...]:
        """Return the same terms at every field: the prior is quadratic."""
        return self._terms(sizes)

    def _terms(self, sizes: Sizes) -> tuple[PriorTerm, ...]:
        weights = zip(self.lateral, self.axial, strict=True)
        return tuple(
            PriorTerm(difference, size.new_tensor(pair)[:, None, None].expand_as(size))
            for difference, pair, size in zip(FIRST, weights, sizes, strict=True)
        )


FIRST = (Difference(1, 0), Difference(0, 1))


@dataclass(frozen=True)
class SecondOrderPrior:
    """Size of the matrix of second derivatives, free for any affine motion, so constant strain costs nothing.

    With h the second derivatives in physical units relative to the scale of strain changes (strain per metre), the
    energy is the sum over knots of `weight / exponent * (|h|^2 + softness^2)^(exponent / 2)`, less its value at h = 0.
    Exponent 2 is the squared second-order form, 1 the L1 form; below 1 a sharp edge costs hardly more than a soft one,
    so that the edge of an inclusion stays and what lies between edges is smoothed the more. `units` are the metres of
    one unit of the two channels over that scale, (..., 2, 1, 1); `spacing_m` those between knots along and across the
    lines.
    """

    weight: float
    units: Tensor
    softness: float
    exponent: float
    spacing_m: tuple[float, float]

    def sizes(self, field: Tensor) -> Sizes:
        """Return |h|^2 at every knot, (..., 2, K, W)."""
        total = torch.zeros_like(field)
        for difference, factor in self._differences(field):
            _add_to_knots(total, difference, (difference.apply(field) * factor).square_())
        return (total,)

    def energy(self, sizes: Sizes) -> Tensor:
        """Sum over both channels and all knots."""
        floor = self.softness**2
        cost = power(sizes[0] + floor, self.exponent / 2) - floor ** (self.exponent / 2)
        return self.weight / self.exponent * total(cost)

    def terms(self, sizes: Sizes) -> tuple[QuadraticTerm, ...]:
        """Re-weight each knot by its size there, spread to the differences that belong to it."""
        return self.weighted(self.weights(sizes))

    def weights(self, sizes: Sizes) -> Tensor:
        """Weights that squares have at places of these sizes, (..., 2 or 1, K, W)."""
        size = sizes[0] + self.softness**2
        return power(size, self.exponent / 2).div_(size).mul_(0.5 * self.weight)

    def weighted(self, knots: Tensor) -> tuple[PriorTerm, ...]:
        """Squares of the second derivatives with these weights of the knots, (..., 2 or 1, K, W)."""
        return tuple(
            PriorTerm(difference, factor**2 * _from_knots(difference, knots))
            for difference, factor in self._differences(knots)
        )

    def _differences(self, field: Tensor) -> tuple[tuple[Difference, Tensor], ...]:
        along, across = self.spacing_m
        found = (
            (Difference(2, 0), self.units / along**2),
            (Difference(1, 1), self.units * (math.sqrt(2.0) / (along * across))),
            (Difference(0, 2), self.units / across**2),
        )
        return tuple(entry for entry in found if entry[0].fits(field))


def power(values: Tensor, exponent: float) -> Tensor:
    """Power of positive values; the fourth root is two square roots, which are many times faster."""
    return values.sqrt().sqrt_() if exponent == 0.25 else values**exponent


def total(values: Tensor) -> Tensor:
    """Sum over channels, knots and lines, in double precision."""
    return values.sum(dim=(-3, -2, -1), dtype=torch.float64)


def _add_to_knots(knots: Tensor, difference: Difference, squares: Tensor) -> None:
    """Share each difference out to the knots it belongs to: the middle one, or the four corners of its cell."""
    rows, lines = squares.shape[-2:]
    if (difference.axial, difference.lateral) == (1, 1):
        for row, line, _ in difference.taps:
            knots[..., row : row + rows, line : line + lines].add_(squares, alpha=0.25)
        return
    axial, lateral = difference.axial // 2, difference.lateral // 2
    knots[..., axial : axial + rows, lateral : lateral + lines].add_(squares)


def _from_knots(difference: Difference, knots: Tensor) -> Tensor:
    """Transpose of `_add_to_knots`."""
    rows, lines = knots.shape[-2] - difference.axial, knots.shape[-1] - difference.lateral
    if (difference.axial, difference.lateral) == (1, 1):
        corners = [knots[..., row : row + rows, line : line + lines] for row, line, _ in difference.taps]
        return (corners[0] + corners[1]).add_(corners[2]).add_(corners[3]).mul_(0.25)
    axial, lateral = difference.axial // 2, difference.lateral // 2
    return knots[..., axial : axial + rows, lateral : lateral + lines]
