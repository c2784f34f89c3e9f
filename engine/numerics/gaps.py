"""Gaps in a map: filled from the nearest pixel that has a value, or made where a motion leaves the frame."""

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

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


def without_far_outside(field: NDArray[F]) -> NDArray[F]:
    """Motion (2, H, W) in lines and samples with NaN where it leaves the frame by more than a line or a sample.

    Nothing but smoothness holds a regularised field there.
    """
    import torch

    from engine.numerics.warp import inside

    known = inside(torch.from_numpy(field)[None], margin=1.0)[0].numpy()
    found: NDArray[F] = np.where(known, field, field.dtype.type(np.nan))
    return found
