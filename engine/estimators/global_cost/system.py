"""The normal equations of GLUE: data blocks and a smoothness prior over all knots at once, solved without a matrix.

The unknown is a field `(..., 2, K, W)`: channel 0 the lateral displacement in lines, channel 1 the axial displacement
in samples, on every line and on every `step`-th sample; between two knots the displacement is linear. With `step` 1
this is GLUE as published (Hashemi & Rivaz 2017, IEEE TUFFC 64:1625). The matrix is `data + prior`, symmetric and
positive semi-definite: 2 x 2 blocks of the image gradient (and, with `step` above 1, their neighbours along the line),
and squared first or second differences of the field, each with its own weight. Conjugate gradients are preconditioned
with the same prior at its mean weights, which the cosine transform diagonalises, so their number does not grow with
the grid. Fields of several pairs are solved together, each as if it were alone.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import torch
from torch import Tensor

from engine.estimators.global_cost.stencil import Stencil
from engine.numerics.conjugate_gradients import conjugate_gradients
from engine.numerics.cosine_transform import cosine_transform, difference_symbol, inverse_cosine_transform

LEAST_SINGLE = 1e-3
"""Tolerance from which a system is solved in single precision."""


@dataclass(frozen=True)
class KnotGrid:
    """Knots on every `step`-th row of frames with `height` rows, and on every line."""

    height: int
    step: int

    @property
    def knots(self) -> int:
        """Number of knots along a line; the last one lies at or below the last row."""
        return self.height if self.step == 1 else -(-self.height // self.step) + 1

    def expand(self, field: Tensor) -> Tensor:
        """Displacement on every row, (..., K, W) to (..., H, W)."""
        if self.step == 1:
            return field
        t = self._fractions(field)[:, None]
        fine = (field[..., :-1, None, :] * (1 - t)).addcmul_(field[..., 1:, None, :], t)  # (..., K-1, step, W)
        return fine.flatten(-3, -2)[..., : self.height, :]

    def restrict(self, field: Tensor) -> Tensor:
        """Knots of a field (..., H, W): its own values there, continued linearly below the last row."""
        if self.step == 1:
            return field
        rows = torch.arange(self.knots, device=field.device) * self.step
        known = field.index_select(-2, rows.clamp(max=self.height - 1))
        span = min(self.step, self.height - 1)
        slope = (field[..., -1:, :] - field[..., -1 - span, None, :]) / span
        return known + slope * (rows - (self.height - 1)).clamp(min=0)[:, None]

    def gather(self, density: Tensor) -> Tensor:
        """Adjoint of `expand`: (..., H, W) on the rows to (..., K, W) on the knots."""
        if self.step == 1:
            return density
        t = self._fractions(density)
        return _at_both_ends(*self._summed(density, (1 - t, t)))

    def blocks(self, density: Tensor) -> tuple[Tensor, Tensor | None]:
        """Diagonal (..., K, W) and next neighbours (..., K-1, W) of expand transposed, diag(density) and expand."""
        if self.step == 1:
            return density, None
        t = self._fractions(density)
        upper, lower, neighbour = self._summed(density, ((1 - t) ** 2, t * t, t * (1 - t)))
        return _at_both_ends(upper, lower), neighbour

    def _fractions(self, like: Tensor) -> Tensor:
        return torch.arange(self.step, dtype=like.dtype, device=like.device) / self.step

    def _summed(self, density: Tensor, weights: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Sum a density (..., H, W) over the cells between knots with each of the weights (step,)."""
        missing = (self.knots - 1) * self.step - density.shape[-2]
        padded = torch.nn.functional.pad(density, (0, 0, 0, missing)) if missing else density
        cells = padded.reshape(*padded.shape[:-2], self.knots - 1, self.step, padded.shape[-1])
        return torch.matmul(torch.stack(list(weights)), cells).unbind(-2)


def _at_both_ends(upper: Tensor, lower: Tensor) -> Tensor:
    total = torch.nn.functional.pad(upper, (0, 0, 0, 1))
    total[..., 1:, :] += lower
    return total


@dataclass(frozen=True)
class DataTerm:
    """Blocks of the data on the knots: components (lateral lateral, lateral axial, axial axial), each (..., K, W)."""

    diagonal: Tensor  # (..., 3, K, W)
    neighbour: Tensor | None  # (..., 3, K - 1, W)

    def single(self) -> "DataTerm":
        """Return the same blocks in single precision."""
        return DataTerm(self.diagonal.float(), None if self.neighbour is None else self.neighbour.float())

    def stencil(self) -> Stencil:
        """Return the operator that multiplies with the blocks."""
        found = Stencil(self.diagonal.shape[-1])
        found.couple(0, self.diagonal)
        if self.neighbour is not None:
            found.couple(1, self.neighbour)
        return found

    def mass(self) -> Tensor:
        """Row sums of the two diagonal components, (..., 2, K, W): what a locally constant field feels."""
        mass = self.diagonal[..., ::2, :, :].clone()
        if self.neighbour is not None:
            neighbour = self.neighbour[..., ::2, :, :]
            mass[..., :-1, :] += neighbour
            mass[..., 1:, :] += neighbour
        return mass


_BINOMIALS = ((1,), (-1, 1), (1, -2, 1))
"""Weights of differences of order 0, 1 and 2."""


@dataclass(frozen=True)
class Difference:
    """A finite difference of the field, of order `axial` along the lines and `lateral` across them."""

    axial: int
    lateral: int

    @property
    def taps(self) -> tuple[tuple[int, int, int], ...]:
        """Row, line and weight of each value that a difference is made of."""
        return tuple(
            (row, line, down * across)
            for row, down in enumerate(_BINOMIALS[self.axial])
            for line, across in enumerate(_BINOMIALS[self.lateral])
        )

    def fits(self, field: Tensor) -> bool:
        """Whether a field (..., K, W) has neighbours enough: one of a single line has no lateral difference."""
        return field.shape[-2] > self.axial and field.shape[-1] > self.lateral

    def apply(self, field: Tensor) -> Tensor:
        """Difference (..., K - axial, W - lateral) of a field (..., K, W)."""
        return torch.diff(torch.diff(field, n=self.axial, dim=-2), n=self.lateral, dim=-1)

    def adjoint(self, differences: Tensor) -> Tensor:
        """Transpose of `apply`."""
        *others, rows, lines = differences.shape
        field = differences.new_zeros(*others, rows + self.axial, lines + self.lateral)
        for row, line, weight in self.taps:
            field[..., row : row + rows, line : line + lines].add_(differences, alpha=weight)
        return field

    def symbol(self, shape: tuple[int, int], like: Tensor) -> Tensor:
        """Eigenvalues (K, W) of adjoint times difference under the cosine transform (mirrored borders)."""
        axial, lateral = (difference_symbol(size, like) for size in shape)
        return axial[:, None] ** self.axial * lateral[None] ** self.lateral


@dataclass(frozen=True)
class PriorTerm:
    """Weighted squared differences; `weight` is (..., 2, h, w) of the differences' shape."""

    difference: Difference
    weight: Tensor

    def add_to(self, result: Tensor, field: Tensor) -> None:
        """Add half the gradient of the term at `field`, linear in it.

        Differences are taken before they are weighted, and never multiplied out: in single precision the couplings of
        a smooth field would cancel to noise, with which conjugate gradients break down where the prior is strong.
        """
        weight, width, differences = self._flat_weight, field.shape[-1], field.flatten(-2)
        total = result.view(differences.shape)
        for distance in [width] * self.difference.axial + [1] * self.difference.lateral:
            differences = differences[..., distance:] - differences[..., :-distance]
        for row, line, factor in self.difference.taps:
            first = row * width + line
            total[..., first : first + weight.shape[-1]].addcmul_(differences, weight, value=factor)

    @cached_property
    def _flat_weight(self) -> Tensor:
        """Weights by their first knot, up to the last one; zero where a difference would go round a border."""
        rows, lines = self.difference.axial, self.difference.lateral
        width = self.weight.shape[-1] + lines
        padded = torch.nn.functional.pad(self.weight, (0, lines, 0, rows)).flatten(-2)
        return padded[..., : padded.shape[-1] - rows * width - lines].contiguous()

    def single(self) -> "PriorTerm":
        """Return the same term in single precision."""
        return PriorTerm(self.difference, self.weight.float())

    def symbol(self, like: Tensor) -> Tensor:
        """Eigenvalues (..., 2 or 1, K, W) of the term at its mean weight under the cosine transform."""
        mean = self.weight.mean(dim=(-2, -1), keepdim=True)
        return mean * self.difference.symbol((like.shape[-2], like.shape[-1]), like)


class QuadraticTerm(Protocol):
    """A term of the prior, quadratic in the field."""

    def add_to(self, result: Tensor, field: Tensor) -> None:
        """Add half the gradient of the term at `field` (..., 2, K, W), linear in it, to a result of that shape."""
        ...

    def symbol(self, like: Tensor) -> Tensor:
        """About the eigenvalues of the term under the cosine transform, for the preconditioner."""
        ...

    def single(self) -> "QuadraticTerm":
        """Return the same term in single precision."""
        ...


def added(terms: Iterable[QuadraticTerm], result: Tensor, field: Tensor) -> Tensor:
    """Add half the gradient of terms at a field to a result, and return it."""
    for term in terms:
        term.add_to(result, field)
    return result


@dataclass(frozen=True)
class System:
    """`(data + prior) step = right side` over all knots."""

    data: DataTerm
    prior: tuple[QuadraticTerm, ...]

    def operator(self) -> Callable[[Tensor], Tensor]:
        """Return what multiplies the matrix with a field (..., 2, K, W)."""
        stencil = self.data.stencil()

        def apply(field: Tensor) -> Tensor:
            return added(self.prior, stencil.apply(field), field)

        return apply

    def solve(self, right: Tensor, *, tolerance: float, iterations: int) -> tuple[Tensor, Tensor]:
        """Preconditioned conjugate gradients from zero until the residual falls below `tolerance` times `right`.

        Returned are the steps (..., 2, K, W) and how many iterations each took (...). A step that need not be exact is
        found in single precision: it is small, and taken in double precision.
        """
        if tolerance < LEAST_SINGLE:
            return self._solved(right, tolerance, iterations)
        single = System(self.data.single(), tuple(term.single() for term in self.prior))
        solution, used = single._solved(right.float(), tolerance, iterations)
        return solution.to(right.dtype), used

    def _solved(self, right: Tensor, tolerance: float, iterations: int) -> tuple[Tensor, Tensor]:
        return conjugate_gradients(
            self.operator(), self._preconditioner(), right, iterations=iterations, tolerance=tolerance, axes=3
        )

    def _preconditioner(self) -> Callable[[Tensor], Tensor]:
        mass = self.data.mass().mean(dim=(-2, -1), keepdim=True)
        symbol = mass.expand(*mass.shape[:-2], *self.data.diagonal.shape[-2:]).clone()
        for term in self.prior:
            symbol = symbol + term.symbol(symbol)
        inverse = 1 / symbol.clamp(min=torch.finfo(symbol.dtype).tiny ** 0.5)
        return lambda residual: inverse_cosine_transform(cosine_transform(residual).mul_(inverse))
