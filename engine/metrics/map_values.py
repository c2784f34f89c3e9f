"""Mean and standard deviation of the shown map in each region, where that is another map than axial strain."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.metrics.base import (
    MINIMUM_PIXELS,
    Finding,
    Measurement,
    Metric,
    MetricInput,
    Need,
    given,
    measure,
    register,
)
from engine.metrics.region_statistics import region_strain
from engine.quantity import Quantity
from engine.types import Ellipse, Geometry, Map

Values = NDArray[np.float64]


def map_metrics(
    values: Map, quantity: Quantity, geometry: Geometry, target: Ellipse | None, background: Ellipse | None
) -> Mapping[str, Measurement]:
    """Measure a map (H, W) as it is stored under two regions, in the unit in which it is shown.

    >>> from engine.quantity import COMPRESSIVE
    >>> source = np.full((900, 80), -0.01, np.float32), COMPRESSIVE, Geometry(40e6, 5e6, 1540.0, 0.3e-3)
    >>> round(map_metrics(*source, Ellipse(0, 9e-3, 4e-3, 4e-3), None)["map_mean_target"].value, 6)
    1.0
    """
    return measure(MetricInput(geometry, shown_map=values, quantity=quantity, target=target, background=background))


def _finding(region: str, moment: Callable[[Values], Any]) -> Callable[[MetricInput], Finding]:
    def function(source: MetricInput) -> Finding:
        quantity = given(source.quantity)
        stored = region_strain(given(source.shown_map), source.geometry, getattr(source, region))
        if isinstance(stored, str):
            return Finding(reason=stored)
        values = quantity.shown(stored[np.isfinite(stored)]).astype(np.float64)
        if values.size < MINIMUM_PIXELS:
            return Finding(count=values.size, reason="too_few")
        return Finding(float(moment(values)), values.size, unit=quantity.unit)

    return function


_REGIONS: tuple[tuple[Need, str], ...] = (("target", "T"), ("background", "B"))
_MOMENTS: tuple[tuple[str, str, str, Callable[[Values], Any]], ...] = (
    ("mean", "Mean", "Mean of the shown map", np.mean),
    ("std", "SD", "Standard deviation of the shown map", np.std),
)

for _place, (_region, _letter) in enumerate(_REGIONS):
    for _step, (_name, _short, _title, _moment) in enumerate(_MOMENTS):
        register(
            Metric(
                f"map_{_name}_{_region}",
                f"{_short} {_letter}",
                f"{_title}, {_region}",
                f"{_title} in the {_region}, in the map's own unit",
                _finding(_region, _moment),
                ("shown_map", _region),
                places=frozenset({"figure"}),
                order=480 + 10 * _place + _step,
            )
        )
