"""Where a CPU goes another way than a device that computes on its own, and must not be waited for."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor

HOSTS = {"cpu"}
"""Without any, everything goes the way of a GPU; on a CPU too, to be tested and counted."""


def on_host(values: "Tensor") -> bool:
    """Whether values are where the program itself runs, so that asking for them costs nothing."""
    return is_host(values.device)


def is_host(device: "torch.device") -> bool:
    """Whether a device is where the program itself runs."""
    return device.type in HOSTS


def over(active: "Tensor") -> bool:
    """Whether none of several problems is active any more (bool); on a device it is never asked.

    >>> import torch
    >>> over(torch.tensor([False, True])), over(torch.tensor([False, False]))
    (False, True)
    """
    return on_host(active) and not bool(active.any())
