"""What may be chosen of a figure, declared once: command line options and the window's forms are made of it."""

from dataclasses import dataclass
from typing import Literal

from engine.parameters import Parameters, parameter
from engine.strain.persistence import MOST_FRAMES

SMALLEST_DPI, LARGEST_DPI = 50, 1200
WIDTHS_INCH = {"column": 89 / 25.4, "page": 183 / 25.4}
"""Width of a figure in one column and in both, as most journals have them."""


MEASURED_AND_MOVED = (
    *("persistence", "quality_threshold", "mask_numbers", "remove_rigid"),
    *("follow", "deformed", "overlay", "overlay_opacity"),
)
"""The fields of `Shown` that say what is averaged, measured and moved, in the order of forms and help."""


@dataclass(frozen=True)
class Shown(Parameters):
    """How maps are shown; none of it changes a result.

    Numbers are of the map that is shown, averaged or not, and of all its pixels unless `mask_numbers` says otherwise.
    """

    dynamic_range_db: float = parameter(
        60.0, unit="dB", minimum=20, maximum=100, step=1, help="Dynamic range of the B-mode"
    )
    gain_db: float = parameter(0.0, unit="dB", minimum=-40, maximum=40, step=1, label="Gain", help="Gain of the B-mode")
    depth_gain_db: float = parameter(
        0.0,
        unit="dB/cm",
        minimum=-5,
        maximum=10,
        step=0.5,
        label="Depth gain",
        help="Gain of the B-mode for each centimetre below its first sample",
    )
    bmode_frame: Literal["shown", "reference"] = parameter(
        "shown",
        label="B-mode of",
        words={"shown": "Shown frame", "reference": "Reference frame"},
        help="B-mode of the shown frame, or of the reference frame, on whose grid the strain lies",
    )
    quantity: Literal["compressive", "signed", "magnitude"] = parameter(
        "compressive",
        label="Strain",
        words={"compressive": "Compression +", "signed": "Elongation +", "magnitude": "Magnitude"},
        help="Compression positive, elongation positive, or magnitude",
    )
    relative: bool = parameter(
        False,
        label="Relative to mean",
        help="Strain of every frame divided by its mean, so that frames of different compression compare",
    )
    colormap: str = parameter("viridis", label="Colours", help="Colour map of the strain")
    reverse: bool = parameter(False, label="Reverse colours", help="Turn the colour map round")
    persistence: int = parameter(
        1,
        unit="frames",
        words={"1": "Off"},
        minimum=1,
        maximum=MOST_FRAMES,
        help="Frames averaged: the shown one and those before it with the same reference; 1 is the frame alone",
    )
    quality_threshold: float = parameter(
        0.0,
        minimum=0,
        maximum=1,
        step=0.01,
        label="Quality above",
        help="Strain of lower quality (local correlation) is hidden",
    )
    remove_rigid: bool = parameter(
        False,
        label="Without rigid motion",
        help="Displacement maps without the shift and the turning of the whole frame, which are stated",
    )
    mask_numbers: bool = parameter(
        False, label="Numbers of shown pixels", help="Numbers of the pixels that the quality mask shows, not of all"
    )
    follow: bool = parameter(
        False,
        label="Regions follow tissue",
        help="Regions move with the tissue of the frame that they were drawn on, the reference or the first one",
    )
    deformed: bool = parameter(
        False,
        label="In deformed shape",
        help="Maps and regions where their tissue is in the shown frame, on whose B-mode they then lie",
    )
    overlay: bool = parameter(False, label="Map over B-mode", help="Lay the map over the B-mode")
    overlay_opacity: float = parameter(
        0.5, minimum=0.05, maximum=1, step=0.01, label="Opacity", help="Opacity of the map over the B-mode"
    )

    @property
    def in_deformed_shape(self) -> bool:
        """Say whether maps are brought to where their tissue is: with the B-mode of the reference there is no need."""
        return self.deformed and self.bmode_frame == "shown"

    @property
    def follows(self) -> bool:
        """Say whether regions move with the tissue, as they do with the map."""
        return self.follow or self.in_deformed_shape

    @property
    def measured_above(self) -> float:
        """Return the quality from which on pixels are measured, 0 where all of them are."""
        return self.quality_threshold if self.mask_numbers else 0.0


@dataclass(frozen=True)
class FigureOptions(Parameters):
    """What a figure shows of what there is, and what its page is like."""

    bmode: bool = parameter(True, help="B-mode beside the strain")
    ellipses: bool = parameter(True, help="Outlines of the regions")
    profile: bool = parameter(True, help="Profile line on the strain")
    numbers: bool = parameter(True, help="Numbers under the figure")
    caption: bool = parameter(True, help="Caption in words under the figure")
    intervals: bool = parameter(False, help="Intervals of the numbers in the caption")
    settings: bool = parameter(False, help="All settings beside the picture, in a JSON file of the same name")
    title: str = parameter("", help="Title above the panels")
    scale_bar: bool = parameter(False, help="A scale bar in place of axes in mm")
    width: Literal["free", "column", "page"] = parameter(
        "free", help="Width of the figure: as the panels need, 89 mm, or 183 mm"
    )
    font_size_pt: float = parameter(8.0, unit="pt", minimum=5, maximum=16, help="Size of the text")
    print_colormap: str = parameter("", help="Colour map in place of the shown one, as for print; empty keeps it")
    dpi: int = parameter(300, unit="dpi", minimum=SMALLEST_DPI, maximum=LARGEST_DPI, help="Pixels per inch")


@dataclass(frozen=True)
class MovieOptions(Parameters):
    """Which frames a movie plays, how fast, how large and how often."""

    first: int = parameter(0, minimum=0, help="First frame")
    last: int = parameter(0, minimum=0, help="Last frame; 0 is the last one estimated")
    rate_hz: float = parameter(
        0.0,
        unit="frames/s",
        minimum=0,
        maximum=120,
        help="Frames a second; 0 is the recording's own, in slow motion above 120, 10 where it is not known",
    )
    speed: float = parameter(1.0, minimum=0.01, maximum=100, help="Times as fast")
    loops: int = parameter(
        0, minimum=0, maximum=1000, words={"0": "For ever"}, help="How often a GIF plays; 0 is for ever"
    )
    dpi: int = parameter(150, unit="dpi", minimum=SMALLEST_DPI, maximum=LARGEST_DPI, help="Pixels per inch")
