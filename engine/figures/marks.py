"""What is drawn on the maps: outlines of regions, the profile line, and a bar of some mm."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Ellipse as EllipsePatch
from matplotlib.patheffects import withStroke
from matplotlib_scalebar.scalebar import ScaleBar

from engine.figures.content import Marks
from engine.figures.page import POINTS, text_width
from engine.metrics.profile import ProfileLine
from engine.types import Ellipse

MM = 1e3
LETTER_PT, LENGTH_PT = 9.0, 7.0
EDGE_PT = 2.0
"""Room that a label leaves to the edge of its panel."""


def draw_regions(axes: Axes, marks: Marks, unit: float = 1.0) -> None:
    """Outline the regions, each in a dash of its own; the panel's limits must be set."""
    _ellipse(axes, marks.target, "T", "solid", unit)
    _ellipse(axes, marks.background, "B", (0, (4, 2.5)), unit)
    _ellipse(axes, marks.lesion, "L", (0, (1, 1.5)), unit, below=True)  # the target's letter stands on top of both


def _ellipse(axes: Axes, ellipse: Ellipse | None, letter: str, line: Any, unit: float, *, below: bool = False) -> None:
    """Outline a region and name it by a letter, so that nothing is told by colour alone."""
    if ellipse is None:
        return
    centre = (ellipse.lateral_m * MM, ellipse.depth_m * MM)
    # An angle counts from lateral towards depth here and in matplotlib alike: both turn x towards y of the data.
    outline = EllipsePatch(
        centre, 2 * ellipse.semi_lateral_m * MM, 2 * ellipse.semi_axial_m * MM, angle=ellipse.angle_deg, fill=False
    )
    outline.set(edgecolor="white", linewidth=1.1, linestyle=line, path_effects=[*_halo(), withStroke()])
    axes.add_patch(outline)
    edge = centre[1] + (ellipse.reach_m[1] if below else -ellipse.reach_m[1]) * MM
    away = 2.5 + LETTER_PT * unit / 2
    label = _label(axes, letter, (centre[0], edge), (0.0, -away if below else away), LETTER_PT * unit)
    label.set(fontweight="bold")


def draw_profile(axes: Axes, line: ProfileLine, unit: float = 1.0) -> None:
    """Draw a line from its hollow start, 0, to its full end, which says its length."""
    ends = np.array([[line.start_lateral_m, line.start_depth_m], [line.end_lateral_m, line.end_depth_m]]) * MM
    path = Line2D(ends[:, 0], ends[:, 1], color="white", linewidth=1.1)
    path.set_path_effects([*_halo(), withStroke()])
    axes.add_artist(path)
    along = np.array([np.cos(np.radians(line.angle_deg)), -np.sin(np.radians(line.angle_deg))])  # a page counts upwards
    for (x, z), face, text, away in (
        (ends[0], "black", "0", -9.0 * unit),
        (ends[1], "white", f"{line.length_m * MM:.1f} mm", (10.0 + 14.0 * abs(along[0])) * unit),
    ):
        grip = Line2D([x], [z], marker="o", markersize=4, markerfacecolor=face, markeredgecolor="white")
        grip.set_path_effects([*_halo()])
        axes.add_artist(grip)
        offset = (float(away * along[0]), float(away * along[1]))
        _label(axes, text, (float(x), float(z)), offset, LENGTH_PT * unit)


def bar_of_mm() -> ScaleBar:
    """Return a bar that stands in place of the axes."""
    return ScaleBar(
        1.0, "mm", location="lower left", color="white", box_color="black", box_alpha=0.55, length_fraction=0.3
    )


def _label(axes: Axes, text: str, place: tuple[float, float], offset: tuple[float, float], size_pt: float) -> Any:
    """Write beside a place of the data, some points away, but inside the panel: beyond its edge stands other text.

    Where there is no room in the wanted direction the label moves back, and above or below what it would cover.
    """
    box, figure = axes.get_position(), axes.figure
    panel = np.array([box.width * figure.get_figwidth(), box.height * figure.get_figheight()]) * POINTS  # type: ignore[union-attr]
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    at = np.array([(place[0] - left) / (right - left), (place[1] - low) / (high - low)]) * panel
    half = np.array([text_width(text, size_pt) * POINTS, size_pt]) / 2 + EDGE_PT
    wanted = at + offset
    inside = np.clip(wanted, half, np.maximum(panel - half, half))
    if abs(inside[0] - wanted[0]) > 1 and abs(inside[1] - at[1]) < half[1]:
        inside[1] += size_pt if at[1] + 2 * size_pt < panel[1] else -size_pt
    shift = inside - at
    label = axes.annotate(text, place, tuple(shift), textcoords="offset points", ha="center", va="center")
    label.set(color="white", fontsize=size_pt, path_effects=_halo(), clip_on=True)
    label.set_annotation_clip(False)  # a place beyond the edge has its label inside, too
    return label


def _halo() -> list[withStroke]:
    return [withStroke(linewidth=2.6, foreground="black", alpha=0.8)]
