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

from engine.estimators.global_cost.prior import FIRST, SecondOrderPrior, Sizes
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

    def add_to(self, result: Tensor, field: Tensor) -> None:
        """Add half the gradient at `field`."""
        result += self.operator.adjoint(self.operator.apply(field).mul_(self.weight))

    def single(self) -> "MomentumTerm":
        """Return the same term in single precision."""
        return MomentumTerm(self.operator.single(), self.weight.float())

    def symbol(self, like: Tensor) -> Tensor:
        """Eigenvalues at the mean weight."""
        return self.weight.mean(dim=(-2, -1), keepdim=True) * self.operator.symbol(like)


@dataclass(frozen=True)
class Edges:
    """Shares of the lateral and axial second derivatives beside m, and the distance over which sizes are averaged."""

    lateral: float
    axial: float
    average_m: float


EDGES_OF_A_FRAME = Edges(0.2, 0.2, 0.0)
EDGES_OF_A_PATTERN = Edges(0.3, 0.5, 0.3e-3)


@dataclass(frozen=True)
class MomentumPrior:
    """Size of m and of what second derivatives stay beside it, to the power of the second-order prior.

    Lateral second derivatives share one size a place with m, so that an edge is one for both. Axial ones have their
    own: where layers slip only the lateral motion is broken. Averaged, an edge may turn against the grid; found knot
    by knot, it made diamonds of round lesions, since axial strain hardly jumps at their poles and sides.
    """

    second: SecondOrderPrior
    edges: Edges

    @property
    def _operator(self) -> Momentum:
        return Momentum.of(self.second.units, self.second.spacing_m)

    def sizes(self, field: Tensor) -> Sizes:
        """Return both sizes at every knot, (..., 1, K, W) each; m is part where a field has inner knots."""
        (second,) = self.second.sizes(field)
        shared, axial = self.edges.lateral * second[..., :1, :, :], second[..., 1:, :, :]
        if min(field.shape[-2:]) > 2:
            shared[..., 1:-1, 1:-1] += self._operator.apply(field).square_().sum(dim=-3, keepdim=True)
        return self._averaged(shared), self._averaged(axial)

    def energy(self, sizes: Sizes) -> Tensor:
        """Sum over all knots."""
        shared, axial = (self.second.energy((size,)) for size in sizes)
        return shared + self.edges.axial * axial

    def terms(self, sizes: Sizes) -> tuple[QuadraticTerm, ...]:
        """Quadratic terms that touch the energy from above at the field of these sizes."""
        shared, axial = (self._averaged(self.second.weights((size,))) for size in sizes)
        terms = self.second.weighted(torch.cat([self.edges.lateral * shared, self.edges.axial * axial], dim=-3))
        if min(shared.shape[-2:]) <= 2:
            return terms
        return (*terms, MomentumTerm(self._operator, shared[..., 1:-1, 1:-1]))

    def _averaged(self, knots: Tensor) -> Tensor:
        """Average as diffusion does, which keeps sums and is its own transpose, with the variance of `average_m`."""
        for difference, spacing_m in zip(FIRST, self.second.spacing_m, strict=True):
            variance = (self.edges.average_m / spacing_m) ** 2
            steps = math.ceil(2 * variance) if difference.fits(knots) else 0
            for _ in range(steps):
                knots = knots - difference.adjoint(difference.apply(knots)).mul_(variance / (2 * steps))
        return knots
