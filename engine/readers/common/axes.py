"""Order of the stored axes: from any permutation of frame, axial and lateral to frames (H, W)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import ParameterError, ReadError


def resolve_axes(path: Path, shape: Sequence[int], wanted: str | None, default: str) -> str:
    """Return one letter for each axis of the array: f, a, l, or 1 for an axis of one entry beyond the third.

    `wanted` is the user's choice and must be a permutation of "fal" or "al"; a single frame may drop the "f".
    """
    places = [place for place, size in enumerate(shape) if size != 1 or len(shape) <= 3]
    if len(places) not in {2, 3}:
        raise ReadError(path, f"expected an array of 2 or 3 axes, found shape {tuple(shape)}")
    letters = default if wanted is None else wanted
    if sorted(letters) not in (["a", "l"], ["a", "f", "l"]):
        raise ParameterError(f"axes: expected the letters f, a and l in the order of storage, found {wanted!r}")
    if len(letters) == 3 and len(places) == 2:
        letters = letters.replace("f", "")
    if len(letters) != len(places):
        raise ParameterError(f"axes: {letters!r} names {len(letters)} axes, the array has {len(places)}")
    named = dict(zip(places, letters, strict=True))
    return "".join(named.get(place, "1") for place in range(len(shape)))


def arranged_shape(shape: Sequence[int], axes: str) -> tuple[int, int, int]:
    """Return (T, H, W) of an array whose axes have the given letters."""
    sizes = dict(zip(axes, shape, strict=True))
    return sizes.get("f", 1), sizes["a"], sizes["l"]


def take_frame(array: Any, axes: str, index: int) -> NDArray[Any]:
    """Cut frame `index` (H, W) out of an array, memory map or HDF5 dataset, reading no more than that frame."""
    place = {"f": index, "1": 0}
    frame = np.asarray(array[tuple(place.get(letter, slice(None)) for letter in axes)])
    return frame if axes.index("a") < axes.index("l") else frame.T
