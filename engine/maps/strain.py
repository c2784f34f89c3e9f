"""The components of strain: axial, lateral and shear."""

from engine.maps.base import StrainMap, register
from engine.quantity import AXIAL_STRAIN, COMPRESSIVE, PERCENT, Quantity

register(
    StrainMap(
        AXIAL_STRAIN,
        "Axial strain",
        "Strain along the beam; compression or elongation counts as positive, as chosen",
        "w_z",
        COMPRESSIVE,
        lambda source: source.estimate.strain.axial,
    )
)
register(
    StrainMap(
        "lateral-strain",
        "Lateral strain",
        "Strain across the beam, elongation positive",
        "u_x",
        Quantity("lateral-strain", "Lateral strain (%)", PERCENT, ("narrower", "wider"), from_zero=True),
        lambda source: source.tensor.lateral,
        across=True,
    )
)
register(
    StrainMap(
        "shear-strain",
        "Shear strain",
        "Shear of the tensor, half the change of a right angle; positive where depth grows with lateral place",
        "(u_z + w_x) / 2",
        Quantity("shear-strain", "Shear strain (%)", PERCENT, ("negative", "positive"), symmetric=True),
        lambda source: source.tensor.shear,
        across=True,
        colormap="crameri:vik",
    )
)
