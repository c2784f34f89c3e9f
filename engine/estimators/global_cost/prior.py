"""What GLUE expects of a displacement field: small first differences, or few and sharp changes of strain.

Each prior gives its energy and, at a field, the weighted squared differences that touch the energy from above there
(iteratively re-weighted least squares), so that every accepted solve lowers the energy.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from engine.estimators.global_cost.system import Difference, PriorTerm, QuadraticTerm


class Prior(Protocol):
    """A smoothness prior of fields (2, K, W)."""

    def energy(self, field: Tensor) -> float:
        """Energy of a field."""
        ...

    def terms(self, field: Tensor) -> tuple[QuadraticTerm, ...]:
        """Quadratic terms whose half gradient at `field` is half the energy's gradient there."""
        ...


@dataclass(frozen=True)
class FirstOrderPrior:
    """Weighted squares of first differences, as published: (alpha1, alpha2, beta1, beta2).

    `axial` are the weights of the axial displacement along and across the lines, `lateral` those of the lateral one.
    """

    axial: tuple[float, float]
    lateral: tuple[float, float]

    def energy(self, field: Tensor) -> float:
        """Sum of the weighted squares."""
        return sum(
            float(torch.sum(term.weight * term.difference.apply(field) ** 2, dtype=torch.float64))
            for term in self.terms(field)
        )

    def terms(self, field: Tensor) -> tuple[PriorTerm, ...]:
        """Return the same terms at every field: the prior is quadratic."""
        return tuple(
            PriorTerm(difference, field.new_tensor(weights)[:, None, None])
            for difference, weights in (
                (Difference(1, 0), (self.lateral[0], self.axial[0])),
                (Difference(0, 1), (self.lateral[1], self.axial[1])),
            )
            if difference.fits(field)
        )


@dataclass(frozen=True)
class SecondOrderPrior:
    """Size of the matrix of second derivatives, free for any affine motion, so constant strain costs nothing.

    With h the second derivatives in physical units relative to `scale` (strain per metre), the energy is the sum over
    knots of `weight / exponent * (|h|^2 + softness^2)^(exponent / 2)`, less its value at h = 0. Exponent 2 is the
    squared second-order form, 1 the L1 form; below 1 a sharp edge costs hardly more than a soft one, so that the edge
    of an inclusion stays and what lies between edges is smoothed the more. `units_m` are the metres of one unit of
    the two channels, `spacing_m` those between knots along and across the lines.
    """

    weight: float
    scale: float
    softness: float
    exponent: float
    units_m: tuple[float, float]
    spacing_m: tuple[float, float]

    def energy(self, field: Tensor) -> float:
        """Sum over both channels and all knots."""
        floor = self.softness**2
        cost = (self._size(field) + floor) ** (self.exponent / 2) - floor ** (self.exponent / 2)
        return self.weight / self.exponent * float(cost.sum())

    def terms(self, field: Tensor) -> tuple[QuadraticTerm, ...]:
        """Re-weight each knot by its size there, spread to the differences that belong to it."""
        knot = 0.5 * self.weight * (self._size(field) + self.softness**2) ** (self.exponent / 2 - 1)
        return tuple(
            PriorTerm(difference, factor**2 * _from_knots(difference, knot))
            for difference, factor in self._differences(field)
        )

    def _size(self, field: Tensor) -> Tensor:
        """|h|^2 at every knot, (2, K, W)."""
        total = torch.zeros_like(field)
        for difference, factor in self._differences(field):
            total = total + _to_knots(difference, (factor * difference.apply(field)) ** 2)
        return total

    def _differences(self, field: Tensor) -> tuple[tuple[Difference, Tensor], ...]:
        along, across = self.spacing_m
        units = field.new_tensor(self.units_m)[:, None, None] / self.scale
        found = (
            (Difference(2, 0), units / along**2),
            (Difference(1, 1), units * math.sqrt(2.0) / (along * across)),
            (Difference(0, 2), units / across**2),
        )
        return tuple(entry for entry in found if entry[0].fits(field))


def _to_knots(difference: Difference, squares: Tensor) -> Tensor:
    """Share each difference out to the knots it belongs to: the middle one, or the four corners of its cell."""
    if (difference.axial, difference.lateral) == (1, 1):
        return functional.avg_pool2d(functional.pad(squares[None], (1, 1, 1, 1)), 2, stride=1)[0]
    axial, lateral = difference.axial // 2, difference.lateral // 2
    return functional.pad(squares, (lateral, lateral, axial, axial))


def _from_knots(difference: Difference, knots: Tensor) -> Tensor:
    """Transpose of `_to_knots`."""
    if (difference.axial, difference.lateral) == (1, 1):
        return functional.avg_pool2d(knots[None], 2, stride=1)[0]
    axial, lateral = difference.axial // 2, difference.lateral // 2
    return knots[:, axial : knots.shape[1] - axial, lateral : knots.shape[2] - lateral]
