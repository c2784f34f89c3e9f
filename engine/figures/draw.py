"""Draw a figure: its panels side by side, or below each other where the page is narrow, with numbers and caption."""

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from engine.figures.content import FigureContent
from engine.figures.options import WIDTHS_INCH
from engine.figures.page import (
    AXIS_LABELS,
    BAR,
    BAR_GAP,
    CAPTION_ROW,
    DECIBEL_ROOM,
    LEFT,
    LEFT_BARE,
    MARGIN,
    NARROW_COLUMN,
    NARROWEST_COLUMN,
    NOTE_ROW,
    NUMBER_ROW,
    PANEL_GAP,
    PANEL_TITLE,
    PANEL_TITLE_LINE,
    RIGHT,
    TITLE,
    USUAL_FONT_PT,
    Page,
    wrapped,
)
from engine.figures.panels import Panel, draw_bar, draw_map, finish_axes, image_ratio, panels_of
from engine.figures.words import caption_text, notes_of, numbers_table

LONGEST, WIDEST, NARROWEST_PAGE = 3.0, 2.9, 3.6
"""Inches: sides of a panel, and the page, where the width is free."""
NARROWEST_PANEL, TALLEST_PANEL = 1.3, 4.5
"""Inches: panels that would be narrower stand below each other; none is taller."""
NUMBER_PT, HEADING_PT, NOTE_PT, CAPTION_PT, PANEL_TITLE_PT = 7.5, 7.0, 6.5, 6.8, 8.5

Table = list[list[str]]


@dataclass(frozen=True)
class _Plan:
    """Where everything goes, in inches: panels by the left and lower edge, all of one size."""

    page: Page
    panel: tuple[float, float]
    places: tuple[tuple[float, float], ...]
    left: float
    stacked: bool
    titles: tuple[list[str], ...]
    tables: tuple[Table, ...]
    notes: list[str]
    caption: list[str]


def draw(content: FigureContent) -> Figure:
    """Draw the whole figure; matplotlib's settings are the caller's."""
    panels = panels_of(content)
    plan = _plan(content, panels)
    page, unit = plan.page, plan.page.unit
    figure = Figure(figsize=(page.width, page.height))
    for index, (panel, (left, bottom)) in enumerate(zip(panels, plan.places, strict=True)):
        axes = page.axes(figure, left, bottom, *plan.panel)
        image = draw_map(axes, panel, content.geometry)
        finish_axes(axes, content, panel, plan.titles[index], first=index == 0 or plan.stacked, unit=unit)
        if panel.bar or plan.stacked:
            beside = (left + plan.panel[0] + BAR_GAP * unit, bottom)
            draw_bar(page, figure, image, panel, beside, plan.panel[1])
    _write_words(plan, figure, content.options.title)
    return figure


def _plan(content: FigureContent, panels: list[Panel]) -> _Plan:
    """Choose the size of panels and page: as the panels need, or as wide as a column or a page of a journal."""
    unit = content.options.font_size_pt / USUAL_FONT_PT
    ratio, wanted = image_ratio(content), WIDTHS_INCH.get(content.options.width)
    margin = (LEFT_BARE if content.options.scale_bar else LEFT) * unit
    beside = [_beside(panel, last=panel is panels[-1]) * unit for panel in panels]
    stacked = False
    if wanted is None:
        height = min(LONGEST, WIDEST / ratio)
    else:
        width = (wanted - margin - sum(beside)) / len(panels)
        stacked = len(panels) > 1 and width < NARROWEST_PANEL
        if stacked:
            width = wanted - margin - max(_beside(panel, last=True) for panel in panels) * unit
        height = min(width / ratio, TALLEST_PANEL)
    width = ratio * height
    page_width = wanted or max(margin + len(panels) * width + sum(beside), NARROWEST_PAGE * unit)
    inner = page_width - margin - MARGIN
    table = numbers_table(content)
    tables = _blocks(table, max(int(inner / (NARROWEST_COLUMN * unit)), 2)) if table else ()
    notes = [line for note in notes_of(content) for line in wrapped(note, inner, NOTE_PT * unit)]
    caption = wrapped(caption_text(content), inner, CAPTION_PT * unit)
    room = width if len(panels) > 1 and not stacked else inner
    titles = tuple(wrapped(panel.title, room, PANEL_TITLE_PT * unit) or [""] for panel in panels)
    above = (PANEL_TITLE + PANEL_TITLE_LINE * (max(map(len, titles)) - 1)) * unit
    words = (NOTE_ROW * len(notes) + CAPTION_ROW * len(caption)) * unit
    words += sum(_table_height(block, inner, unit) for block in tables)
    axis = (0.08 if content.options.scale_bar else AXIS_LABELS) * unit
    base, step = MARGIN + words + axis, height + above + axis
    rows = len(panels) if stacked else 1
    top = (TITLE * unit if content.options.title else 0.0) + MARGIN / 2
    page_height = base + (rows - 1) * step + height + above + top
    if stacked:
        places = tuple((margin, base + (rows - 1 - index) * step) for index in range(rows))
    else:
        lefts = margin + np.cumsum([0.0, *(width + room for room in beside[:-1])])
        places = tuple((float(left), base) for left in lefts)
    page = Page(page_width, page_height, unit)
    return _Plan(page, (width, height), places, margin, stacked, titles, tables, notes, caption)


def _beside(panel: Panel, *, last: bool) -> float:
    """Room to the right of a panel: for its bar, or a gap."""
    if not panel.bar:
        return PANEL_GAP
    bar = BAR_GAP + BAR
    if panel.quantity is None:
        return bar + DECIBEL_ROOM
    return bar + RIGHT + (0.0 if last else BAR_GAP)


def _blocks(table: Table, most: int) -> tuple[Table, ...]:
    """Break a table of more columns than there is room for into several below each other."""
    named = int(table[0][0] == "")
    columns = len(table[0]) - named
    each = max(most - named, 1)
    blocks = -(-columns // each)
    each = -(-columns // blocks)
    starts = range(named, len(table[0]), each)
    return tuple([[*row[:named], *row[start : start + each]] for row in table] for start in starts)


def _row_height(table: Table, inner: float, unit: float) -> float:
    """Height of a table row: two lines of text where a column is too narrow for a value and its dB."""
    return NUMBER_ROW * unit * (1.75 if inner / len(table[0]) < NARROW_COLUMN * unit else 1.0)


def _table_height(table: Table, inner: float, unit: float) -> float:
    return len(table) * _row_height(table, inner, unit) + 0.4 * NUMBER_ROW * unit


def _write_words(plan: _Plan, figure: Figure, title: str) -> None:
    """Write title, table of numbers, notes and caption around the panels."""
    page, unit = plan.page, plan.page.unit
    if title:
        page.text(figure, plan.left, page.height - MARGIN, title, size_pt=9.5, fontweight="bold", va="top")
    y = MARGIN
    for lines, row, size in ((plan.caption, CAPTION_ROW, CAPTION_PT), (plan.notes, NOTE_ROW, NOTE_PT)):
        for line in reversed(lines):
            page.text(figure, plan.left, y, line, size_pt=size, va="bottom")
            y += row * unit
    inner = page.width - plan.left - MARGIN
    for table in reversed(plan.tables):
        _write_table(plan, figure, table, y + 0.15 * NUMBER_ROW * unit)
        y += _table_height(table, inner, unit)


def _write_table(plan: _Plan, figure: Figure, table: Table, bottom: float) -> None:
    """Write the numbers between three rules; a narrow figure breaks a value before its dB."""
    page, unit = plan.page, plan.page.unit
    right = page.width - MARGIN
    edges = np.linspace(plan.left, right, len(table[0]) + 1)
    height = _row_height(table, right - plan.left, unit)
    tops = [bottom + height * (len(table) - index) for index in range(len(table))]
    for row, top in zip(table, tops, strict=True):
        heading = row is table[0]
        for left, text in zip(edges, row, strict=False):
            shown = text.replace(" (", "\n(") if height > NUMBER_ROW * unit else text
            size = HEADING_PT if heading else NUMBER_PT
            color = "0.3" if heading else "black"
            page.text(figure, left, top - 0.035 * unit, shown, size_pt=size, va="top", linespacing=1.15, color=color)
    across = [plan.left / page.width, right / page.width]
    for at, width in ((tops[0], 0.7), (tops[1], 0.4), (bottom, 0.7)):
        figure.add_artist(Line2D(across, [at / page.height] * 2, color="black", linewidth=width))
