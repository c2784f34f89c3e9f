"""Where a CPU goes another way than a device that computes on its own, and must not be waited for."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch
    from torch import Tensor

HOSTS = {"cpu"}
"""Without any, everything goes the way of a GPU; on a CPU too, to be tested and counted."""

IN_CACHE = 2**16
"""Values of a map that a CPU takes at a time: a few maps of them stay in its cache, which takes a third of the time."""


def on_host(values: "Tensor") -> bool:
    """Whether values are where the program itself runs, so that asking for them costs nothing."""
    return is_host(values.device)


def is_host(device: "torch.device") -> bool:
    """Whether a device is where the program itself runs."""
    return device.type in HOSTS


def over(active: "Tensor") -> bool:
    """Whether none of several problems is active any more (not zero); on a device it is never asked.

    >>> import torch
    >>> over(torch.tensor([False, True])), over(torch.tensor([False, False]))
    (False, True)
    """
    return on_host(active) and not bool(active.any())


def in_bands(work: "Callable[..., Tensor]", *maps: "Tensor", reach: int = 0) -> "Tensor":
    """`work(*maps)` of maps (..., H, W) with `reach` rows of zeros at both ends; it returns H rows.

    Each row of the result depends on rows within reach. A CPU works on a band of rows at a time, but for gradients.

    >>> import torch
    >>> in_bands(lambda values: values[2:] - values[:-2], torch.ones(3, 1), reach=1).flatten().tolist()
    [1.0, 0.0, -1.0]
    """
    import torch

    height = maps[0].shape[-2]
    padded = [torch.nn.functional.pad(entry, (0, 0, reach, reach)) for entry in maps] if reach else maps
    rows = max(IN_CACHE // maps[0][..., 0, :].numel(), reach, 1)
    if not on_host(maps[0]) or rows >= height or maps[0].requires_grad:
        return work(*padded)
    bands = (slice(first, min(first + rows, height) + 2 * reach) for first in range(0, height, rows))
    return torch.cat([work(*(entry[..., band, :] for entry in padded)) for band in bands], dim=-2)
