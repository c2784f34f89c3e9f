"""The value every metric returns: a number with its unit, or the reason why there is none."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Measurement:
    """One metric of one frame; `value` is NaN exactly when `reason` is not empty.

    `decibel` is the same value in dB where dB make sense (20 log10 of amplitude-like ratios), else NaN.
    `count` is the number of valid pixels behind the value, `ddof` the one of its standard deviations.
    """

    name: str
    value: float
    unit: str = ""
    decibel: float = math.nan
    count: int = 0
    ddof: int = 0
    reason: str = ""

    def __post_init__(self) -> None:
        if math.isnan(self.value) != bool(self.reason):
            raise ValueError(f"{self.name}: a missing value needs a reason, and only a missing value has one")
