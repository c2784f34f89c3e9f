"""The layout of a figure: everything is placed in inches, so that panels line up and nothing is cut off."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from cmap import Colormap
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Ellipse as EllipsePatch
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator
from matplotlib_scalebar.scalebar import ScaleBar

from engine.errors import ParameterError
from engine.figures.words import MINUS, caption_of, notes_of, numbers_table, wrapped
from engine.metrics.profile import ProfileLine
from engine.preprocess.scan_conversion import ScanConverter
from engine.quantity import Quantity
from engine.types import Ellipse, Geometry, Map

if TYPE_CHECKING:
    from engine.figures.figure import FigureContent

MM = 1e3
NO_ESTIMATE = "0.85"

Extent = tuple[float, float, float, float]
Extend = Literal["neither", "min", "max", "both"]

# All lengths from here on are inches.
LONGEST, WIDEST, NARROWEST_PAGE = 3.0, 2.9, 3.6
LEFT, LEFT_BARE, RIGHT = 0.52, 0.15, 0.78
BAR, BAR_GAP, PANEL_GAP, DECIBEL_ROOM, END_LABEL = 0.11, 0.07, 0.15, 0.5, 0.3
MARGIN, TITLE, PANEL_TITLE, AXIS_LABELS = 0.1, 0.25, 0.22, 0.42
NUMBER_ROW, NOTE_ROW, CAPTION_ROW, NARROW_COLUMN, SHORTEST_BAR = 0.17, 0.13, 0.105, 1.05, 1.4


@dataclass(frozen=True)
class Page:
    """Sizes of the figure: `panel` is width and height of one image, `bottom` its distance from the lower edge."""

    width: float
    height: float
    panel: tuple[float, float]
    left: float
    bottom: float

    def axes(self, figure: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
        """Add axes at a place in inches."""
        return figure.add_axes((left / self.width, bottom / self.height, width / self.width, height / self.height))

    def text(self, figure: Figure, x: float, y: float, text: str, **style: Any) -> None:
        """Write at a place in inches."""
        figure.text(x / self.width, y / self.height, text, **style)


def draw(content: "FigureContent") -> Figure:
    """Draw the whole figure; matplotlib's settings are the caller's."""
    narrow = content.bmode_db is None and len(content.strain) == 1
    table, caption = numbers_table(content), caption_of(content, 84 if narrow else 150)
    notes = wrapped(notes_of(content), _page_width(content) - _left_margin(content) - MARGIN)
    page = _plan(content, len(table), len(table[0]) if table else 1, NOTE_ROW * len(notes) + CAPTION_ROW * len(caption))
    figure = Figure(figsize=(page.width, page.height))
    left = page.left
    if content.bmode_db is not None:
        axes = page.axes(figure, left, page.bottom, *page.panel)
        image = _show(axes, content.bmode_db, content.geometry, "gray", (-content.dynamic_range_db, 0.0))
        axes.set_facecolor("black")
        finish_axes(axes, content, "B-mode", first=True)
        _decibel_bar(page, figure, image, left + page.panel[0] + BAR_GAP)
        left += page.panel[0] + BAR_GAP + BAR + DECIBEL_ROOM
    limits = content.limits or fitting_limits(content)
    for index, panel in enumerate(content.strain):
        axes = page.axes(figure, left, page.bottom, *page.panel)
        image = show_map(axes, content.quantity.shown(panel.strain), content, limits)
        axes.set_facecolor(NO_ESTIMATE)
        finish_axes(axes, content, panel.title, first=content.bmode_db is None and index == 0)
        if content.profile is not None:
            _profile_line(axes, content.profile)
        left += page.panel[0] + PANEL_GAP
    strain_bar(page, figure, image, left - PANEL_GAP + BAR_GAP, reaches_beyond(content, limits), content.quantity)
    write_words(page, figure, content.title, table, notes, caption)
    return figure


def _plan(content: "FigureContent", rows: int, columns: int, below: float) -> Page:
    """Choose panel and page size: the longer side of a panel is 3 inches, its shape that of the tissue."""
    width, height = _panel_size(content)
    margin, page_width = _left_margin(content), _page_width(content)
    table = rows * row_height((page_width - margin - MARGIN) / columns) + 0.4 * NUMBER_ROW * bool(rows)
    base = MARGIN + below + table + (0.08 if content.scale_bar else AXIS_LABELS)
    page_height = base + height + PANEL_TITLE + (TITLE if content.title else 0.0) + MARGIN / 2
    return Page(page_width, page_height, (width, height), margin, base)


def _panel_size(content: "FigureContent") -> tuple[float, float]:
    left, right, bottom, top = _placed(content.strain[0].strain, content.geometry)[1]
    ratio = (right - left) / (bottom - top)
    height = min(LONGEST, WIDEST / ratio)
    return ratio * height, height


def _left_margin(content: "FigureContent") -> float:
    return LEFT_BARE if content.scale_bar else LEFT


def _page_width(content: "FigureContent") -> float:
    width, _ = _panel_size(content)
    panels = len(content.strain) * (width + PANEL_GAP) - PANEL_GAP
    if content.bmode_db is not None:
        panels += width + BAR_GAP + BAR + DECIBEL_ROOM
    return max(_left_margin(content) + panels + BAR_GAP + BAR + RIGHT, NARROWEST_PAGE)


def _placed(values: Map, geometry: Geometry) -> tuple[Map, Extent]:
    """Return the image in image space and its outer edges in mm: left, right, bottom, top.

    The edges lie half a pixel beyond the centres of the outermost pixels.
    """
    if geometry.sector is None:
        half, rows = geometry.pitch_m * values.shape[1] / 2, values.shape[0]
        top = geometry.start_depth_m - geometry.axial_spacing_m / 2
        return values, (-half * MM, half * MM, (top + rows * geometry.axial_spacing_m) * MM, top * MM)
    shape = (values.shape[0], values.shape[1])
    converter = ScanConverter(geometry, shape, min(geometry.pitch_m, 4 * geometry.axial_spacing_m))
    x, z, half = converter.laterals_m, converter.depths_m, converter.spacing_m / 2
    edges = ((x[0] - half) * MM, (x[-1] + half) * MM, (z[-1] + half) * MM, (z[0] - half) * MM)
    return converter.convert(values), edges


def image_extent(values: Map, geometry: Geometry) -> Extent:
    """Outer edges of an image in mm: left, right, bottom, top."""
    return _placed(values, geometry)[1]


def show_map(
    axes: Axes, values: Map, content: "FigureContent", limits: tuple[float, float], colormap: str = ""
) -> AxesImage:
    """Draw a map as shown (H, W) in the content's colours, or others."""
    return _show(axes, values, content.geometry, _colormap(colormap or content.colormap), limits)


def outline(axes: Axes, content: "FigureContent") -> None:
    """Outline the regions, each in a dash of its own."""
    _ellipse(axes, content.target, "T", "solid")
    _ellipse(axes, content.background, "B", (0, (4, 2.5)))
    _ellipse(axes, content.lesion, "L", (0, (1, 1.5)), below=True)  # the target's letter stands on top of both


def _show(axes: Axes, values: Map, geometry: Geometry, colors: Any, limits: tuple[float, float]) -> AxesImage:
    image, extent = _placed(values, geometry)
    return axes.imshow(
        np.ma.masked_invalid(image),
        cmap=colors,
        vmin=limits[0],
        vmax=limits[1],
        extent=extent,
        aspect="equal",
        interpolation="antialiased",
        interpolation_stage="data",
    )


def finish_axes(axes: Axes, content: "FigureContent", title: str, *, first: bool) -> None:
    """Add title, ellipses and either axes in mm or a scale bar."""
    axes.set_title(title, loc="left", pad=4)
    outline(axes, content)
    if content.scale_bar:
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
        if first:
            axes.add_artist(_bar_of_mm())
        return
    axes.set_xlabel("Lateral (mm)", labelpad=2)
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    if first:
        axes.set_ylabel("Depth (mm)", labelpad=3)
    else:
        axes.tick_params(labelleft=False)


def _bar_of_mm() -> ScaleBar:
    return ScaleBar(
        1.0, "mm", location="lower left", color="white", box_color="black", box_alpha=0.55, length_fraction=0.3
    )


def _ellipse(axes: Axes, ellipse: Ellipse | None, letter: str, line: Any, *, below: bool = False) -> None:
    """Outline a region and name it by a letter, so that nothing is told by colour alone."""
    if ellipse is None:
        return
    halo = [withStroke(linewidth=2.6, foreground="black", alpha=0.8)]
    centre = (ellipse.lateral_m * MM, ellipse.depth_m * MM)
    # An angle counts from lateral towards depth here and in matplotlib alike: both turn x towards y of the data.
    outline = EllipsePatch(
        centre, 2 * ellipse.semi_lateral_m * MM, 2 * ellipse.semi_axial_m * MM, angle=ellipse.angle_deg, fill=False
    )
    outline.set(edgecolor="white", linewidth=1.1, linestyle=line, path_effects=[*halo, withStroke()])
    axes.add_patch(outline)
    edge = centre[1] + (ellipse.reach_m[1] if below else -ellipse.reach_m[1]) * MM
    offset, side = (-2.5, "top") if below else (2.5, "bottom")
    label = axes.annotate(
        letter, (centre[0], edge), (0, offset), textcoords="offset points", ha="center", va=side, color="white"
    )
    label.set(fontweight="bold", fontsize=9, path_effects=halo, clip_on=True)


def _profile_line(axes: Axes, line: ProfileLine) -> None:
    """Draw a line from its hollow start, 0, to its full end, which says its length."""
    halo = [withStroke(linewidth=2.6, foreground="black", alpha=0.8)]
    ends = np.array([[line.start_lateral_m, line.start_depth_m], [line.end_lateral_m, line.end_depth_m]]) * MM
    path = Line2D(ends[:, 0], ends[:, 1], color="white", linewidth=1.1)
    path.set_path_effects([*halo, withStroke()])
    axes.add_artist(path)
    along = np.array([np.cos(np.radians(line.angle_deg)), -np.sin(np.radians(line.angle_deg))])  # a page counts upwards
    for (x, z), face, text, away in (
        (ends[0], "black", "0", -9.0),
        (ends[1], "white", f"{line.length_m * MM:.1f} mm", 10.0 + 14.0 * abs(along[0])),
    ):
        grip = Line2D([x], [z], marker="o", markersize=4, markerfacecolor=face, markeredgecolor="white")
        grip.set_path_effects([*halo])
        axes.add_artist(grip)
        offset = (float(away * along[0]), float(away * along[1]))
        label = axes.annotate(text, (float(x), float(z)), offset, textcoords="offset points", ha="center", va="center")
        label.set(color="white", fontsize=7, path_effects=halo, clip_on=True)


def _decibel_bar(page: Page, figure: Figure, image: AxesImage, left: float) -> None:
    axes = page.axes(figure, left, page.bottom, BAR, page.panel[1])
    bar = figure.colorbar(image, cax=axes)
    bar.outline.set_linewidth(0.5)
    axes.set_title("dB", fontsize=7.5, pad=4)
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))


def strain_bar(page: Page, figure: Figure, image: AxesImage, left: float, extend: Extend, quantity: Quantity) -> None:
    """Draw the colour bar with unit and limits; the field has no standard direction, so its ends say what they are."""
    height = max(page.panel[1] - 2 * END_LABEL, SHORTEST_BAR)
    bottom = page.bottom + (page.panel[1] - height) / 2
    axes = page.axes(figure, left, bottom, BAR, height)
    bar = figure.colorbar(image, cax=axes, extend=extend, extendfrac=0.03)
    bar.outline.set_linewidth(0.5)
    bar.set_label(quantity.label, labelpad=3)
    low, high = image.get_clim()
    inner = MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]).tick_values(low or 0, high or 1)
    ticks = [low, *(tick for tick in inner if low + 0.08 * (high - low) < tick < high - 0.08 * (high - low)), high]
    bar.set_ticks(ticks, labels=[f"{tick:.3g}".replace("-", MINUS) for tick in ticks])
    words = {"fontsize": 6.8, "linespacing": 1.0, "ha": "left"}
    page.text(figure, left, bottom + height + 0.05, quantity.ends[1], va="bottom", **words)
    page.text(figure, left, bottom - 0.05, quantity.ends[0], va="top", **words)


def _colormap(name: str) -> Any:
    try:
        return Colormap(name).to_mpl()
    except (ValueError, TypeError, KeyError):
        raise ParameterError(f"no colour map is called {name!r}") from None


def fitting_limits(content: "FigureContent") -> tuple[float, float]:
    """Limits that fit all maps of the content."""
    from engine.figures.figure import suggest_limits

    return suggest_limits(*(panel.strain for panel in content.strain), quantity=content.quantity)


def reaches_beyond(content: "FigureContent", limits: tuple[float, float]) -> Extend:
    """Say at which ends of the bar values go on beyond it."""
    below = any(bool(np.any(content.quantity.shown(panel.strain) < limits[0])) for panel in content.strain)
    above = any(bool(np.any(content.quantity.shown(panel.strain) > limits[1])) for panel in content.strain)
    return "both" if below and above else "min" if below else "max" if above else "neither"


def write_words(
    page: Page, figure: Figure, title: str, table: list[list[str]], notes: list[str], caption: list[str]
) -> None:
    """Write title, table of numbers, notes and caption around the panels."""
    if title:
        page.text(figure, page.left, page.height - MARGIN, title, fontsize=9.5, fontweight="bold", va="top")
    y = MARGIN
    for line in reversed(caption):
        page.text(figure, page.left, y, line, fontsize=5.2, color="0.35", va="bottom")
        y += CAPTION_ROW
    for line in reversed(notes):
        page.text(figure, page.left, y, line, fontsize=6.5, va="bottom")
        y += NOTE_ROW
    if table:
        _write_table(page, figure, table, y + 0.15 * NUMBER_ROW)


def _write_table(page: Page, figure: Figure, table: list[list[str]], bottom: float) -> None:
    """Write the numbers between three rules; a narrow figure breaks a value before its dB."""
    edges = np.linspace(page.left, page.width - MARGIN, len(table[0]) + 1)
    height = row_height(edges[1] - edges[0])
    tops = [bottom + height * (len(table) - index) for index in range(len(table))]
    for row, top in zip(table, tops, strict=True):
        for left, text in zip(edges, row, strict=False):
            style = {"fontsize": 7, "color": "0.3"} if row is table[0] else {"fontsize": 7.5}
            shown = text.replace(" (", "\n(") if height > NUMBER_ROW else text
            page.text(figure, left, top - 0.045, shown, va="top", linespacing=1.15, **style)
    across = [page.left / page.width, 1 - MARGIN / page.width]
    for at, width in ((tops[0], 0.7), (tops[1], 0.4), (bottom, 0.7)):
        figure.add_artist(Line2D(across, [at / page.height] * 2, color="black", linewidth=width))


def row_height(column: float) -> float:
    """Height of a table row: two lines of text where a column is too narrow for a value and its dB."""
    return NUMBER_ROW * (1.75 if column < NARROW_COLUMN else 1.0)
