"""A contact sheet: the strain of many frames side by side in one figure, with one colour bar."""

import math
from collections.abc import Sequence
from pathlib import Path

from engine.errors import ParameterError
from engine.figures.figure import FigureContent, save_drawing

PANEL_HEIGHT, LONGEST_ROW = 1.5, 7.0
"""Inches: the height of a small map, and the width that a row of them may take."""


def save_contact_sheet(content: FigureContent, path: Path, dpi: float = 300) -> None:
    """Draw every strain panel of `content` small, in rows, under the same limits; B-mode and numbers stay out."""
    if not content.strain:
        raise ParameterError("a contact sheet needs at least one map")
    from engine.figures.sheet_layout import draw_sheet

    save_drawing(content, path, dpi, draw_sheet)


def rows_and_columns(panels: int, ratio: float) -> tuple[int, int]:
    """Rows and columns for panels of a width-to-height ratio: as many side by side as fit the row.

    >>> rows_and_columns(10, 1.0)
    (3, 4)
    """
    columns = max(1, min(panels, math.floor(LONGEST_ROW / (PANEL_HEIGHT * ratio))))
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
