"""What a map shows: the shown values of the stored ones, their label and unit, and the words at the colour bar's ends.

No standard colour direction exists in the field, so the ends of the bar always say what they mean.
"""

import math
from dataclasses import dataclass

import numpy as np

from engine.types import Map

AXIAL_STRAIN = "axial-strain"
"""The map that is shown where nothing else is chosen; what counts as positive in it is a choice of its own."""
MODULUS = "modulus"
"""The map that takes a computation of its own."""
PERCENT = 100.0
MILLI = 1e3


@dataclass(frozen=True)
class Quantity:
    """Shown is `factor` times stored, or its magnitude; `ends` are the words at the low and the high end.

    `label` names it with its `unit`. Limits hold what is shown; those of a `symmetric` quantity are symmetric about
    zero, those `from_zero` reach zero, and `limits` are the same for every map.
    """

    name: str
    label: str
    factor: float
    ends: tuple[str, str]
    unit: str = "%"
    magnitude: bool = False
    symmetric: bool = False
    from_zero: bool = False
    limits: tuple[float, float] | None = None

    @property
    def column(self) -> str:
        """Return its name with its unit for the head of a table.

        >>> QUANTITIES["magnitude"].column
        'magnitude_percent'
        """
        return "_".join(filter(None, (self.name.replace("-", "_"), self.unit_word)))

    @property
    def unit_word(self) -> str:
        """Return the unit in letters, nothing where there is none."""
        return {"%": "percent", "\N{DEGREE SIGN}": "deg"}.get(self.unit, self.unit)

    def shown(self, stored: Map) -> Map:
        """Return what is shown of stored values, any shape."""
        values: Map = np.asarray(stored * np.float32(self.factor), dtype=np.float32)
        return np.abs(values) if self.magnitude else values


SOFTNESS = ("stiff /\nlow strain", "soft /\nhigh strain")
QUANTITIES: dict[str, Quantity] = {
    entry.name: entry
    for entry in (
        Quantity("compressive", "Compressive strain (%)", -PERCENT, SOFTNESS),
        Quantity("signed", "Axial strain (%), elongation +", PERCENT, ("compression", "elongation"), symmetric=True),
        Quantity("magnitude", "Strain magnitude (%)", PERCENT, SOFTNESS, magnitude=True),
        Quantity("relative-compressive", "Relative strain (no unit)", 1.0, SOFTNESS, ""),
        Quantity(
            "relative-signed",
            "Relative strain (no unit)",
            1.0,
            ("against\nthe mean", "along\nthe mean"),
            "",
            symmetric=True,
        ),
        Quantity("relative-magnitude", "Relative magnitude (no unit)", 1.0, SOFTNESS, "", magnitude=True),
    )
}
"""What may be shown of axial strain; every other map has a quantity of its own (`engine.maps`)."""
COMPRESSIVE = QUANTITIES["compressive"]


def strain_quantity(sign: str, *, relative: bool) -> Quantity:
    """Return what is shown of strain under a sign; relative strain is stored divided by the mean of its frame."""
    return QUANTITIES[f"relative-{sign}" if relative else sign]


def usual_range(stored: Map) -> tuple[float, float]:
    """Return what 96 % of a map's valid pixels lie between, from a subsample; NaN where there are none."""
    some = subsample(stored)
    if not some.size:
        return math.nan, math.nan
    low, high = np.percentile(some, (2, 98))
    return float(low), float(high)


def subsample(values: Map) -> Map:
    """Return the valid ones of every fourth row and second line, (N,): enough for limits and summaries."""
    some = values[::4, ::2]
    valid: Map = some[np.isfinite(some)]
    return valid


def limits_of(stored: tuple[float, float], quantity: Quantity) -> tuple[float, float]:
    """Limits of the quantity as shown that hold a range of stored values."""
    if quantity.limits is not None:
        return quantity.limits
    ends = quantity.shown(np.array(stored, np.float32))
    low, high = float(ends.min()), float(ends.max())
    if quantity.magnitude and stored[0] < 0 < stored[1]:
        low = 0.0
    if quantity.from_zero:
        low, high = min(low, 0.0), max(high, 0.0)
    return tidy_limits(low, high, symmetric=quantity.symmetric)


def tidy_limits(low: float, high: float, *, symmetric: bool) -> tuple[float, float]:
    """Round limits outwards to a step a reader can hold in mind; signed maps get limits symmetric about zero.

    >>> tidy_limits(0.103, 0.298, symmetric=False)
    (0.1, 0.3)
    """
    if symmetric:
        high = max(abs(low), abs(high))
        low = -high
    step = 10.0 ** np.floor(np.log10(max(high - low, 1e-3) / 5))
    low, high = (float(f"{value * step:.9g}") for value in (np.floor(low / step), np.ceil(high / step)))
    return low, (high if high > low else low + float(step))
