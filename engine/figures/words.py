"""The words of a figure: the table of numbers, notes, the caption, and the text of where the maps come from."""

from collections.abc import Sequence

import numpy as np

from engine.as_shown import result_title
from engine.export.table import provenance_lines
from engine.figures.content import FigureContent, StrainPanel
from engine.frames import frame_words
from engine.maps.base import StrainMap
from engine.metrics.base import METRICS, Measurement, metrics_shown
from engine.metrics.number_text import DASH, MINUS, decibel_text, interval_text, three_figures
from engine.metrics.reasons import explain
from engine.quantity import AXIAL_STRAIN, PERCENT
from engine.reliability.sigma import interval_words
from engine.strain.persistence import FrameStrain
from engine.types import Provenance, Result

UNMEASURED = {"not_drawn", "no_outline"}
"""Reasons of a number that nobody asked for: what it needs is not drawn."""


def measured_names(panels: Sequence[StrainPanel]) -> list[str]:
    """Names of the metrics to print: what needs a region that is not drawn is left out."""
    return [
        entry.name
        for entry in metrics_shown("figure")
        if any(entry.name in panel.metrics and panel.metrics[entry.name].reason not in UNMEASURED for panel in panels)
    ]


def numbers_table(content: FigureContent) -> list[list[str]]:
    """Heading and one row for each panel, for a comparison one of the differences too; empty if there is nothing."""
    measured = [panel for panel in content.strain if panel.metrics]
    shown = measured_names(measured)
    if not shown:
        return []
    named = len(content.strain) > 1
    titles = ["A", "B"] if content.difference else [panel.title for panel in measured]
    rows = [
        [title] * named + [value_text(panel.metrics.get(name)) for name in shown]
        for title, panel in zip(titles, measured, strict=True)
    ]
    if content.difference:
        rows.append([f"A {MINUS} B", *(_gap(measured[0], measured[1], name) for name in shown)])
    return [[""] * named + [METRICS.get(name).short for name in shown], *rows]


def _gap(first: StrainPanel, second: StrainPanel, name: str) -> str:
    entries = [panel.metrics.get(name) for panel in (first, second)]
    values = [entry.value for entry in entries if entry is not None and not entry.reason]
    return three_figures(values[0] - values[1]) if len(values) == 2 else DASH


def value_text(entry: Measurement | None) -> str:
    """Write a number with its dB, or a dash where there is none."""
    if entry is None or entry.reason:
        return DASH
    decibel = "" if np.isnan(entry.decibel) else f" ({decibel_text(entry.name, entry)} dB)"
    return f"{three_figures(entry.value)}{decibel}"


def notes_of(content: FigureContent) -> list[str]:
    """Remarks, then of each number that is missing why it is, once a reason, and what grey means where there is any."""
    if not content.notes:
        return list(content.remarks)
    grouped: dict[str, list[str]] = {}
    for panel in content.strain:
        for metric in metrics_shown("figure"):
            entry = panel.metrics.get(metric.name)
            if entry is not None and entry.reason and entry.reason not in UNMEASURED:
                titles = grouped.setdefault(entry.reason, [])
                titles += [metric.short] * (metric.short not in titles)
    notes = [f"– {', '.join(titles)}: {explain(reason)}" for reason, titles in grouped.items()]
    if any(bool(np.isnan(panel.strain).any()) for panel in content.strain):
        notes.append("Grey: no valid estimate.")
    return [*content.remarks, *notes]


def caption_text(content: FigureContent) -> str:
    """Say in a sentence what the maps are, each once; empty where no caption is asked for."""
    if not content.options.caption:
        return ""
    letters = ["A: ", "B: "] if content.difference else [""] * len(content.strain)
    said, whose = [], []
    for letter, panel in zip(letters, content.strain, strict=True):
        ranges = _ranges(panel) if content.options.intervals else []
        words = ", ".join(filter(None, (panel.caption, *ranges)))
        said += [f"{letter}{words}"] * bool(words)
        if ranges and panel.source is not None:
            whose.append(interval_words(panel.source.method))
    return " ".join((f"{'; '.join(dict.fromkeys(said))}.", *dict.fromkeys(whose))) if said else ""


def _ranges(panel: StrainPanel) -> list[str]:
    """Write the interval of every printed number that has one."""
    entries = (
        (METRICS.get(name).short, panel.metrics[name]) for name in measured_names([panel]) if name in panel.metrics
    )
    return [f"{short} {value_text(entry)} ({words})" for short, entry in entries if (words := interval_text(entry))]


def map_words(result: Result, found: FrameStrain | None, entry: StrainMap) -> str:
    """Say in words what a map is: method, strain windows, frames and mean compression; of many frames the first two.

    A map other than axial strain is named first, and so is any strain that is not infinitesimal.
    """
    source, strain = result.provenance, result.read_frame(0).strain if found is None else found.strain
    words = [] if entry.name == AXIAL_STRAIN else [entry.quantity.label]
    words += ["Green-Lagrange strain"] * (strain.measure == "green-lagrange")
    words += [
        result_title(source),
        f"{1e3 * strain.window_m:.2g} mm {source.parameters.get('strain_method', 'strain')} window",
    ]
    words += [f"{1e3 * strain.lateral_window_m:.2g} mm across the lines"] * entry.across
    if found is not None:
        words += [frame_words(found.frame, found.reference), *_compression_words(found.mean)]
    return ", ".join(words)


def _compression_words(mean: float) -> list[str]:
    """Say how much a frame of a `mean` strain was compressed or stretched; nothing where it hardly was."""
    if not np.isfinite(mean):
        return []
    return [f"{abs(PERCENT * mean):.2g} % mean {'compression' if mean < 0 else 'elongation'}"]


def provenance_text(content: FigureContent) -> str:
    """Say in one line where the maps come from, both where two are compared; empty without provenance."""
    sources = list(dict.fromkeys(source_text(panel.source) for panel in content.strain))
    if content.difference:
        return "; ".join(
            f"{letter}: {source_text(panel.source)}" for letter, panel in zip("AB", content.strain, strict=True)
        )
    return "; ".join(filter(None, dict.fromkeys(sources)))


def source_text(provenance: Provenance | None) -> str:
    """Write a provenance in one line."""
    source = () if provenance is None else provenance_lines(provenance)
    return "; ".join(f"{name}: {value}" for name, value in source)
