"""From two frames to a pair: both divided by one scalar, which keeps their amplitudes comparable."""

import numpy as np

from engine.errors import StrainscopeError
from engine.types import FramePair, Geometry, Map

PERCENTILE = 99.9


def normalise(reference: Map, deformed: Map, geometry: Geometry) -> FramePair:
    """Divide both frames (H, W) by the 99.9th percentile of |reference|, so that |RF| is about 1 at most.

    A scalar for each frame would break the constancy of amplitude on which regularised methods rely. A reference
    whose percentile is zero, that is one without signal, is a StrainscopeError.
    """
    scale = float(np.percentile(np.abs(reference), PERCENTILE))
    if scale == 0.0:
        raise StrainscopeError("the reference frame holds no signal: nearly all of its samples are zero")
    factor = np.float32(1 / scale)
    return FramePair(reference * factor, deformed * factor, geometry)
