"""Consistency without truth: how well the motion brings the frames together, how well successive strain maps agree.

The two numbers are the similarity and the consistency of Delaunay et al. 2021 as global correlations.
"""

from collections.abc import Iterable
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from engine.metrics.base import Measurement
from engine.metrics.similarity import ncc
from engine.types import Displacement, FramePair, Map

if TYPE_CHECKING:
    import torch


def compensated_ncc(pair: FramePair, displacement: Displacement, device: "torch.device") -> Measurement:
    """Correlation of the reference with the motion-compensated deformed frame, over the pixels with an estimate.

    Pixels whose motion leaves the frame do not count.
    """
    import torch

    from engine.numerics.warp import inside, motion_from_numpy, warp

    motion = motion_from_numpy(displacement.axial_samples, displacement.lateral_lines, device)
    deformed = torch.from_numpy(pair.deformed).to(device)[None, None]
    compensated = np.asarray(warp(deformed, motion)[0, 0].cpu().numpy(), dtype=np.float32)
    estimated = np.isfinite(displacement.axial_m) & np.isfinite(displacement.lateral_m)
    usable = estimated & inside(motion)[0, 0].cpu().numpy()
    return ncc(pair.reference, np.where(usable, compensated, np.float32(np.nan)), "compensated_ncc")


def successive_ncc(strains: Iterable[Map]) -> tuple[Measurement, ...]:
    """Correlation of each strain map with the one before it, so one value fewer than maps."""
    return tuple(ncc(later, earlier, "successive_ncc") for earlier, later in pairwise(strains))
