"""The words of a figure: the table of numbers, notes, and the small print of where the maps come from."""

import textwrap
from typing import TYPE_CHECKING

import numpy as np

from engine.export.table import provenance_lines
from engine.metrics.base import METRICS, Measurement, metrics_shown
from engine.metrics.reasons import explain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.figures.figure import FigureContent, StrainPanel
    from engine.types import Provenance

MINUS = "\N{MINUS SIGN}"
NOTE_CHARACTER_IN = 0.051
"""Mean width of a character of a note, a little generously."""
SHORTEST_LINE = 20


def measured_names(panels: "Sequence[StrainPanel]") -> list[str]:
    """Names of the metrics to print: what needs a region that is not drawn is left out."""
    return [
        entry.name
        for entry in metrics_shown("figure")
        if any(entry.name in panel.metrics and panel.metrics[entry.name].reason != "not_drawn" for panel in panels)
    ]


def numbers_table(content: "FigureContent") -> list[list[str]]:
    """Heading and one row for each panel; empty if there is nothing to print."""
    measured = [panel for panel in content.strain if panel.metrics]
    shown = measured_names(measured)
    if not shown:
        return []
    named = len(content.strain) > 1
    rows = [[panel.title] * named + [value_text(panel.metrics.get(name)) for name in shown] for panel in measured]
    return [[""] * named + [METRICS.get(name).short for name in shown], *rows]


def value_text(entry: Measurement | None) -> str:
    """Write a number with its dB, or a dash where there is none."""
    if entry is None or entry.reason:
        return "–"
    # Adding zero turns a rounded -0.0 into 0.0.
    decibel = "" if np.isnan(entry.decibel) else f" ({round(entry.decibel, 1) + 0.0:.1f} dB)"
    return f"{entry.value:.3g}{decibel}".replace("-", MINUS)


def notes_of(content: "FigureContent") -> list[str]:
    """Remarks, then of each number that is missing why it is, once a reason, and what grey means where there is any."""
    if not content.notes:
        return list(content.remarks)
    grouped: dict[str, list[str]] = {}
    for panel in content.strain:
        for metric in metrics_shown("figure"):
            entry = panel.metrics.get(metric.name)
            if entry is not None and entry.reason not in {"", "not_drawn"}:
                titles = grouped.setdefault(entry.reason, [])
                titles += [metric.short] * (metric.short not in titles)
    notes = [f"– {', '.join(titles)}: {explain(reason)}" for reason, titles in grouped.items()]
    if any(bool(np.isnan(panel.strain).any()) for panel in content.strain):
        notes.append("Grey: no valid estimate.")
    return [*content.remarks, *notes]


def wrapped(lines: "Sequence[str]", width_in: float) -> list[str]:
    """Break notes, which are written in 6.5 points, into lines that fit into a width in inches."""
    characters = max(int(width_in / NOTE_CHARACTER_IN), SHORTEST_LINE)
    return [part for line in lines for part in textwrap.wrap(line, characters)]


def caption_of(content: "FigureContent", characters: int) -> list[str]:
    """Break the small print into lines of some characters; empty where none is asked for."""
    if not content.caption:
        return []
    return textwrap.wrap(provenance_text(content), characters, break_long_words=True)


def provenance_text(content: "FigureContent") -> str:
    """Say in one line where the maps come from, both where two are compared; empty without provenance."""
    first = _source_text(content.provenance)
    if content.compared_with is None:
        return first
    return f"A: {first}; B: {_source_text(content.compared_with)}"


def _source_text(provenance: "Provenance | None") -> str:
    source = () if provenance is None else provenance_lines(provenance)
    return "; ".join(f"{name}: {value}" for name, value in source)
