"""A contact sheet: the strain of many frames side by side, small, under one colour bar."""

import math
from collections.abc import Sequence

from matplotlib.figure import Figure

from engine.figures.content import FigureContent
from engine.figures.marks import draw_regions
from engine.figures.options import WIDTHS_INCH
from engine.figures.page import (
    BAR,
    BAR_GAP,
    CAPTION_ROW,
    LEFT_BARE,
    MARGIN,
    NOTE_ROW,
    PANEL_GAP,
    PANEL_TITLE,
    RIGHT,
    TITLE,
    USUAL_FONT_PT,
    Page,
    wrapped,
)
from engine.figures.panels import draw_map, image_ratio, panels_of, strain_bar
from engine.figures.words import caption_text

PANEL_HEIGHT, LONGEST_ROW = 1.5, 7.0
"""Inches: the height of a small map, and the width that a row of them may take."""
LOWEST = 0.35
"""Room below the maps, for the words under the colour bar."""
NARROWEST_SHEET = 2.4
"""Inches: room for the words below a sheet of one narrow column."""
WORDS_PT = 6.5


def draw_sheet(content: FigureContent) -> Figure:
    """Draw the maps without axes, each with its title; B-mode and numbers stay out."""
    unit = content.options.font_size_pt / USUAL_FONT_PT
    ratio, wanted = image_ratio(content), WIDTHS_INCH.get(content.options.width)
    around = (LEFT_BARE + BAR_GAP + BAR + RIGHT) * unit
    longest = LONGEST_ROW if wanted is None else wanted - around
    rows, columns = rows_and_columns(len(content.strain), ratio, longest)
    width, step = PANEL_HEIGHT * ratio, PANEL_HEIGHT + PANEL_TITLE * unit
    heading = TITLE * unit if content.options.title else 0.0
    page_width = wanted or max(around + columns * (width + PANEL_GAP), NARROWEST_SHEET)
    inner = page_width - LEFT_BARE - MARGIN
    caption = wrapped(caption_text(content), inner, WORDS_PT * unit)
    notes = [line for remark in content.remarks for line in wrapped(remark, inner, WORDS_PT * unit)]
    below = LOWEST * unit + (NOTE_ROW * len(notes) + CAPTION_ROW * len(caption)) * unit
    page = Page(page_width, rows * step + below + heading, unit)
    base = page.height - heading - step
    figure = Figure(figsize=(page.width, page.height))
    for index, panel in enumerate(panels_of(content)):
        row, column = divmod(index, columns)
        axes = page.axes(figure, LEFT_BARE + column * (width + PANEL_GAP), base - row * step, width, PANEL_HEIGHT)
        image = draw_map(axes, panel, content.geometry)
        axes.set(xticks=[], yticks=[])
        axes.set_title(panel.title, loc="left", pad=3, fontsize=7 * unit)
        draw_regions(axes, content.marks, unit)
    height, left = rows * step - PANEL_TITLE * unit, LEFT_BARE + columns * (width + PANEL_GAP) - PANEL_GAP
    strain_bar(page, figure, image, panel, (left + BAR_GAP * unit, base - (rows - 1) * step), height)
    for line, words in enumerate(reversed([*notes, *caption])):
        page.text(figure, LEFT_BARE, MARGIN + line * NOTE_ROW * unit, words, size_pt=WORDS_PT, va="bottom")
    if content.options.title:
        top = page.height - MARGIN
        page.text(figure, LEFT_BARE, top, content.options.title, size_pt=9.5, fontweight="bold", va="top")
    return figure


def rows_and_columns(panels: int, ratio: float, longest: float = LONGEST_ROW) -> tuple[int, int]:
    """Rows and columns for panels of a width-to-height ratio: as many side by side as fit the row.

    >>> rows_and_columns(10, 1.0)
    (3, 4)
    """
    columns = max(1, min(panels, math.floor(longest / (PANEL_HEIGHT * ratio + PANEL_GAP))))
    return math.ceil(panels / columns), columns


def evenly(frames: Sequence[int], most: int) -> tuple[int, ...]:
    """At most `most` of the frames, evenly spread, first and last among them.

    >>> evenly(range(1, 11), 4)
    (1, 4, 7, 10)
    """
    if len(frames) <= most:
        return tuple(frames)
    if most == 1:
        return (frames[-1],)
    return tuple(frames[round(index * (len(frames) - 1) / (most - 1))] for index in range(most))
