"""From two frames to a pair: both divided by one scalar, which keeps their amplitudes comparable."""

import numpy as np

from engine.errors import StrainscopeError
from engine.types import FramePair, Geometry, Map

PERCENTILE = 99.9


def normalise(reference: Map, deformed: Map, geometry: Geometry) -> FramePair:
    """Divide both frames (H, W) by the 99.9th percentile of |reference|, so that |RF| is about 1 at most.

    A scalar for each frame would break the constancy of amplitude on which regularised methods rely. A reference
    whose percentile is zero, that is one without signal, is a StrainscopeError.

    Parameters
    ----------
    reference, deformed
        RF (H, W), in one unit.
    geometry
        That of the recording.

    Returns
    -------
    FramePair
        Both frames, float32.

    Raises
    ------
    StrainscopeError
        As above.

    >>> rf = np.random.default_rng(0).normal(0.0, 300.0, (200, 16)).astype(np.float32)
    >>> pair = normalise(rf, rf, Geometry(40e6, 5e6, 1540.0, 0.3e-3))
    >>> round(float(np.percentile(np.abs(pair.reference), 99.9)), 2)
    1.0
    """
    factor = factor_of(reference)
    return FramePair(reference * factor, deformed * factor, geometry)


def factor_of(reference: Map) -> np.float32:
    """Return the scalar by which `normalise` multiplies both frames of a reference (H, W)."""
    scale = float(np.percentile(np.abs(reference), PERCENTILE))
    if scale == 0.0:
        raise StrainscopeError("the reference frame holds no signal: nearly all of its samples are zero")
    return np.float32(1 / scale)
