"""What a metric is: one registered value that owns all that is said of it, and the function that computes it.

Tables, CSV, JSON, figures, graphs, evaluation and guide are made from `METRICS`, so a metric is one file: it calls
`register` with a `Metric` and appears everywhere. Its function takes a `MetricInput`, all that may be known of
one estimated frame, and returns a `Finding`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from engine.quantity import Quantity
from engine.registry import Registry
from engine.types import LATERAL_WINDOW_M, Displacement, Ellipse, FrameTruth, Geometry, Map, Strain

T = TypeVar("T")

DEFAULT_WINDOW_M = 2e-3
"""Length of the strain window where a map does not say its own."""
MINIMUM_PIXELS = 25
"""Fewest valid pixels that are measured."""
PERCENT = 100.0

Need = Literal[
    "strain",
    "shown_map",
    "lateral_strain",
    "displacement",
    "truth",
    "modulus",
    "seconds",
    "target",
    "background",
    "lesion",
]
Better = Literal["higher", "lower", "neither"]
Place = Literal["panel", "figure", "evaluation"]
RangeKind = Literal["", "interval-95", "method-factor"]

REGIONS: dict[Need, str] = {"target": "not_drawn", "background": "not_drawn", "lesion": "no_outline"}
"""Regions that a user draws, each with the reason of a metric that lacks it; without other needs there is no metric."""


@dataclass(frozen=True)
class Measurement:
    """One metric of one frame; `value` is NaN exactly when `reason` is not empty.

    `decibel` is the same value in dB where dB make sense (20 log10 of positive amplitude-like ratios), else NaN.
    `count` is the number of valid pixels behind the value, `ddof` the one of its standard deviations.

    What is known of its reliability, in the unit of the value: `sigma` is the standard uncertainty, `low` and `high`
    the ends of the interval in which the true value lies with 95 %, `cells` the number of independent resolution
    cells behind them; NaN and 0 where nobody has said. Where `range_kind` is `method-factor` the ends are no such
    interval but the value over and times a factor fixed for the method, whatever the data. `warning` is a sentence on
    why the value should not be trusted as it stands.
    """

    name: str
    value: float
    unit: str = ""
    decibel: float = math.nan
    count: int = 0
    ddof: int = 0
    reason: str = ""
    sigma: float = math.nan
    low: float = math.nan
    high: float = math.nan
    cells: float = 0.0
    warning: str = ""
    range_kind: RangeKind = ""

    def __post_init__(self) -> None:
        if math.isnan(self.value) != bool(self.reason):
            raise ValueError(f"{self.name}: a missing value needs a reason, and only a missing value has one")


@dataclass(frozen=True)
class Finding:
    """What a metric's function found: a value and the pixels behind it, or the `reason` why there is none.

    The other fields are those of `Measurement`. A reason is a code of `engine.metrics.reasons` or a sentence.
    """

    value: float = math.nan
    count: int = 0
    reason: str = ""
    sigma: float = math.nan
    low: float = math.nan
    high: float = math.nan
    cells: float = 0.0
    warning: str = ""
    unit: str = ""
    """Unit of the value where it is not the metric's own."""


@dataclass(frozen=True, eq=False)
class MetricInput:
    """All that may be known of one estimated frame; what is None is not known, and metrics that need it are left out.

    `strain` (H, W) is negative in compression, NaN where invalid, made with a window of `window_m`; `modulus` (H, W) is
    relative; `sigma` (H, W) is the strain's standard deviation; `seconds` is what the estimate took; `ddof` is that of
    all standard deviations. `shown_map` (H, W) is another map as it is stored, shown as `quantity`; `lateral_strain`
    (H, W) was taken over `lateral_window_m`.
    """

    geometry: Geometry
    strain: Map | None = None
    target: Ellipse | None = None
    background: Ellipse | None = None
    lesion: Ellipse | None = None
    window_m: float = DEFAULT_WINDOW_M
    ddof: int = 0
    displacement: Displacement | None = None
    truth: FrameTruth | None = None
    modulus: Map | None = None
    seconds: float | None = None
    sigma: Map | None = None
    shown_map: Map | None = None
    quantity: Quantity | None = None
    lateral_strain: Map | None = None
    lateral_window_m: float = LATERAL_WINDOW_M
    _kept: dict[Any, Any] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def of_strain(cls, strain: Strain, **others: Any) -> "MetricInput":
        """Take map, geometry and window from a strain map; `others` are further fields."""
        window_m = strain.window_m or DEFAULT_WINDOW_M
        return cls(strain.geometry, strain.axial, window_m=window_m, sigma=strain.sigma, **others)

    def once(self, function: Callable[["MetricInput"], T]) -> T:
        """Compute what several metrics share, the first time it is asked for."""
        if function not in self._kept:
            self._kept[function] = function(self)
        found: T = self._kept[function]
        return found

    def lacks(self, need: Need) -> bool:
        """Say whether something is not known."""
        return getattr(self, need) is None


@dataclass(frozen=True)
class Metric:
    """A metric and everything that is said of it.

    `short` heads a narrow column, `title` stands alone, `help` is one sentence. `better` is the direction of a better
    method or image, `decibel` the factor of its log10 in dB (20, 10, or 0 for none). `needs` lists what it is made
    from, regions in the order in which their lack is told. `places` are the short lists that show it; full tables hold
    every metric. `order` sorts all lists; a `slow` one does not follow a drag, one with
    an `interval` states its uncertainty.
    """

    name: str
    short: str
    title: str
    help: str
    function: Callable[[MetricInput], Finding]
    needs: tuple[Need, ...]
    unit: str = ""
    better: Better = "neither"
    decibel: float = 0.0
    places: frozenset[Place] = frozenset({"panel", "figure", "evaluation"})
    order: int = 1000
    slow: bool = False
    interval: bool = False

    def measure(self, source: MetricInput) -> Measurement:
        """Measure one frame, of which everything but regions must be known."""
        missing = next((REGIONS[need] for need in self.needs if need in REGIONS and source.lacks(need)), "")
        found = Finding(reason=missing) if missing else self._found(source)
        return Measurement(
            self.name,
            found.value,
            found.unit or self.unit,
            decibel(found.value, self.decibel) if self.decibel else math.nan,
            found.count,
            source.ddof,
            found.reason,
            found.sigma,
            found.low,
            found.high,
            found.cells,
            found.warning,
            "interval-95" if math.isfinite(found.low) else "",
        )

    def _found(self, source: MetricInput) -> Finding:
        try:
            return self.function(source)
        except Exception as error:
            if METRICS.has_failed(self.name, error):
                return Finding(reason=f"its plug-in failed ({type(error).__name__})")
            raise

    def can_measure(self, source: MetricInput) -> bool:
        """Say whether everything that no user draws is known."""
        return not any(need not in REGIONS and source.lacks(need) for need in self.needs)

    @property
    def column(self) -> str:
        """Name of its column in a table: its unit is part of it, once."""
        return self._with_unit(self.name)

    @property
    def uncertainty_columns(self) -> tuple[str, ...]:
        """Names of the columns of sigma, both ends of the interval, and cells; none where none are stated."""
        if not self.interval:
            return ()
        return (*(self._with_unit(f"{self.name}_{part}") for part in ("sigma", "low", "high")), f"{self.name}_cells")

    def _with_unit(self, name: str) -> str:
        unit = _UNIT_WORDS.get(self.unit, self.unit)
        return name if not unit or unit in name.split("_") else f"{name}_{unit}"

    @property
    def label(self) -> str:
        """Short name with the unit, for an axis."""
        return f"{self.short} ({self.unit})" if self.unit else self.short


_UNIT_WORDS = {"%": "percent", "µm": "um", "s": "seconds"}

METRICS: Registry[Metric] = Registry("metric", "engine.metrics", base=Metric, plugins="strainscope.metrics")


def register(metric: Metric) -> Metric:
    """File a metric under its name."""
    return METRICS.register(metric.name, metric)


def metrics_shown(place: Place | None = None) -> tuple[Metric, ...]:
    """Every metric, or those of one place, in the order of all lists."""
    return tuple(sorted((entry for entry in METRICS if place is None or place in entry.places), key=_order))


def measure(source: MetricInput, *, slow: bool = True) -> dict[str, Measurement]:
    """Measure every metric for which enough is known, by name.

    A region that is not drawn leaves its metrics NaN with a reason. Without `slow` those that cannot follow a drag are
    left out.

    >>> import numpy as np
    >>> strain = np.full((900, 80), -0.01, np.float32)
    >>> source = MetricInput(Geometry(40e6, 5e6, 1540.0, 0.3e-3), strain, target=Ellipse(0, 9e-3, 4e-3, 4e-3))
    >>> round(measure(source)["mean_target"].value, 6)
    1.0
    """
    return {
        entry.name: entry.measure(source)
        for entry in metrics_shown()
        if entry.can_measure(source) and (slow or not entry.slow)
    }


def decibel(ratio: float, factor: float = 20.0) -> float:
    """Return factor log10 ratio: 20 for amplitude-like ratios, 10 for squared ones; NaN for one that is not positive.

    A ratio of strains of opposite sign has no level: its magnitude in dB would pass for that of a sound one.
    """
    return factor * math.log10(ratio) if math.isfinite(ratio) and ratio > 0 else math.nan


def given(value: T | None) -> T:
    """Return what a metric's `needs` promise to be there."""
    if value is None:
        raise ValueError("a metric used something that it does not need")
    return value


def _order(metric: Metric) -> int:
    return metric.order
