"""Relative strain: the strain of a frame divided by its mean, so that frames of different compression compare.

Strain grows with the compression that is applied, which differs from frame to frame. The mean over the image is that
compression: the difference of displacement between bottom and top over the depth.
"""

import math

import numpy as np

from engine.metrics.border import interior
from engine.types import Geometry, Map

SMALLEST_SHARE = 0.1
"""A mean below this share of the standard deviation is no compression that a map could be divided by."""


def mean_strain(strain: Map, geometry: Geometry, window_m: float) -> float:
    """Mean stored strain (negative in compression) of a map (H, W) without its border, over its valid pixels.

    It is minus the metric `mean_image`, in parts of one. NaN where there is no valid pixel, or where the frame was
    hardly compressed: a mean below a tenth of the standard deviation.

    >>> geometry = Geometry(40e6, 5e6, 1540.0, 0.3e-3)
    >>> round(mean_strain(np.full((300, 40), -0.01, np.float32), geometry, 2e-3), 6)
    -0.01
    """
    values = strain[interior((strain.shape[0], strain.shape[1]), geometry, window_m)]
    finite = np.isfinite(values)
    valid = values.reshape(-1) if finite.all() else values[finite]
    if valid.size == 0:
        return math.nan
    mean = float(valid.mean(dtype=np.float64))
    spread = float(valid.std(dtype=np.float64))
    return mean if abs(mean) > SMALLEST_SHARE * spread else math.nan


def relative_strain(strain: Map, mean: float) -> Map:
    """Divide stored strain by the mean of its frame: 1 where the tissue gives way as the whole frame does.

    Tissue that is stretched while the frame is compressed is negative, in compression and in release alike. All NaN
    where the mean is NaN.

    Parameters
    ----------
    strain
        Map (H, W) as stored.
    mean
        `mean_strain` of its frame, or of the frames that were averaged.

    Returns
    -------
    array
        Map (H, W) without unit.

    >>> relative_strain(np.array([[-0.01, -0.03]], np.float32), -0.02).round(3).tolist()
    [[0.5, 1.5]]
    """
    relative: Map = np.asarray(strain * np.float32(1.0 / mean), dtype=np.float32)
    return relative
