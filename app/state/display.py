"""How maps are shown."""

from dataclasses import dataclass, replace
from typing import Literal

from engine.figures.options import Shown
from engine.parameters import parameter

TASTE = frozenset({"colormap", "reverse", "smooth", "overlay_opacity"})
"""What of the display belongs to the program; all else belongs to the recording that is open."""


@dataclass(frozen=True)
class Display(Shown):
    """What of it a figure shows too, and what the screen alone has."""

    limits: Literal["frame", "recording", "manual"] = parameter(
        "frame",
        words={"frame": "Of this frame", "recording": "Of all frames", "manual": "By hand"},
        help="Where the ends of the colour bar lie",
    )
    low_percent: float = parameter(
        0.0, unit="%", minimum=-100, maximum=100, label="From", help="Lower limit of the strain"
    )
    high_percent: float = parameter(
        2.0, unit="%", minimum=-100, maximum=100, label="To", help="Upper limit of the strain"
    )
    low_relative: float = parameter(
        0.0, minimum=-100, maximum=100, label="From", help="Lower limit of the relative strain"
    )
    high_relative: float = parameter(
        2.0, minimum=-100, maximum=100, label="To", help="Upper limit of the relative strain"
    )
    smooth: bool = parameter(True, label="Smooth pixels", help="Interpolate between pixels on screen")

    def with_taste_of(self, other: "Display") -> "Display":
        """Return this display in the taste of another."""
        return replace(self, **{name: getattr(other, name) for name in TASTE})

    @property
    def manual(self) -> tuple[float, float]:
        """Limits by hand of what is shown, strain in % or relative strain; the upper one lies above the lower one."""
        low, high = (self.low_relative, self.high_relative) if self.relative else (self.low_percent, self.high_percent)
        return low, max(high, low + 1e-3)
