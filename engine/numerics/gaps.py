"""Gaps in a map: filled from the nearest pixel that has a value, or made where a motion leaves the frame."""

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

if TYPE_CHECKING:
    from torch import Tensor

F = TypeVar("F", bound=np.floating[Any])


def fill_gaps(values: NDArray[F], missing: NDArray[np.bool_] | None = None) -> NDArray[F]:
    """Fill the pixels of a map (H, W) that are `missing`, by default NaN; where all are, the result is 0.

    >>> fill_gaps(np.array([[1.0, np.nan, np.nan, 4.0]]))
    array([[1., 1., 4., 4.]])
    """
    gaps = np.isnan(values) if missing is None else missing
    if not gaps.any():
        return values
    if gaps.all():
        return np.zeros_like(values)
    nearest = distance_transform_edt(gaps, return_distances=False, return_indices=True)
    filled: NDArray[F] = values[tuple(nearest)]
    return filled


def filled(maps: "Tensor") -> "Tensor":
    """`fill_gaps` of maps (..., H, W) on their device."""
    import torch

    from engine.numerics.host import on_host

    if on_host(maps):
        missing = maps.isnan()
        if not missing.any():
            return maps
        flat = maps.flatten(0, -3).numpy()
        return torch.from_numpy(np.stack([fill_gaps(entry) for entry in flat])).reshape(maps.shape)
    return filled_on_device(maps)


_ROWS = 64
"""Rows that are compared with all lines at a time, so that memory stays small."""


def filled_on_device(maps: "Tensor") -> "Tensor":
    """Fill gaps of maps (..., H, W) and ask nothing of the device: each line's nearest value, then the nearest line."""
    import torch

    height, width = maps.shape[-2:]
    known = ~maps.isnan()
    rows = torch.arange(height, dtype=torch.float32, device=maps.device)[:, None]
    lines = torch.arange(width, dtype=torch.float32, device=maps.device)
    far = 4.0 * (height + width)
    above = torch.where(known, rows, -far).cummax(dim=-2).values
    below = torch.where(known, rows, height + far).flip(-2).cummin(dim=-2).values.flip(-2)
    nearest = torch.where(rows - above <= below - rows, above, below)
    apart = (lines[:, None] - lines).square()
    away = (nearest - rows).square()
    line = torch.cat([(part[..., None, :] + apart).argmin(dim=-1) for part in torch.split(away, _ROWS, -2)], dim=-2)
    row = nearest.gather(-1, line).clamp(0, height - 1).long()
    found = maps.flatten(-2).gather(-1, (row * width + line).flatten(-2)).reshape(maps.shape)
    return torch.where(known.any(-1).any(-1)[..., None, None], found, 0.0)


def without_far_outside(field: NDArray[F]) -> NDArray[F]:
    """Motion (2, H, W) in lines and samples with NaN where it leaves the frame by more than a line or a sample.

    Nothing but smoothness holds a regularised field there.
    """
    import torch

    from engine.numerics.warp import inside

    known = inside(torch.from_numpy(field)[None], margin=1.0)[0].numpy()
    found: NDArray[F] = np.where(known, field, field.dtype.type(np.nan))
    return found
