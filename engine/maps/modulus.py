"""Relative Young's modulus, where it was computed (`engine.elasticity`)."""

from engine.maps.base import MapInput, StrainMap, register
from engine.quantity import Quantity
from engine.types import Map


def _modulus(source: MapInput) -> Map:
    assert source.modulus is not None
    return source.modulus


register(
    StrainMap(
        "modulus",
        "Relative modulus",
        "Young's modulus over the median of the background",
        "E / E of the background",
        Quantity("modulus", "Relative modulus", 1.0, ("softer", "stiffer"), "", from_zero=True),
        _modulus,
        needs=("modulus",),
        colormap="magma",
    )
)
