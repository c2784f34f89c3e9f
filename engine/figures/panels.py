"""Panels of a figure: a map in true proportions with axes or a scale bar, and the colour bar beside it."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from cmap import Colormap
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import MaxNLocator

from engine.errors import ParameterError
from engine.figures.content import DIFFERENCE_COLORS, FigureContent, Marks, difference_of
from engine.figures.marks import MM, bar_of_mm, draw_profile, draw_regions
from engine.figures.page import BAR, END_LABEL, SHORTEST_BAR, Page, wrapped
from engine.metrics.number_text import MINUS
from engine.preprocess.scan_conversion import ScanConverter
from engine.quantity import Quantity
from engine.types import Geometry, Map

NO_ESTIMATE = "0.85"
LABEL_PT = 8.0
TICK_ROOM = 0.17
"""Inches from one tick's number to the next that do not crowd."""

Extent = tuple[float, float, float, float]
Extend = Literal["neither", "min", "max", "both"]


@dataclass(frozen=True)
class Panel:
    """One map (H, W) as it is shown; without a `quantity` it is B-mode, and the bar counts dB.

    `bar` says whether it has a colour bar of its own where panels stand side by side.
    """

    title: str
    values: Map
    limits: tuple[float, float]
    colormap: str
    quantity: Quantity | None = None
    bar: bool = True
    extend: Extend = "neither"
    marks: Marks | None = None
    over: tuple[float, "Panel"] | None = None
    """The opacity with which it lies over another panel's map."""


def panels_of(content: FigureContent) -> list[Panel]:
    """List the panels from left to right: B-mode, maps, and the difference of two."""
    found = []
    if content.bmode is not None:
        span = (-content.bmode.dynamic_range_db, 0.0)
        found.append(Panel("B-mode", content.bmode.decibel, span, "gray", marks=content.bmode.marks))
    over = (content.overlay, found[0]) if found and content.overlay > 0 else None
    limits, scale = content.limits(), content.scale
    shown = [scale.quantity.shown(panel.strain) for panel in content.strain]
    extend = _extend(shown, limits)
    for index, (panel, values) in enumerate(zip(content.strain, shown, strict=True)):
        title = f"{'AB'[index]}: {panel.title}" if content.difference else panel.title
        last = index == len(shown) - 1
        found.append(Panel(title, values, limits, scale.colormap, scale.quantity, last, extend, panel.marks, over))
    if content.difference:
        gap = difference_of(content)
        values = gap.quantity.shown(gap.values)
        beyond = _extend([values], gap.limits)
        found.append(Panel(f"A {MINUS} B", values, gap.limits, DIFFERENCE_COLORS, gap.quantity, extend=beyond))
    return found


def _extend(maps: list[Map], limits: tuple[float, float]) -> Extend:
    """Say at which ends of the bar values go on beyond it."""
    below = any(bool(np.any(values < limits[0])) for values in maps)
    above = any(bool(np.any(values > limits[1])) for values in maps)
    return "both" if below and above else "min" if below else "max" if above else "neither"


def draw_map(axes: Axes, panel: Panel, geometry: Geometry) -> AxesImage:
    """Draw a panel's map, over another one's where it lies over it."""
    image, extent = _placed(panel.values, geometry)
    axes.set_facecolor("black" if panel.quantity is None else NO_ESTIMATE)
    opacity, below = panel.over or (None, None)
    if below is not None:
        draw_map(axes, below, geometry)
    return axes.imshow(
        np.ma.masked_invalid(image),
        cmap=_colormap(panel.colormap),
        vmin=panel.limits[0],
        vmax=panel.limits[1],
        extent=extent,
        aspect="equal",
        interpolation="antialiased",
        interpolation_stage="data",
        alpha=opacity,
    )


def finish_axes(
    axes: Axes, content: FigureContent, panel: Panel, title: list[str], *, first: bool, unit: float
) -> None:
    """Add title, marks, and either axes in mm or a scale bar; the `first` panel alone says the depth."""
    axes.set_title("\n".join(title), loc="left", pad=4, linespacing=1.1)
    marks = panel.marks or content.marks
    draw_regions(axes, marks, unit)
    if marks.profile is not None and panel.quantity is not None:
        draw_profile(axes, marks.profile, unit)
    if content.options.scale_bar:
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
        if first:
            axes.add_artist(bar_of_mm())
        return
    axes.set_xlabel("Lateral (mm)", labelpad=2)
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    if first:
        axes.set_ylabel("Depth (mm)", labelpad=3)
    else:
        axes.tick_params(labelleft=False)


def draw_bar(
    page: Page, figure: Figure, image: AxesImage, panel: Panel, place: tuple[float, float], height: float
) -> None:
    """Draw the colour bar of a panel at a place (left, bottom) in inches."""
    if panel.quantity is None:
        _decibel_bar(page, figure, image, place, height)
    else:
        strain_bar(page, figure, image, panel, place, height)


def _decibel_bar(page: Page, figure: Figure, image: AxesImage, place: tuple[float, float], height: float) -> None:
    axes = page.axes(figure, *place, BAR * page.unit, height)
    bar = figure.colorbar(image, cax=axes)
    bar.outline.set_linewidth(0.5)
    axes.set_title("dB", fontsize=7.5 * page.unit, pad=4)
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))


def strain_bar(
    page: Page, figure: Figure, image: AxesImage, panel: Panel, place: tuple[float, float], height: float
) -> None:
    """Draw a bar with unit and limits; the field has no standard direction, so its ends say what they are."""
    assert panel.quantity is not None
    left, unit = place[0], page.unit
    length = max(height - 2 * END_LABEL * unit, min(SHORTEST_BAR, height))
    bottom = place[1] + (height - length) / 2
    axes = page.axes(figure, left, bottom, BAR * unit, length)
    bar = figure.colorbar(image, cax=axes, extend=panel.extend, extendfrac=0.03)
    bar.outline.set_linewidth(0.5)
    bar.set_label("\n".join(wrapped(panel.quantity.label, height, LABEL_PT * unit)), labelpad=3)
    ticks = bar_ticks(*panel.limits, closest=TICK_ROOM * unit / length)
    bar.set_ticks(ticks, labels=[f"{tick:.3g}".replace("-", MINUS) for tick in ticks])
    low, high = panel.quantity.ends
    for y, side, words in ((bottom + length + 0.05, "bottom", high), (bottom - 0.05, "top", low)):
        page.text(figure, left, y, words, size_pt=6.8, va=side, linespacing=1.0, ha="left")


def bar_ticks(low: float, high: float, closest: float) -> list[float]:
    """Both limits, and round numbers between them that are no closer to each other than a share of the bar.

    >>> [round(tick, 3) for tick in bar_ticks(0.1, 1.0, 0.15)]
    [0.1, 0.4, 0.6, 0.8, 1.0]
    """
    most = max(int(1 / closest) - 1, 1)
    inner = MaxNLocator(min(most, 5), steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    room = closest * (high - low)
    return [low, *(float(tick) for tick in inner if low + room < tick < high - room), high]


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


def image_ratio(content: FigureContent) -> float:
    """Width of a panel over its height, which is that of the tissue."""
    left, right, bottom, top = _placed(content.strain[0].strain, content.geometry)[1]
    return (right - left) / (bottom - top)


def _colormap(name: str) -> Any:
    try:
        return Colormap(name).to_mpl()
    except (ValueError, TypeError, KeyError):
        raise ParameterError(f"no colour map is called {name!r}") from None
