"""The layout of a contact sheet, in inches like that of a figure."""

from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from engine.figures.contact_sheet import PANEL_HEIGHT, rows_and_columns
from engine.figures.layout import (
    BAR,
    BAR_GAP,
    LEFT_BARE,
    MARGIN,
    NO_ESTIMATE,
    NOTE_ROW,
    PANEL_GAP,
    PANEL_TITLE,
    RIGHT,
    TITLE,
    Page,
    fitting_limits,
    image_extent,
    outline,
    reaches_beyond,
    show_map,
    strain_bar,
)
from engine.figures.words import wrapped

if TYPE_CHECKING:
    from engine.figures.figure import FigureContent

LOWEST = 0.35
"""Room below the maps, for the words under the colour bar."""


def draw_sheet(content: "FigureContent") -> Figure:
    """Draw the maps without axes, each with its title; the colour bar is as high as the first row of maps or more."""
    left, right, bottom, top = image_extent(content.strain[0].strain, content.geometry)
    ratio = (right - left) / (bottom - top)
    rows, columns = rows_and_columns(len(content.strain), ratio)
    width, step = PANEL_HEIGHT * ratio, PANEL_HEIGHT + PANEL_TITLE
    heading = TITLE if content.title else 0.0
    page_width = LEFT_BARE + columns * (width + PANEL_GAP) + BAR_GAP + BAR + RIGHT
    remarks = wrapped(content.remarks, page_width - LEFT_BARE - MARGIN)
    below = LOWEST + NOTE_ROW * len(remarks)
    page_height = rows * step + below + heading
    base = page_height - heading - step
    page = Page(page_width, page_height, (width, PANEL_HEIGHT), LEFT_BARE, base)
    figure = Figure(figsize=(page_width, page_height))
    limits = content.limits or fitting_limits(content)
    for index, panel in enumerate(content.strain):
        row, column = divmod(index, columns)
        axes = page.axes(figure, LEFT_BARE + column * (width + PANEL_GAP), base - row * step, width, PANEL_HEIGHT)
        image = show_map(axes, content.quantity.shown(panel.strain), content, limits)
        axes.set(xticks=[], yticks=[], facecolor=NO_ESTIMATE)
        axes.set_title(panel.title, loc="left", pad=3, fontsize=7)
        outline(axes, content)
    height = rows * step - PANEL_TITLE
    tall = Page(page_width, page_height, (width, height), LEFT_BARE, base - (rows - 1) * step)
    bar = LEFT_BARE + columns * (width + PANEL_GAP) - PANEL_GAP + BAR_GAP
    strain_bar(tall, figure, image, bar, reaches_beyond(content, limits), content.quantity)
    for line, remark in enumerate(reversed(remarks)):
        page.text(figure, LEFT_BARE, MARGIN + line * NOTE_ROW, remark, fontsize=6.5, va="bottom")
    if content.title:
        page.text(figure, LEFT_BARE, page_height - MARGIN, content.title, fontsize=9.5, fontweight="bold", va="top")
    return figure
