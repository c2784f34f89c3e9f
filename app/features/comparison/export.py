"""Write the comparison that is shown to a figure, off the GUI thread, frozen when it was asked for."""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from app.controllers.commands import Commands
from app.features.comparison.state import CompareState
from app.features.export.source import RunResult, present_choices, run_result
from app.features.export.writing import PREVIEW_DPI, WritingController
from app.jobs import JobControl
from engine.figures.compose import Choices, Limits, compose_comparison
from engine.figures.content import FigureContent
from engine.figures.options import FigureOptions
from engine.figures.save import save_figure
from engine.types import Map, Result

NOTHING = "There is no comparison to export: choose two maps that both have strain."


@dataclass(frozen=True)
class CompareSource:
    """Everything the figure is drawn from: both runs, each with its frame."""

    runs: tuple[RunResult, RunResult]
    frames: tuple[int, int]
    choices: Choices
    maps: tuple[Map, Map]
    """Both maps as stored; axial strain is averaged and divided anew."""


class CompareExportController(WritingController):
    """Turns the request for a figure of the comparison into a job."""

    def __init__(self, commands: Commands) -> None:
        super().__init__(commands.state, commands.jobs.files, commands.parent)
        self._compare = commands.state.slice(CompareState)

    def source(self, limits: Limits | None) -> CompareSource | None:
        """Freeze what is shown now; None, with a word to the user, where there is no comparison."""
        state, comparison = self._state, self._compare.comparison
        runs = {run.number: run for run in state.runs.values()}
        if not self._compare.active or comparison is None or state.recording is None:
            self.failed.emit(NOTHING)
            return None
        sides = comparison.first, comparison.second
        if not {side.run for side in sides} <= set(runs):
            self.failed.emit(NOTHING)
            return None
        first, second = (run_result(runs[side.run], state.recording.sequence) for side in sides)
        choices = present_choices(state, limits, sides[0].map)
        return CompareSource(
            (first, second), (sides[0].frame, sides[1].frame), choices, (sides[0].values, sides[1].values)
        )

    def preview_figure(self, source: CompareSource, options: FigureOptions) -> None:
        """Draw a small figure for the dialog; the last request wins."""
        self._preview(partial(_draw_preview, source, options))

    def save_figure(self, source: CompareSource, options: FigureOptions, path: Path) -> None:
        """Write the figure; the suffix decides the format."""
        self._write(partial(write_comparison, source, options, path), path)


def write_comparison(source: CompareSource, options: FigureOptions, path: Path, control: JobControl) -> None:
    """Draw the comparison into a file, with the provenance of both maps."""
    first, second = source.runs
    hashed = first.hashed(control)
    same = first.settings == second.settings  # each reading of the recording takes a while
    other = replace(second.result, provenance=hashed.provenance) if same else second.hashed(control)
    save_figure(comparison_content(source, options, (hashed, other)), path)


def comparison_content(
    source: CompareSource, options: FigureOptions, results: tuple[Result, Result] | None = None
) -> FigureContent:
    """Compose the figure; a profile line belongs to figures of one map."""
    first, second = results or (source.runs[0].result, source.runs[1].result)
    choices = replace(source.choices, options=replace(options, profile=False))
    read_maps = (lambda _frame: source.maps[0]), (lambda _frame: source.maps[1])
    return compose_comparison(first, source.frames[0], second, source.frames[1], choices, read_maps)


def _draw_preview(source: CompareSource, options: FigureOptions, path: Path) -> None:
    save_figure(comparison_content(source, replace(options, settings=False)), path, PREVIEW_DPI)
