"""The layout of a comparison, in inches like that of a figure: A, B, their colour bar, the difference and its own."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from engine.figures.comparison import DIFFERENCE_COLORS, ComparisonFigure, fitting_difference_limits
from engine.figures.layout import (
    AXIS_LABELS,
    BAR,
    BAR_GAP,
    CAPTION_ROW,
    LEFT,
    LEFT_BARE,
    LONGEST,
    MARGIN,
    NO_ESTIMATE,
    NOTE_ROW,
    NUMBER_ROW,
    PANEL_GAP,
    PANEL_TITLE,
    RIGHT,
    TITLE,
    WIDEST,
    Extend,
    Page,
    finish_axes,
    fitting_limits,
    image_extent,
    reaches_beyond,
    row_height,
    show_map,
    strain_bar,
    write_words,
)
from engine.figures.words import MINUS, caption_of, measured_names, notes_of, value_text
from engine.metrics.base import METRICS

if TYPE_CHECKING:
    from engine.figures.figure import FigureContent, StrainPanel

GAP = 0.25
"""Room between the strain's colour bar and the difference."""
SMALL_PRINT = 190
"""Characters of a line of small print."""


@dataclass(frozen=True)
class _Words:
    table: list[list[str]]
    notes: list[str]
    caption: list[str]


def draw_comparison(comparison: ComparisonFigure) -> Figure:
    """Draw the whole figure; matplotlib's settings are the caller's."""
    content = comparison.content
    words = _Words(comparison_table(content), notes_of(content), caption_of(content, SMALL_PRINT))
    page = _plan(content, words)
    figure = Figure(figsize=(page.width, page.height))
    limits = content.limits or fitting_limits(content)
    left = page.left
    for index, panel in enumerate(content.strain):
        axes = page.axes(figure, left, page.bottom, *page.panel)
        image = show_map(axes, content.quantity.shown(panel.strain), content, limits)
        axes.set_facecolor(NO_ESTIMATE)
        finish_axes(axes, content, f"{'AB'[index]}: {panel.title}", first=index == 0)
        left += page.panel[0] + PANEL_GAP
    left += BAR_GAP - PANEL_GAP
    strain_bar(page, figure, image, left, reaches_beyond(content, limits), content.quantity)
    _draw_difference(page, figure, comparison, left + BAR + RIGHT + GAP)
    write_words(page, figure, content.title, words.table, words.notes, words.caption)
    return figure


def comparison_table(content: "FigureContent") -> list[list[str]]:
    """Heading and three rows: the numbers of A, of B, and A minus B; empty if there is nothing to print."""
    names = measured_names(content.strain)
    if not names:
        return []
    rows = [
        ["AB"[index], *(value_text(panel.metrics.get(name)) for name in names)]
        for index, panel in enumerate(content.strain)
    ]
    first, second = content.strain[0], content.strain[1]
    gaps = [_gap(first, second, name) for name in names]
    return [["", *(METRICS.get(name).short for name in names)], *rows, [f"A {MINUS} B", *gaps]]


def _gap(first: "StrainPanel", second: "StrainPanel", name: str) -> str:
    entries = [panel.metrics.get(name) for panel in (first, second)]
    values = [entry.value for entry in entries if entry is not None and not entry.reason]
    return f"{values[0] - values[1]:.3g}".replace("-", MINUS) if len(values) == 2 else "\N{EN DASH}"


def _draw_difference(page: Page, figure: Figure, comparison: ComparisonFigure, left: float) -> None:
    content, quantity = comparison.content, comparison.difference_quantity
    shown = quantity.shown(comparison.difference)
    limits = comparison.difference_limits or fitting_difference_limits(comparison)
    axes = page.axes(figure, left, page.bottom, *page.panel)
    image = show_map(axes, shown, content, limits, colormap=DIFFERENCE_COLORS)
    axes.set_facecolor(NO_ESTIMATE)
    finish_axes(axes, content, f"A {MINUS} B", first=False)
    below, above = bool(np.any(shown < limits[0])), bool(np.any(shown > limits[1]))
    extend: Extend = "both" if below and above else "min" if below else "max" if above else "neither"
    strain_bar(page, figure, image, left + page.panel[0] + BAR_GAP, extend, quantity)


def _plan(content: "FigureContent", words: _Words) -> Page:
    """Choose panel and page size, with the panels as large as those of a figure."""
    left, right, bottom, top = image_extent(content.strain[0].strain, content.geometry)
    ratio = (right - left) / (bottom - top)
    height = min(LONGEST, WIDEST / ratio)
    width = ratio * height
    margin = LEFT_BARE if content.scale_bar else LEFT
    page_width = margin + 3 * width + PANEL_GAP + 2 * (BAR_GAP + BAR + RIGHT) + GAP
    columns = len(words.table[0]) if words.table else 1
    rows = len(words.table) * row_height((page_width - margin - MARGIN) / columns)
    below = NOTE_ROW * len(words.notes) + CAPTION_ROW * len(words.caption)
    base = MARGIN + below + rows + 0.4 * NUMBER_ROW * bool(rows) + (0.08 if content.scale_bar else AXIS_LABELS)
    page_height = base + height + PANEL_TITLE + (TITLE if content.title else 0.0) + MARGIN / 2
    return Page(page_width, page_height, (width, height), margin, base)
