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
        "frame", help="Limits from this frame, from all frames, or by hand"
    )
    low_percent: float = parameter(0.0, unit="%", minimum=-100, maximum=100, help="Lower limit of the strain")
    high_percent: float = parameter(2.0, unit="%", minimum=-100, maximum=100, help="Upper limit of the strain")
    low_relative: float = parameter(0.0, minimum=-100, maximum=100, help="Lower limit of the relative strain")
    high_relative: float = parameter(2.0, minimum=-100, maximum=100, help="Upper limit of the relative strain")
    overlay: bool = parameter(False, help="Lay the strain over the B-mode")
    overlay_opacity: float = parameter(0.5, minimum=0.05, maximum=1, help="Opacity of the strain over the B-mode")
    smooth: bool = parameter(True, help="Interpolate between pixels on screen")

    def with_taste_of(self, other: "Display") -> "Display":
        """Return this display in the taste of another."""
        return replace(self, **{name: getattr(other, name) for name in TASTE})

    @property
    def manual(self) -> tuple[float, float]:
        """Limits by hand of what is shown, strain in % or relative strain; the upper one lies above the lower one."""
        low, high = (self.low_relative, self.high_relative) if self.relative else (self.low_percent, self.high_percent)
        return low, max(high, low + 1e-3)
