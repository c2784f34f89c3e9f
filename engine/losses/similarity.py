"""Similarity of RF frames: local normalised cross-correlation on patches that do not overlap.

Per patch the Pearson coefficient with population statistics, averaged over patches (Joarder et al. 2025, equations 4
to 6, with the division by the pixels of a patch that the print omits). It is signed, and blind to gain and offset.
"""

import torch
from torch import Tensor
from torch.nn import functional

Window = tuple[int, int]

EPSILON = 1e-6


def patch_correlation(first: Tensor, second: Tensor, window: Window, epsilon: float = EPSILON) -> Tensor:
    """Pearson coefficient of each patch, (N, C, H, W) twice to (N, C, H // rows, W // lines), in -1..1.

    `window` is (rows, lines), cut to the size of the image; rows and lines left over at the end are not used.
    `epsilon` keeps patches without any signal at 0 and bounds their gradient; the inputs should be of order 1.

    >>> x = torch.randn(1, 1, 18, 18)
    >>> float(patch_correlation(x, -x, (9, 9)).mean().round(decimals=4))
    -1.0
    """
    window = _fitted(window, first)
    mean_first, mean_second = functional.avg_pool2d(first, window), functional.avg_pool2d(second, window)
    first, second = _centred(first, mean_first, window), _centred(second, mean_second, window)
    covariance = functional.avg_pool2d(first * second, window)
    variances = functional.avg_pool2d(first * first, window) * functional.avg_pool2d(second * second, window)
    return covariance / torch.sqrt(variances + epsilon**2)


def similarity_loss(
    first: Tensor, second: Tensor, window: Window, valid: Tensor | None = None, epsilon: float = EPSILON
) -> Tensor:
    """One minus the mean patch correlation, a scalar in 0..2.

    `valid` (N, 1, H, W), bool: only patches whose pixels are all valid count; without any, the loss is 0.
    """
    correlation = patch_correlation(first, second, window, epsilon)
    if valid is None:
        return 1 - correlation.mean()
    weight = (functional.avg_pool2d(valid.to(first.dtype), _fitted(window, first)) > 1 - 1e-4).to(first.dtype)
    return ((1 - correlation) * weight).sum() / (weight.sum() * first.shape[1]).clamp_min(1)


def _fitted(window: Window, image: Tensor) -> Window:
    return min(window[0], image.shape[-2]), min(window[1], image.shape[-1])


def _centred(image: Tensor, mean: Tensor, window: Window) -> Tensor:
    """Take each patch's mean away before squaring: differences of large squares would lose the digits."""
    rows, lines = mean.shape[-2] * window[0], mean.shape[-1] * window[1]
    spread = mean.repeat_interleave(window[0], dim=-2).repeat_interleave(window[1], dim=-1)
    return image[..., :rows, :lines] - spread
