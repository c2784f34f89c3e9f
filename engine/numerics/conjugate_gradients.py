"""Preconditioned conjugate gradients for symmetric positive (semi-)definite systems given as functions."""

from collections.abc import Callable

import torch
from torch import Tensor

from engine.numerics.host import over


def conjugate_gradients(
    apply: Callable[[Tensor], Tensor],
    precondition: Callable[[Tensor], Tensor],
    right: Tensor,
    *,
    iterations: int,
    start: Tensor | None = None,
    tolerance: float | None = None,
    axes: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Solve `apply(x) = right`; return x and the iterations used.

    The last `axes` axes make one system, by default all; systems do not mix. Each begins at `start`, else at zero, and
    ends when its residual's norm is at most `tolerance` times that of `right` (as for any other value of zero
    curvature), or after `iterations`: from then on its x stays. It is over when all have ended (`host.over`); without a
    tolerance all iterations are made, and nothing is asked of the device in between.

    >>> x, used = conjugate_gradients(lambda x: 4 * x, lambda x: x, torch.full((3,), 8.0), iterations=5, tolerance=1e-6)
    >>> x.tolist(), int(used)
    ([2.0, 2.0, 2.0], 1)
    """
    count = right.ndim if axes is None else axes

    def inner(a: Tensor, b: Tensor) -> Tensor:
        product: Tensor = torch.linalg.vecdot(a.flatten(-count), b.flatten(-count))
        return product[(..., *[None] * count)]

    smallest = torch.finfo(right.dtype).tiny
    solution = torch.zeros_like(right) if start is None else start
    residual = right if start is None else right - apply(start)
    direction = precondition(residual)
    energy = inner(residual, direction)
    active = torch.ones_like(energy, dtype=torch.bool)
    used = torch.zeros_like(energy, dtype=torch.int32)
    target = None if tolerance is None else tolerance**2 * inner(right, right)
    for iteration in range(iterations):
        if target is not None:
            active = active & (inner(residual, residual) > target)
            if over(active):
                break
        image = apply(direction)
        curvature = inner(direction, image)
        length = energy / curvature.clamp_min(smallest)
        longer = torch.addcmul(solution, length, direction)
        if target is None:
            solution = longer
        else:
            active = active & (curvature > 0)
            used = used + active
            solution = longer if over(~active) else torch.where(active, longer, solution)  # what has ended may diverge
        if iteration == iterations - 1:
            break
        residual = torch.addcmul(residual, length, image, value=-1)
        preconditioned = precondition(residual)
        previous, energy = energy, inner(residual, preconditioned)
        direction = torch.addcmul(preconditioned, energy / previous.clamp_min(smallest), direction)
    return solution, used.flatten(-count)[..., 0]
