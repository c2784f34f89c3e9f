"""The normal equations of GLUE: data blocks and a smoothness prior over all knots at once, solved without a matrix.

The unknown is a field `(2, K, W)`: channel 0 the lateral displacement in lines, channel 1 the axial displacement in
samples, on every line and on every `step`-th sample; between two knots the displacement is linear. With `step` 1 this
is GLUE as published (Hashemi & Rivaz 2017, IEEE TUFFC 64:1625). The matrix is `data + prior`, symmetric and positive
semi-definite: 2 x 2 blocks of the image gradient (and, with `step` above 1, their neighbours along the line), and
squared first or second differences of the field, each with its own weight. Conjugate gradients are preconditioned
with the same prior at its mean weights, which the cosine transform diagonalises, so their number does not grow with
the grid.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

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
        """Displacement on every row, (2, K, W) to (2, H, W)."""
        if self.step == 1:
            return field
        t = self._fractions(field)[None, None, :, None]
        fine = field[:, :-1, None] * (1 - t) + field[:, 1:, None] * t  # (2, K-1, step, W)
        return fine.reshape(field.shape[0], -1, field.shape[-1])[:, : self.height]

    def restrict(self, field: Tensor) -> Tensor:
        """Knots of a field (2, H, W): its own values there, continued linearly below the last row."""
        if self.step == 1:
            return field
        rows = torch.arange(self.knots, device=field.device) * self.step
        known = field[:, rows.clamp(max=self.height - 1)]
        span = min(self.step, self.height - 1)
        slope = (field[:, -1] - field[:, -1 - span]) / span
        return known + slope[:, None] * (rows - (self.height - 1)).clamp(min=0)[None, :, None]

    def gather(self, density: Tensor) -> Tensor:
        """Adjoint of `expand`: (C, H, W) on the rows to (C, K, W) on the knots."""
        if self.step == 1:
            return density
        t = self._fractions(density)[None, None, :, None]
        return _at_both_ends(self, self._cells(density), 1 - t, t)

    def blocks(self, density: Tensor) -> tuple[Tensor, Tensor | None]:
        """Diagonal (C, K, W) and next neighbours (C, K-1, W) of expand-transposed times diag(density) times expand."""
        if self.step == 1:
            return density, None
        t = self._fractions(density)[None, None, :, None]
        cells = self._cells(density)
        return _at_both_ends(self, cells, (1 - t) ** 2, t * t), (cells * (t * (1 - t))).sum(dim=2)

    def _fractions(self, like: Tensor) -> Tensor:
        return torch.arange(self.step, dtype=like.dtype, device=like.device) / self.step

    def _cells(self, density: Tensor) -> Tensor:
        channels, height, width = density.shape
        missing = (self.knots - 1) * self.step - height
        padded = torch.cat([density, density.new_zeros(channels, missing, width)], dim=1)
        return padded.reshape(channels, self.knots - 1, self.step, width)


def _at_both_ends(grid: KnotGrid, cells: Tensor, upper: Tensor, lower: Tensor) -> Tensor:
    total = cells.new_zeros(cells.shape[0], grid.knots, cells.shape[-1])
    total[:, :-1] += (cells * upper).sum(dim=2)
    total[:, 1:] += (cells * lower).sum(dim=2)
    return total


@dataclass(frozen=True)
class DataTerm:
    """Blocks of the data on the knots: components (lateral lateral, lateral axial, axial axial), each (K, W)."""

    diagonal: Tensor  # (3, K, W)
    neighbour: Tensor | None  # (3, K - 1, W)

    def apply(self, field: Tensor) -> Tensor:
        """Multiply with a field (2, K, W)."""
        result = torch.zeros_like(field)
        _add_times(result, self.diagonal, field)
        if self.neighbour is not None:
            _add_times(result[:, :-1], self.neighbour, field[:, 1:])
            _add_times(result[:, 1:], self.neighbour, field[:, :-1])
        return result

    def single(self) -> "DataTerm":
        """Return the same blocks in single precision."""
        return DataTerm(self.diagonal.float(), None if self.neighbour is None else self.neighbour.float())

    def mass(self) -> Tensor:
        """Row sums of the two diagonal components, (2, K, W): what a locally constant field feels."""
        mass = self.diagonal[[0, 2]].clone()
        if self.neighbour is not None:
            mass[:, :-1] += self.neighbour[[0, 2]]
            mass[:, 1:] += self.neighbour[[0, 2]]
        return mass


def _add_times(result: Tensor, blocks: Tensor, field: Tensor) -> None:
    for row in (0, 1):
        for column in (0, 1):
            result[row].addcmul_(blocks[row + column], field[column])


_BINOMIALS = ((1,), (-1, 1), (1, -2, 1))
"""Weights of differences of order 0, 1 and 2."""


@dataclass(frozen=True)
class Difference:
    """A finite difference of the field, of order `axial` along the lines and `lateral` across them."""

    axial: int
    lateral: int

    def fits(self, field: Tensor) -> bool:
        """Whether a field (C, K, W) has neighbours enough for it: one of a single line has no lateral difference."""
        return field.shape[1] > self.axial and field.shape[2] > self.lateral

    def apply(self, field: Tensor) -> Tensor:
        """Difference (C, K - axial, W - lateral) of a field (C, K, W)."""
        return torch.diff(torch.diff(field, n=self.axial, dim=1), n=self.lateral, dim=2)

    def adjoint(self, differences: Tensor) -> Tensor:
        """Transpose of `apply`."""
        channels, rows, lines = differences.shape
        field = differences.new_zeros(channels, rows + self.axial, lines + self.lateral)
        for row, down in enumerate(_BINOMIALS[self.axial]):
            for line, across in enumerate(_BINOMIALS[self.lateral]):
                field[:, row : row + rows, line : line + lines].add_(differences, alpha=down * across)
        return field

    def symbol(self, shape: tuple[int, int], like: Tensor) -> Tensor:
        """Eigenvalues (K, W) of adjoint times difference under the cosine transform (mirrored borders)."""
        axial, lateral = (difference_symbol(size, like) for size in shape)
        return axial[:, None] ** self.axial * lateral[None] ** self.lateral


@dataclass(frozen=True)
class PriorTerm:
    """Weighted squared differences; `weight` is (2, ..) of the differences' shape, or (2, 1, 1) when it is uniform."""

    difference: Difference
    weight: Tensor

    def apply(self, field: Tensor) -> Tensor:
        """Half the gradient of the term at `field`, linear in it."""
        return self.difference.adjoint(self.weight * self.difference.apply(field))

    def single(self) -> "PriorTerm":
        """Return the same term in single precision."""
        return PriorTerm(self.difference, self.weight.float())

    def symbol(self, like: Tensor) -> Tensor:
        """Eigenvalues (2 or 1, K, W) of the term at its mean weight under the cosine transform, for fields `like`."""
        mean = self.weight.mean(dim=(1, 2), keepdim=True)
        return mean * self.difference.symbol((like.shape[1], like.shape[2]), like)


class QuadraticTerm(Protocol):
    """A term of the prior, quadratic in the field."""

    def apply(self, field: Tensor) -> Tensor:
        """Half the gradient of the term at `field` (2, K, W), linear in it."""
        ...

    def symbol(self, like: Tensor) -> Tensor:
        """About the eigenvalues of the term under the cosine transform, for the preconditioner."""
        ...

    def single(self) -> "QuadraticTerm":
        """Return the same term in single precision."""
        ...


@dataclass(frozen=True)
class System:
    """`(data + prior) step = right side` over all knots."""

    data: DataTerm
    prior: tuple[QuadraticTerm, ...]

    def apply(self, field: Tensor) -> Tensor:
        """Multiply the matrix with a field (2, K, W)."""
        result = self.data.apply(field)
        for term in self.prior:
            result = result + term.apply(field)
        return result

    def solve(self, right: Tensor, *, tolerance: float, iterations: int) -> tuple[Tensor, int]:
        """Preconditioned conjugate gradients from zero until the residual falls below `tolerance` times `right`.

        A step that need not be exact is found in single precision: it is small, and taken in double precision.
        """
        if tolerance < LEAST_SINGLE:
            return self._solved(right, tolerance, iterations)
        single = System(self.data.single(), tuple(term.single() for term in self.prior))
        solution, used = single._solved(right.float(), tolerance, iterations)
        return solution.to(right.dtype), used

    def _solved(self, right: Tensor, tolerance: float, iterations: int) -> tuple[Tensor, int]:
        return conjugate_gradients(
            self.apply, self._preconditioner(), right, iterations=iterations, tolerance=tolerance
        )

    def _preconditioner(self) -> Callable[[Tensor], Tensor]:
        mass = self.data.mass().mean(dim=(1, 2), keepdim=True)
        symbol = mass.expand(-1, *self.data.diagonal.shape[1:]).clone()
        for term in self.prior:
            symbol = symbol + term.symbol(symbol)
        inverse = 1 / symbol.clamp(min=torch.finfo(symbol.dtype).tiny ** 0.5)
        return lambda residual: inverse_cosine_transform(inverse * cosine_transform(residual))
