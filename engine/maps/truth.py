"""The truth of a simulated recording through the same strain filter, and the estimate's distance from it."""

from engine.maps.base import MapInput, StrainMap, register
from engine.quantity import PERCENT, SOFTNESS, Quantity
from engine.types import Map


def _true(source: MapInput) -> Map:
    assert source.true is not None
    return source.true.strain.axial


register(
    StrainMap(
        "truth",
        "True strain, same filter",
        "Axial strain of the true motion, through the strain filter of the estimate",
        "w_z of the truth",
        Quantity("truth", "True compressive strain (%)", -PERCENT, SOFTNESS),
        _true,
        needs=("true",),
    )
)
register(
    StrainMap(
        "error",
        "Error of the strain",
        "Axial strain minus the true one",
        "w_z - w_z of the truth",
        Quantity("error", "Error of compressive strain (%)", -PERCENT, ("too low", "too high"), symmetric=True),
        lambda source: source.estimate.strain.axial - _true(source),
        needs=("true",),
        colormap="crameri:vik",
    )
)
