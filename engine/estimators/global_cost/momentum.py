"""Equilibrium as a prior: where the modulus is constant, an incompressible body obeys the momentum equation.

For an incompressible sheet (plane stress) of constant modulus with lateral displacement u over x and axial displacement
w over z, the divergence of the stress vanishes when

    m_x = 2 u_xx + 1/2 u_zz + 3/2 w_xz = 0,        m_z = 2 w_zz + 1/2 w_xx + 3/2 u_xz = 0.

m differs from zero only where the modulus changes, so its size to a power below one is a prior of sharp-edged bodies,
and it ties the lateral displacement, which echoes tell little of, to the axial one (compare arXiv:2508.19086, and
L1-MixTURE 2024). A part of the second-order prior stays, since m alone leaves harmonic fields free.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.estimators.global_cost.prior import SecondOrderPrior
from engine.estimators.global_cost.system import QuadraticTerm

_ALONG, _ACROSS, _MIXED = 2.0, 0.5, 1.5
"""Factors of the second derivative in a component's own direction, across it, and of the mixed one of the other."""


@dataclass(frozen=True)
class Momentum:
    """The operator m of fields (2, K, W), at inner knots, (2, K - 2, W - 2), with its transpose.

    `units_m` are the metres of one unit of the lateral and axial channel over the scale of strain changes,
    `spacing_m` those between knots along and across the lines.
    """

    units: tuple[float, float]
    spacing_m: tuple[float, float]

    def fits(self, field: Tensor) -> bool:
        """Whether a field has an inner knot."""
        return field.shape[1] > 2 and field.shape[2] > 2

    def apply(self, field: Tensor) -> Tensor:
        """Return m at every inner knot of a field (2, K, W)."""
        along, across = self.spacing_m
        u, w = field[0] * self.units[0], field[1] * self.units[1]
        u_rows, w_rows = u[:, 1:-1], w[:, 1:-1]
        u_lines, w_lines = u[1:-1], w[1:-1]
        return torch.stack(
            [
                _ALONG / across**2 * _second(u_lines, 1)
                + _ACROSS / along**2 * _second(u_rows, 0)
                + _MIXED / (4 * along * across) * _mixed(w),
                _ALONG / along**2 * _second(w_rows, 0)
                + _ACROSS / across**2 * _second(w_lines, 1)
                + _MIXED / (4 * along * across) * _mixed(u),
            ]
        )

    def adjoint(self, momentum: Tensor) -> Tensor:
        """Transpose of `apply`."""
        along, across = self.spacing_m
        mixed = _MIXED / (4 * along * across)
        lateral, axial = momentum
        u = (
            _second_adjoint(_ALONG / across**2 * lateral, 1)
            + _second_adjoint(_ACROSS / along**2 * lateral, 0)
            + _mixed_adjoint(mixed * axial)
        )
        w = (
            _second_adjoint(_ALONG / along**2 * axial, 0)
            + _second_adjoint(_ACROSS / across**2 * axial, 1)
            + _mixed_adjoint(mixed * lateral)
        )
        return torch.stack([u * self.units[0], w * self.units[1]])

    def symbol(self, like: Tensor) -> Tensor:
        """Diagonal blocks' eigenvalues (2, K, W) under the cosine transform, borders mirrored."""
        along, across = self.spacing_m
        z, x = (
            2 - 2 * torch.cos(math.pi * torch.arange(size, dtype=like.dtype, device=like.device) / size)
            for size in like.shape[1:]
        )
        mixed = _MIXED**2 * ((z * (1 - z / 4))[:, None] * (x * (1 - x / 4))[None]) / (along * across) ** 2
        z, x = z[:, None] / along**2, x[None] / across**2
        return torch.stack(
            [
                self.units[0] ** 2 * ((_ALONG * x + _ACROSS * z) ** 2 + mixed),
                self.units[1] ** 2 * ((_ALONG * z + _ACROSS * x) ** 2 + mixed),
            ]
        )


@dataclass(frozen=True)
class MomentumTerm:
    """Weighted squares of m; `weight` is (K - 2, W - 2)."""

    operator: Momentum
    weight: Tensor

    def apply(self, field: Tensor) -> Tensor:
        """Half the gradient at `field`."""
        return self.operator.adjoint(self.weight * self.operator.apply(field))

    def single(self) -> "MomentumTerm":
        """Return the same term in single precision."""
        return MomentumTerm(self.operator, self.weight.float())

    def symbol(self, like: Tensor) -> Tensor:
        """Eigenvalues at the mean weight."""
        return self.weight.mean() * self.operator.symbol(like)


@dataclass(frozen=True)
class MomentumPrior:
    """Size of m to a power, beside a weaker second-order prior; energy and softness as in `SecondOrderPrior`."""

    second: SecondOrderPrior
    weight: float

    @property
    def _operator(self) -> Momentum:
        lateral, axial = self.second.units_m
        return Momentum((lateral / self.second.scale, axial / self.second.scale), self.second.spacing_m)

    def energy(self, field: Tensor) -> float:
        """Energy of a field (2, K, W)."""
        energy = self.second.energy(field)
        if self._operator.fits(field):
            power, floor = self.second.exponent, self.second.softness**2
            cost = (self._size(field) + floor) ** (power / 2) - floor ** (power / 2)
            energy += self.weight / power * float(cost.sum())
        return energy

    def terms(self, field: Tensor) -> tuple[QuadraticTerm, ...]:
        """Quadratic terms that touch the energy from above at `field`."""
        terms = self.second.terms(field)
        if not self._operator.fits(field):
            return terms
        power, floor = self.second.exponent, self.second.softness**2
        weight = 0.5 * self.weight * (self._size(field) + floor) ** (power / 2 - 1)
        return (*terms, MomentumTerm(self._operator, weight))

    def _size(self, field: Tensor) -> Tensor:
        return (self._operator.apply(field) ** 2).sum(dim=0)


def _second(values: Tensor, dim: int) -> Tensor:
    return torch.diff(values, n=2, dim=dim)


def _mixed(values: Tensor) -> Tensor:
    return values[2:, 2:] - values[2:, :-2] - values[:-2, 2:] + values[:-2, :-2]


def _second_adjoint(values: Tensor, dim: int) -> Tensor:
    """Transpose of `_second` on inner knots, onto all of them: (K - 2, W - 2) to (K, W)."""
    pad = (1, 1, 2, 2) if dim == 0 else (2, 2, 1, 1)
    return torch.diff(torch.nn.functional.pad(values, pad), n=2, dim=dim)


def _mixed_adjoint(values: Tensor) -> Tensor:
    total = values.new_zeros(values.shape[0] + 2, values.shape[1] + 2)
    total[2:, 2:] += values
    total[2:, :-2] -= values
    total[:-2, 2:] -= values
    total[:-2, :-2] += values
    return total
