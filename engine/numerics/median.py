"""The median over 5 by 5 windows by a sorting network: comparisons of whole maps, many times faster than sorting.

Columns of five are sorted once and shared by the windows that hold them; then the five rows of a window's columns. In
a table whose rows and columns ascend, place (i, j) has (i + 1)(j + 1) - 1 values below and (5 - i)(5 - j) - 1 above it,
so only 13 of the 25 can be the median, which is theirs too. A merge-exchange network (Batcher 1968) sorts these,
without the comparisons that do not reach the middle.
"""

from collections.abc import Iterable
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

SIZE = 5
_REACH = SIZE // 2
_MIDDLE = (SIZE * SIZE + 1) // 2

Comparator = tuple[int, int, bool, bool]
"""Two places, the lower value goes to the first; whether the lower and the higher one are used later."""


def median_filter(field: Tensor) -> Tensor:
    """Median over 5 by 5 windows of each map of (..., h, W); edges are replicated.

    >>> median_filter(torch.arange(25.0).reshape(1, 5, 5))[0, 2, 2].item()
    12.0
    """
    height, width = field.shape[-2:]
    padded = functional.pad(field.flatten(0, -3)[:, None], (_REACH,) * 4, mode="replicate")
    column = [padded[..., row : row + height, :] for row in range(SIZE)]
    _exchange(column, [(a, b, True, True) for a, b in _merge_exchange(SIZE)])
    window = [entry[..., line : line + width] for entry in column for line in range(SIZE)]
    _exchange(window, _comparators())
    return window[_place_of_median()].reshape(field.shape)


def _exchange(values: list[Tensor], comparators: Iterable[Comparator]) -> None:
    for first, second, lower, higher in comparators:
        a, b = values[first], values[second]
        if lower:
            values[first] = torch.minimum(a, b)
        if higher:
            values[second] = torch.maximum(a, b)


@lru_cache(maxsize=1)
def _comparators() -> tuple[Comparator, ...]:
    """Comparisons that bring the median of 25 to its place, sorted columns given."""
    rows = [(SIZE * row + a, SIZE * row + b) for row in range(SIZE) for a, b in _merge_exchange(SIZE)]
    left = _candidates()
    pairs = rows + [(left[a], left[b]) for a, b in _merge_exchange(len(left))]
    needed, kept = {_place_of_median()}, list[Comparator]()
    for first, second in reversed(pairs):
        if needed & {first, second}:
            kept.append((first, second, first in needed, second in needed))
            needed |= {first, second}
    return tuple(reversed(kept))


def _candidates() -> list[int]:
    """Places that can hold the median once rows and columns ascend."""
    return [
        SIZE * row + line
        for row in range(SIZE)
        for line in range(SIZE)
        if max((row + 1) * (line + 1), (SIZE - row) * (SIZE - line)) <= _MIDDLE
    ]


def _place_of_median() -> int:
    left = _candidates()
    return left[len(left) // 2]


def _merge_exchange(count: int) -> list[tuple[int, int]]:
    """Batcher's network for `count` values (Knuth, The Art of Computer Programming 3, algorithm 5.2.2 M)."""
    pairs = []
    top = 1 << max(count - 1, 1).bit_length() - 1
    p = top
    while p > 0:
        q, r, d = top, 0, p
        while d > 0:
            pairs += [(i, i + d) for i in range(count - d) if i & p == r]
            d, q, r = q - p, q >> 1, p
        p >>= 1
    return pairs
