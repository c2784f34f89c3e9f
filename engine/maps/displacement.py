"""Both displacements."""

from engine.maps.base import StrainMap, register
from engine.quantity import MILLI, Quantity

register(
    StrainMap(
        "axial-displacement",
        "Axial displacement",
        "Motion along the beam since the reference frame, away from the probe positive",
        "w",
        Quantity(
            "axial-displacement", "Axial displacement (mm)", MILLI, ("towards\nthe probe", "away from\nthe probe"), "mm"
        ),
        lambda source: source.displacement.axial_m,
        moves=True,
    )
)
register(
    StrainMap(
        "lateral-displacement",
        "Lateral displacement",
        "Motion across the beam since the reference frame, to the right positive",
        "u",
        Quantity("lateral-displacement", "Lateral displacement (mm)", MILLI, ("to the left", "to the right"), "mm"),
        lambda source: source.displacement.lateral_m,
        moves=True,
    )
)
