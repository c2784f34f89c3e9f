"""When an iteration over several problems is over: asked where it costs nothing, else never."""

from torch import Tensor

ASKED_ON = {"cpu"}
"""Devices that are asked; the others would have to be waited for, and make all iterations instead."""


def over(active: Tensor) -> bool:
    """Whether none of the problems is active any more (bool), as far as it is asked.

    >>> import torch
    >>> over(torch.tensor([False, True])), over(torch.tensor([False, False]))
    (False, True)
    """
    return active.device.type in ASKED_ON and not bool(active.any())
