"""Equilibrium as a prior: where the modulus is constant, an incompressible body obeys the momentum equation.

For an incompressible sheet (plane stress) of constant modulus with lateral displacement u over x and axial displacement
w over z, the divergence of the stress vanishes when

    m_x = 2 u_xx + 1/2 u_zz + 3/2 w_xz = 0,        m_z = 2 w_zz + 1/2 w_xx + 3/2 u_xz = 0.

m differs from zero only where the modulus changes, so its size to a power below one is a prior of sharp-edged bodies,
and it ties the lateral displacement, which echoes tell little of, to the axial one (compare arXiv:2508.19086, and
L1-MixTURE 2024). A part of the second-order prior stays, since m alone leaves harmonic fields free.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.estimators.global_cost.prior import SecondOrderPrior, Sizes, power, total
from engine.estimators.global_cost.system import QuadraticTerm
from engine.numerics.cosine_transform import difference_symbol

_ALONG, _ACROSS, _MIXED = 2.0, 0.5, 1.5
"""Factors of the second derivative in a component's own direction, across it, and of the mixed one of the other."""


@dataclass(frozen=True)
class Momentum:
    """The operator m of fields (..., 2, K, W), at inner knots, (..., 2, K - 2, W - 2), with its transpose.

    Its factors, (..., 2, 1, 1) each, are those of a component's second difference over the lines and over the rows,
    and of the mixed difference of the other component.
    """

    lines: Tensor
    rows: Tensor
    mixed: Tensor

    @classmethod
    def of(cls, units: Tensor, spacing_m: tuple[float, float]) -> "Momentum":
        """Take the metres of one unit of either channel over the scale of strain changes, (..., 2, 1, 1).

        `spacing_m` are those between knots along and across the lines.
        """
        along, across = spacing_m
        lateral, axial = units.unbind(-3)
        return cls(
            torch.stack([lateral * _ALONG, axial * _ACROSS], -3) / across**2,
            torch.stack([lateral * _ACROSS, axial * _ALONG], -3) / along**2,
            units.flip(-3) * (_MIXED / (4 * along * across)),
        )

    def apply(self, field: Tensor) -> Tensor:
        """Return m at every inner knot of a field (..., 2, K, W)."""
        middle, other = field[..., 1:-1, 1:-1], field.flip(-3)
        momentum = (field[..., 1:-1, 2:] + field[..., 1:-1, :-2]).sub_(middle, alpha=2).mul_(self.lines)
        momentum.addcmul_((field[..., 2:, 1:-1] + field[..., :-2, 1:-1]).sub_(middle, alpha=2), self.rows)
        corners = (other[..., 2:, 2:] + other[..., :-2, :-2]).sub_(other[..., 2:, :-2]).sub_(other[..., :-2, 2:])
        return momentum.addcmul_(corners, self.mixed)

    def adjoint(self, momentum: Tensor) -> Tensor:
        """Transpose of `apply`."""
        *others, rows, lines = momentum.shape
        field = momentum.new_zeros(*others, rows + 2, lines + 2)
        middle = field[..., 1:-1, 1:-1]
        across, along = momentum * self.lines, momentum * self.rows
        mixed = (momentum * self.mixed).flip(-3)
        middle.sub_(across, alpha=2).sub_(along, alpha=2)
        for part, change in (
            (field[..., 1:-1, 2:], across),
            (field[..., 1:-1, :-2], across),
            (field[..., 2:, 1:-1], along),
            (field[..., :-2, 1:-1], along),
            (field[..., 2:, 2:], mixed),
            (field[..., :-2, :-2], mixed),
        ):
            part.add_(change)
        for part in (field[..., 2:, :-2], field[..., :-2, 2:]):
            part.sub_(mixed)
        return field

    def symbol(self, like: Tensor) -> Tensor:
        """Diagonal blocks' eigenvalues (..., 2, K, W) under the cosine transform, borders mirrored."""
        z, x = (difference_symbol(size, like) for size in like.shape[-2:])
        mixed = 16 * (z * (1 - z / 4))[:, None] * (x * (1 - x / 4))[None]
        return (self.lines * x[None] + self.rows * z[:, None]) ** 2 + self.mixed.flip(-3) ** 2 * mixed

    def single(self) -> "Momentum":
        """Return the same operator in single precision."""
        return Momentum(self.lines.float(), self.rows.float(), self.mixed.float())


@dataclass(frozen=True)
class MomentumTerm:
    """Weighted squares of m; `weight` is (..., 1, K - 2, W - 2)."""

    operator: Momentum
    weight: Tensor

    def apply(self, field: Tensor) -> Tensor:
        """Half the gradient at `field`."""
        return self.operator.adjoint(self.operator.apply(field).mul_(self.weight))

    def single(self) -> "MomentumTerm":
        """Return the same term in single precision."""
        return MomentumTerm(self.operator.single(), self.weight.float())

    def symbol(self, like: Tensor) -> Tensor:
        """Eigenvalues at the mean weight."""
        return self.weight.mean(dim=(-2, -1), keepdim=True) * self.operator.symbol(like)


@dataclass(frozen=True)
class MomentumPrior:
    """Size of m to a power, beside a weaker second-order prior; energy and softness as in `SecondOrderPrior`."""

    second: SecondOrderPrior
    weight: float

    @property
    def _operator(self) -> Momentum:
        return Momentum.of(self.second.units, self.second.spacing_m)

    def sizes(self, field: Tensor) -> Sizes:
        """Return the second-order prior's, and |m|^2, (..., 1, K - 2, W - 2), where a field has inner knots."""
        sizes = self.second.sizes(field)
        if min(field.shape[-2:]) <= 2:
            return sizes
        return (*sizes, self._operator.apply(field).square_().sum(dim=-3, keepdim=True))

    def energy(self, sizes: Sizes) -> Tensor:
        """Sum of both parts."""
        energy = self.second.energy(sizes)
        exponent, floor = self.second.exponent, self.second.softness**2
        for size in sizes[1:]:
            energy = energy + self.weight / exponent * total(
                power(size + floor, exponent / 2) - floor ** (exponent / 2)
            )
        return energy

    def terms(self, sizes: Sizes) -> tuple[QuadraticTerm, ...]:
        """Quadratic terms that touch the energy from above at the field of these sizes."""
        terms = self.second.terms(sizes)
        for size in sizes[1:]:
            raised = size + self.second.softness**2
            weight = power(raised, self.second.exponent / 2).div_(raised).mul_(0.5 * self.weight)
            terms = (*terms, MomentumTerm(self._operator, weight))
        return terms
