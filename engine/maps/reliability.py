"""How sure an estimate is: local correlation, and the uncertainty of its strain."""

from engine.maps.base import MapInput, StrainMap, register
from engine.quantity import PERCENT, Quantity
from engine.types import Map


def _sigma(source: MapInput) -> Map:
    assert source.estimate.sigma is not None
    return source.estimate.sigma.axial_strain


register(
    StrainMap(
        "quality",
        "Local correlation",
        "Correlation of the reference and the motion-compensated frame around each pixel",
        "rho",
        Quantity("quality", "Local correlation (no unit)", 1.0, ("no match", "match"), "", limits=(0.0, 1.0)),
        lambda source: source.estimate.quality,
    )
)
register(
    StrainMap(
        "sigma",
        "Uncertainty of the strain",
        "Standard deviation of the axial strain",
        "sigma",
        Quantity("sigma", "Uncertainty of strain (%)", PERCENT, ("certain", "uncertain"), from_zero=True),
        _sigma,
        needs=("sigma",),
    )
)
