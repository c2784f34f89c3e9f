"""How maps are shown."""

from dataclasses import dataclass, replace
from typing import Literal

from engine.parameters import Parameters, parameter
from engine.strain.persistence import MOST_FRAMES

TASTE = frozenset({"colormap", "reverse", "smooth", "overlay_opacity"})
"""What of the display belongs to the program; all else belongs to the recording that is open."""


@dataclass(frozen=True)
class Display(Parameters):
    """How maps are shown; none of it changes a result. Metrics are of the map that is shown, averaged or not."""

    dynamic_range_db: float = parameter(60.0, unit="dB", minimum=20, maximum=100, help="Dynamic range of the B-mode")
    bmode_frame: Literal["shown", "reference"] = parameter(
        "shown", help="B-mode of the shown frame, or of the reference frame, on whose grid the strain lies"
    )
    quantity: Literal["compressive", "signed", "magnitude"] = parameter(
        "compressive", help="Compression positive, elongation positive, or magnitude"
    )
    relative: bool = parameter(
        False, help="Strain of every frame divided by its mean, so that frames of different compression compare"
    )
    colormap: str = parameter("viridis", help="Colour map of the strain")
    reverse: bool = parameter(False, help="Turn the colour map round")
    limits: Literal["frame", "recording", "manual"] = parameter(
        "frame", help="Limits from this frame, from all frames, or by hand"
    )
    low_percent: float = parameter(0.0, unit="%", minimum=-100, maximum=100, help="Lower limit of the strain")
    high_percent: float = parameter(2.0, unit="%", minimum=-100, maximum=100, help="Upper limit of the strain")
    low_relative: float = parameter(0.0, minimum=-100, maximum=100, help="Lower limit of the relative strain")
    high_relative: float = parameter(2.0, minimum=-100, maximum=100, help="Upper limit of the relative strain")
    persistence: int = parameter(
        1,
        minimum=1,
        maximum=MOST_FRAMES,
        help="Frames averaged: the shown one and those before it with the same reference; 1 is the frame alone",
    )
    quality_threshold: float = parameter(
        0.0, minimum=0, maximum=1, help="Strain of lower quality (local correlation) is hidden"
    )
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
