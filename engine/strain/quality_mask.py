"""The quality mask: strain whose local correlation is low is not shown nor, on request, measured."""

from dataclasses import replace

import numpy as np

from engine.strain.persistence import FrameStrain
from engine.types import Map


def visible(stored: Map, quality: Map | None, threshold: float) -> Map:
    """Leave out the pixels of lower quality, NaN in the map (H, W); at a threshold of 0 the map stays as it is."""
    if threshold <= 0 or quality is None:
        return stored
    shown: Map = np.where(quality >= threshold, stored, np.float32(np.nan))
    return shown


def measured(found: FrameStrain, threshold: float) -> FrameStrain:
    """Return a frame's strain as it is measured: without the pixels of a quality below the threshold.

    What relative strain is relative to stays that of the whole map.
    """
    if threshold <= 0:
        return found
    return replace(found, strain=replace(found.strain, axial=visible(found.strain.axial, found.quality, threshold)))
