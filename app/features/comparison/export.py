"""Write the comparison that is shown to a figure, off the GUI thread, frozen when it was asked for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from app.controllers.commands import Commands
from app.features.comparison.state import CompareState, Comparison, Side
from app.features.export.controller import FigureOptions
from app.features.export.writing import PREVIEW_DPI, WritingController
from app.jobs import JobControl
from app.state import Display, Regions
from engine.figures.comparison import ComparisonFigure, save_comparison
from engine.figures.figure import FigureContent, StrainPanel
from engine.figures.shown import noted, shown_remarks
from engine.frames import frame_title
from engine.metrics.relative import relative_strain
from engine.pipeline import Settings
from engine.provenance import make_provenance
from engine.quantity import strain_quantity
from engine.types import Provenance, RFSequence

NOTHING = "There is no comparison to export: choose two maps that both have strain."


@dataclass(frozen=True)
class CompareSource:
    """Everything the figure is drawn from."""

    sequence: RFSequence
    comparison: Comparison
    settings: tuple[Settings, Settings]
    display: Display
    regions: Regions
    limits: tuple[float, float] | None = None


class CompareExportController(WritingController):
    """Turns the request for a figure of the comparison into a job."""

    def __init__(self, commands: Commands) -> None:
        super().__init__(commands.state, commands.jobs.files, commands.parent)
        self._compare = commands.state.slice(CompareState)

    def source(self, limits: tuple[float, float] | None) -> CompareSource | None:
        """Freeze what is shown now; None, with a word to the user, where there is no comparison."""
        state, comparison = self._state, self._compare.comparison
        runs = {run.number: run for run in state.runs.values()}
        if not self._compare.active or comparison is None or state.recording is None:
            self.failed.emit(NOTHING)
            return None
        if not {comparison.first.run, comparison.second.run} <= set(runs):
            self.failed.emit(NOTHING)
            return None
        settings = runs[comparison.first.run].settings, runs[comparison.second.run].settings
        return CompareSource(state.recording.sequence, comparison, settings, state.display, state.regions, limits)

    def preview_figure(self, source: CompareSource, options: FigureOptions) -> None:
        """Draw a small figure for the dialog; the last request wins."""
        self._preview(partial(_draw_preview, source, options))

    def save_figure(self, source: CompareSource, options: FigureOptions, path: Path) -> None:
        """Write the figure; the suffix decides the format."""
        self._write(partial(write_comparison, source, options, path), path)


def write_comparison(source: CompareSource, options: FigureOptions, path: Path, control: JobControl) -> None:
    """Draw the comparison into a file, with the provenance of both maps."""
    save_comparison(comparison_figure(source, options, _provenances(source, control)), path, options.dpi)


def _draw_preview(source: CompareSource, options: FigureOptions, path: Path) -> None:
    save_comparison(comparison_figure(source, replace(options, caption=False)), path, PREVIEW_DPI)


def comparison_figure(
    source: CompareSource, options: FigureOptions, provenances: Sequence[Provenance | None] = (None, None)
) -> ComparisonFigure:
    """Describe the figure to the engine."""
    sides, display = (source.comparison.first, source.comparison.second), source.display
    regions = source.regions if options.ellipses else Regions()
    remarks = []
    for letter, side in zip("AB", sides, strict=True):
        frames = side.averaged if len(side.averaged) > 1 else ()
        words = shown_remarks(mean=side.mean if display.relative else None, frames=frames)
        if words:
            remarks.append(f"{letter}: {' '.join(words)}")
    content = FigureContent(
        tuple(_panel(side, display, numbers=options.numbers) for side in sides),
        source.sequence.geometry,
        target=regions.target,
        background=regions.background,
        limits=source.limits,
        colormap=display.colormap + ("_r" if display.reverse else ""),
        title=options.title,
        scale_bar=options.scale_bar,
        caption=options.caption,
        provenance=provenances[0],
        quantity=strain_quantity(display.quantity, relative=display.relative),
        remarks=tuple(remarks),
        compared_with=provenances[1],
        lesion=regions.lesion,
    )
    return ComparisonFigure(content)


def _panel(side: Side, display: Display, *, numbers: bool) -> StrainPanel:
    values = relative_strain(side.strain, side.mean) if display.relative else side.strain
    return StrainPanel(frame_title(side.title, side.frame), values, side.metrics if numbers else {})


def _provenances(source: CompareSource, control: JobControl) -> tuple[Provenance, Provenance]:
    made: dict[Settings, Provenance] = {}
    for settings in source.settings:
        if settings not in made:  # each reads the whole recording for its hash
            made[settings] = make_provenance(source.sequence, settings, control.cancelled)
    sides = source.comparison.first, source.comparison.second
    first, second = (
        noted(made[settings], relative=source.display.relative, averaged_frames=len(side.averaged))
        for settings, side in zip(source.settings, sides, strict=True)
    )
    return first, second
