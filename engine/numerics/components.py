"""Connected areas of a mask, on whichever device it lies."""

import math

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from engine.numerics.host import on_host


def without_specks(mask: Tensor, smallest: int) -> Tensor:
    """Leave out of masks (B, H, W) bool what is connected, up, down and sideways, over fewer than `smallest` pixels.

    >>> mask = torch.tensor([[[True, False, True, True]]])
    >>> without_specks(mask, 2).tolist()
    [[[False, False, True, True]]]
    """
    if on_host(mask):
        kept = [_large(entry, smallest) for entry in mask.numpy()]
        return torch.from_numpy(np.stack(kept))
    place = connected(mask)
    count = torch.zeros_like(place).scatter_add_(1, place, mask.flatten(1).long())
    return mask & (count.gather(1, place) >= smallest).view(mask.shape)


def _large(mask: np.ndarray, smallest: int) -> np.ndarray:
    labels, _ = ndimage.label(mask)
    large = np.bincount(labels.ravel()) >= smallest
    large[0] = False
    kept: np.ndarray = large.take(labels)
    return kept


def connected(mask: Tensor) -> Tensor:
    """One pixel's place for all of a connected area of masks (B, H, W), (B, H W); without a word from the device.

    Pixels point at one another; each round every tree of pointers is hooked onto the least tree next to it, and the
    pointers are shortened (FastSV: Zhang, Azad & Buluc, 2020). The number of rounds is fixed, enough to halve the trees
    in each: of its 17 a path that winds through all of a frame of 800 by 128 takes 14, speckle takes 8.
    """
    count, height, width = mask.shape
    size = height * width
    inside = mask.flatten(1)
    parent = torch.arange(size, device=mask.device).expand(count, size).contiguous()
    away = torch.full((), size, device=mask.device)
    for _ in range(math.ceil(math.log2(max(size, 2)))):
        grand = parent.gather(1, parent)
        seen = torch.where(inside, grand, away).view(mask.shape)
        padded = torch.nn.functional.pad(seen, (1, 1, 1, 1), value=size)
        least = torch.minimum(
            torch.minimum(padded[:, :-2, 1:-1], padded[:, 2:, 1:-1]),
            torch.minimum(padded[:, 1:-1, :-2], padded[:, 1:-1, 2:]),
        ).flatten(1)
        least = torch.where(inside, torch.minimum(least, grand), grand)
        parent = parent.scatter_reduce(1, parent, least, "amin")
        parent = torch.minimum(torch.minimum(parent, least), parent.gather(1, parent))
    return parent
