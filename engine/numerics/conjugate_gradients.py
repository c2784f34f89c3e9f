"""Preconditioned conjugate gradients for symmetric positive (semi-)definite systems given as functions."""

from collections.abc import Callable

import torch
from torch import Tensor


def conjugate_gradients(
    apply: Callable[[Tensor], Tensor],
    precondition: Callable[[Tensor], Tensor],
    right: Tensor,
    *,
    iterations: int,
    start: Tensor | None = None,
    tolerance: float | None = None,
    separate: bool = False,
) -> tuple[Tensor, int]:
    """Solve `apply(x) = right`; return x and the iterations used.

    Begins at `start`, else at zero, and ends when the residual's norm is at most `tolerance` times that of `right` (as
    for any other value of zero curvature), or after `iterations`. Without a tolerance all iterations are made, and
    nothing is asked of the device in between. `separate` solves each map of (..., h, W) on its own.

    >>> x, used = conjugate_gradients(lambda x: 4 * x, lambda x: x, torch.full((3,), 8.0), iterations=5, tolerance=1e-6)
    >>> x.tolist(), used
    ([2.0, 2.0, 2.0], 1)
    """
    inner = _inner_of_maps if separate else _inner
    smallest = torch.finfo(right.dtype).tiny
    solution = torch.zeros_like(right) if start is None else start
    residual = right if start is None else right - apply(start)
    target = -1.0 if tolerance is None else tolerance * float(torch.linalg.vector_norm(right))
    direction = precondition(residual)
    energy = inner(residual, direction)
    for count in range(iterations):
        if tolerance is not None and float(torch.linalg.vector_norm(residual)) <= target:
            return solution, count
        image = apply(direction)
        curvature = inner(direction, image)
        if tolerance is not None and not bool((curvature > 0).any()):
            return solution, count
        length = energy / curvature.clamp_min(smallest)
        solution = torch.addcmul(solution, length, direction)
        if count == iterations - 1:
            break
        residual = torch.addcmul(residual, length, image, value=-1)
        preconditioned = precondition(residual)
        previous, energy = energy, inner(residual, preconditioned)
        direction = torch.addcmul(preconditioned, energy / previous.clamp_min(smallest), direction)
    return solution, iterations


def _inner(a: Tensor, b: Tensor) -> Tensor:
    return torch.sum(a * b)


def _inner_of_maps(a: Tensor, b: Tensor) -> Tensor:
    product: Tensor = torch.linalg.vecdot(a.flatten(-2), b.flatten(-2))
    return product[..., None, None]
