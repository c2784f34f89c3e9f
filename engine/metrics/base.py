"""The value every metric returns: a number with its unit, or the reason why there is none."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Measurement:
    """One metric of one frame; `value` is NaN exactly when `reason` is not empty.

    `decibel` is the same value in dB where dB make sense (20 log10 of amplitude-like ratios), else NaN.
    `count` is the number of valid pixels behind the value, `ddof` the one of its standard deviations.

    What is known of its reliability, in the unit of the value: `sigma` is the standard uncertainty, `low` and `high`
    the ends of the interval in which the true value lies with 95 %, `cells` the number of independent resolution
    cells behind them; NaN and 0 where nobody has said. `warning` is a sentence on why the value should not be trusted
    as it stands.
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

    def __post_init__(self) -> None:
        if math.isnan(self.value) != bool(self.reason):
            raise ValueError(f"{self.name}: a missing value needs a reason, and only a missing value has one")
