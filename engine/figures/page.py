"""The page of a figure: everything is placed in inches, so that panels line up and nothing is cut off."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

FONT = "DejaVu Sans"
USUAL_FONT_PT = 8.0
POINTS = 72.0
"""Points of an inch."""

# Inches at the usual size of text, all of which grow with it.
LEFT, LEFT_BARE, RIGHT = 0.52, 0.15, 0.78
BAR, BAR_GAP, PANEL_GAP, DECIBEL_ROOM, END_LABEL = 0.11, 0.07, 0.15, 0.5, 0.3
MARGIN, TITLE, PANEL_TITLE, PANEL_TITLE_LINE, AXIS_LABELS = 0.1, 0.25, 0.22, 0.14, 0.42
NUMBER_ROW, NOTE_ROW, CAPTION_ROW, NARROW_COLUMN, NARROWEST_COLUMN = 0.17, 0.13, 0.13, 1.05, 0.7
SHORTEST_BAR = 1.4
HINTING = 1.06
"""How much wider text may be at few pixels an inch than its outlines are."""


@dataclass(frozen=True)
class Page:
    """Sizes of the page in inches; `unit` is the size of its text, and of the room for it, in parts of the usual."""

    width: float
    height: float
    unit: float = 1.0

    def axes(self, figure: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
        """Add axes at a place in inches."""
        return figure.add_axes((left / self.width, bottom / self.height, width / self.width, height / self.height))

    def text(self, figure: Figure, x: float, y: float, text: str, *, size_pt: float, **style: Any) -> None:
        """Write at a place in inches, in a size that is that of the usual text."""
        figure.text(x / self.width, y / self.height, text, fontsize=size_pt * self.unit, **style)


@lru_cache(maxsize=512)
def text_width(text: str, size_pt: float) -> float:
    """Width of a line of text in inches."""
    if not text:
        return 0.0
    font = FontProperties(family=FONT, size=size_pt)
    width, _, _ = text_to_path.get_text_width_height_descent(text, font, ismath=False)
    return float(width) / POINTS


def wrapped(text: str, width: float, size_pt: float) -> list[str]:
    """Break text into lines no wider than some inches, between words; a longer word stays whole."""
    lines: list[str] = []
    width /= HINTING
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size_pt) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def font_style(font_size_pt: float) -> dict[str, Any]:
    """Return the settings of matplotlib under which a figure is drawn: text stays text in PDF and SVG."""
    unit = font_size_pt / USUAL_FONT_PT
    return {
        "font.family": FONT,
        "font.size": 8.0 * unit,
        "text.parse_math": False,  # a $ in a title is a $
        "axes.linewidth": 0.6,
        "axes.titlesize": 8.5 * unit,
        "axes.labelsize": 8.0 * unit,
        "xtick.labelsize": 7.5 * unit,
        "ytick.labelsize": 7.5 * unit,
        "xtick.major.width": 0.6,
        "ytick.major.width": 0.6,
        "xtick.major.size": 2.5,
        "ytick.major.size": 2.5,
        "pdf.fonttype": 42,
        "ps.fonttype": 42,
        "svg.fonttype": "none",
        "svg.hashsalt": "strainscope",
    }
