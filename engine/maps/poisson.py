"""Effective Poisson's ratio of the plane, shown only where both strains are surely there."""

import numpy as np

from engine.maps.base import MapInput, StrainMap, register
from engine.quantity import Quantity
from engine.types import Map

SIGMAS = 3.0
"""Strains nearer to zero than this many of their standard deviations have no ratio."""


def _ratio(source: MapInput) -> Map:
    axial, lateral = source.tensor.axial, source.tensor.lateral
    assert source.estimate.sigma is not None
    sure = (np.abs(axial) > SIGMAS * source.estimate.sigma.axial_strain) & (
        np.abs(lateral) > SIGMAS * source.sigma("lateral_strain")
    )
    ratio: Map = np.where(sure, -lateral / np.where(sure, axial, np.float32(1)), np.float32(np.nan))
    return ratio


register(
    StrainMap(
        "poisson",
        "Effective Poisson's ratio",
        "Lateral elongation over axial compression, where both exceed three standard deviations; how tissue is held "
        "counts too",
        "-e_xx / e_zz",
        Quantity(
            "poisson", "Effective Poisson's ratio (no unit)", 1.0, ("shrinks", "keeps\nits area"), "", limits=(0.0, 1.0)
        ),
        _ratio,
        across=True,
        needs=("sigma",),
    )
)
