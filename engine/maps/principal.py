"""Principal strains, their direction, and the largest shear: what does not depend on how the probe was held."""

import numpy as np

from engine.maps.base import MapInput, StrainMap, register
from engine.quantity import PERCENT, Quantity
from engine.types import Map


def _mean(source: MapInput) -> Map:
    mean: Map = (source.tensor.axial + source.tensor.lateral) * np.float32(0.5)
    return mean


def _radius(source: MapInput) -> Map:
    """Radius of Mohr's circle."""
    tensor = source.tensor
    radius: Map = np.hypot((tensor.axial - tensor.lateral) / 2, tensor.shear)
    return radius


def _angle(source: MapInput) -> Map:
    tensor = source.tensor
    angle: Map = np.arctan2(2 * tensor.shear, tensor.lateral - tensor.axial) / 2
    return angle


register(
    StrainMap(
        "major-strain",
        "Major strain",
        "Largest elongation in any direction",
        "(e_zz + e_xx) / 2 + r, r^2 = (e_zz - e_xx)^2 / 4 + e_xz^2",
        Quantity("major-strain", "Major strain (%)", PERCENT, ("little", "elongation"), from_zero=True),
        lambda source: _mean(source) + _radius(source),
        across=True,
    )
)
register(
    StrainMap(
        "minor-strain",
        "Minor strain",
        "Smallest elongation in any direction, negative where tissue is compressed",
        "(e_zz + e_xx) / 2 - r",
        Quantity("minor-strain", "Minor strain (%)", PERCENT, ("compression", "little"), from_zero=True),
        lambda source: _mean(source) - _radius(source),
        across=True,
    )
)
register(
    StrainMap(
        "principal-angle",
        "Principal angle",
        "Direction of the major strain, from lateral towards depth",
        "arctan2(2 e_xz, e_xx - e_zz) / 2",
        Quantity(
            "principal-angle",
            "Principal angle (\N{DEGREE SIGN})",
            180 / np.pi,
            ("up", "down"),
            "\N{DEGREE SIGN}",
            limits=(-90.0, 90.0),
        ),
        _angle,
        across=True,
        colormap="twilight",
    )
)
register(
    StrainMap(
        "max-shear",
        "Largest shear strain",
        "Shear of the tensor in the direction where it is largest",
        "r",
        Quantity("max-shear", "Largest shear strain (%)", PERCENT, ("none", "much"), from_zero=True),
        _radius,
        across=True,
    )
)
