"""Preconditioned conjugate gradients for symmetric positive (semi-)definite systems given as functions."""

from collections.abc import Callable

import torch
from torch import Tensor

from engine.numerics.host import over

_SOFTNESS = 0.25
"""Relative width, to either side, of the threshold at which iterations end."""


def fading(share: Tensor, measure: Tensor, threshold: Tensor) -> Tensor:
    """Share of its step that the next iteration takes: as much as before it after a measure well over a threshold.

    Each measure about the threshold takes some of it away, one well below takes all. So a result does not hang on
    rounding, which decides whether a threshold is met now or a few iterations later.

    >>> fading(torch.tensor(1.0), torch.tensor([9.0, 1.0, 0.1]), torch.tensor(1.0)).tolist()
    [1.0, 0.5, 0.0]
    """
    rest = torch.addcdiv(share, measure, threshold, value=0.5 / _SOFTNESS).sub_(0.5 + 0.5 / _SOFTNESS)
    return torch.fmin(rest.clamp_(min=0), share)


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
    """Solve `apply(x) = right`; return x and the iterations `used`.

    The last `axes` axes make one system, by default all; systems do not mix. Each begins at `start`, else at zero, and
    ends when its residual is at most `tolerance` times the first one, in the norm of the preconditioner (which follows
    the error; the plain norm may grow for long), where the curvature is not positive, or after `iterations`: from then
    on its x stays. The last steps are taken in part (`fading`), of which `used` counts the part. It is over when all
    have ended (`host.over`); without a tolerance all iterations are made, and nothing is asked of the device meanwhile.

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
    share = (energy > 0).to(energy.dtype)
    shares = [torch.zeros_like(share)]
    threshold = ((tolerance or 0.0) ** 2 * energy).clamp_min(smallest)
    for iteration in range(iterations):
        image = apply(direction)
        curvature = inner(direction, image)
        length = energy / curvature.clamp_min(smallest)
        if tolerance is None:
            solution = torch.addcmul(solution, length, direction)
        else:
            share = share * (curvature > 0)
            shares.append(share)
            longer = torch.addcmul(solution, share * length, direction)
            solution = torch.where(share > 0, longer, solution)  # what has ended may diverge
        if iteration == iterations - 1:
            break
        residual = torch.addcmul(residual, length, image, value=-1)
        preconditioned = precondition(residual)
        previous, energy = energy, inner(residual, preconditioned)
        if tolerance is not None:
            share = fading(share, energy, threshold)
            if over(share):
                break
        direction = torch.addcmul(preconditioned, energy / previous.clamp_min(smallest), direction)
    return solution, torch.stack(shares).sum(dim=0).flatten(-count)[..., 0]
