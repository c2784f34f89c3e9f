"""Write figures, movies, tables and data, off the GUI thread, from the same numbers that are shown."""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from app.controllers.commands import Commands
from app.features.export.source import RunResult, present_choices, run_result
from app.features.export.writing import PREVIEW_DPI, WritingController
from app.jobs import JobControl
from app.state.maps import MapState, ShownMap
from engine.evaluation.oracle import true_motion
from engine.export.base import WRITERS, Export
from engine.figures.compose import Choices, Limits, compose, compose_sheet
from engine.figures.content import FigureContent
from engine.figures.movie import compose_movie, save_movie
from engine.figures.options import FigureOptions, MovieOptions
from engine.figures.save import save_figure, save_sheet
from engine.maps.base import MAPS
from engine.maps.reading import ReadMap, map_reader
from engine.quantity import AXIAL_STRAIN
from engine.types import Result

NOTHING = "There is no strain to export yet: estimate strain first."


@dataclass(frozen=True)
class FigureSource:
    """Everything a figure of the shown frame is drawn from; `map` takes the place of its strain."""

    run: RunResult
    frame: int
    choices: Choices
    map: ShownMap | None = None


@dataclass(frozen=True)
class SeriesSource:
    """Everything a movie or a contact sheet is drawn from."""

    run: RunResult
    choices: Choices

    def read_map(self) -> ReadMap | None:
        """Return what reads the chosen map where it needs the recording's truth."""
        truth = self.run.sequence.truth
        if truth is None or "true" not in self.choices.entry.needs:
            return None
        return map_reader(self.run.result, self.choices.map, true_motion(self.run.result, truth))


class ExportController(WritingController):
    """Turns export requests into jobs."""

    def __init__(self, commands: Commands) -> None:
        super().__init__(commands.state, commands.jobs.files, commands.parent)

    def figure_source(self, limits: Limits | None) -> FigureSource | None:
        """Freeze what is shown now; None, with a word to the user, where there is no strain."""
        run, picture = self._shown_run(), self._state.picture
        if run is None:
            return None
        if picture is None or picture.strain is None or picture.stage == "first estimate":
            self.failed.emit(NOTHING)
            return None
        shown = self._state.slice(MapState).map
        drawn = AXIAL_STRAIN if shown is None else shown.kind
        return FigureSource(run, picture.frame, present_choices(self._state, limits, drawn), shown)

    def series_source(self, limits: Limits | None) -> SeriesSource | None:
        """Freeze all frames; limits of one frame alone do not hold for a series. None as in `figure_source`."""
        run = self._shown_run()
        drawn = self._state.slice(MapState).kind
        kept = limits if self._state.display.limits != "frame" and drawn == AXIAL_STRAIN else None
        return None if run is None else SeriesSource(run, present_choices(self._state, kept, drawn))

    def preview_figure(self, source: FigureSource, options: FigureOptions) -> None:
        """Draw a small figure for the dialog; the last request wins."""
        self._preview(partial(_draw_preview, source, options))

    def save_figure(self, source: FigureSource, options: FigureOptions, path: Path) -> None:
        """Write a figure; the suffix decides the format."""
        self._write(partial(write_figure, source, options, path), path)

    def preview_sheet(self, source: SeriesSource, options: FigureOptions) -> None:
        """Draw a small contact sheet for the dialog."""
        self._preview(partial(_draw_sheet, source, options))

    def save_sheet(self, source: SeriesSource, options: FigureOptions, path: Path) -> None:
        """Write a contact sheet of the estimated frames, at most forty of them, evenly spread."""
        self._write(partial(write_sheet, source, options, path), path)

    def save_movie(self, source: SeriesSource, options: MovieOptions, path: Path) -> None:
        """Write B-mode and strain of the estimated frames as a movie."""
        self._write(partial(write_movie, source, options, path), path)

    def save_data(self, name: str, path: Path) -> None:
        """Write the shown run in a format of `WRITERS`."""
        run = self._shown_run()
        if run is not None:
            regions = self._state.regions
            measured = Export(
                target=regions.target,
                background=regions.background,
                lesion=regions.lesion,
                persistence=self._state.display.persistence,
                measured_above=self._state.display.measured_above,
                map=self._measured_map(),
                follow=self._state.display.follows,
            )
            self._write(partial(write_data, run, name, measured, path), path)

    def _measured_map(self) -> str:
        """Return the map that a table measures too: the chosen one, if a result alone gives it."""
        kind = self._state.slice(MapState).kind
        return AXIAL_STRAIN if MAPS.get(kind).needs else kind

    def _shown_run(self) -> RunResult | None:
        state = self._state
        if state.recording is None or state.run is None or not state.run.store.frames():
            self.failed.emit(NOTHING)
            return None
        return run_result(state.run, state.recording.sequence)


def figure_content(source: FigureSource, options: FigureOptions, result: Result | None = None) -> FigureContent:
    """Compose the figure; the B-mode is computed anew in full precision."""
    choices = replace(source.choices, options=options)
    shown = result or source.run.result
    made = source.map
    read_map = None if made is None else lambda _frame: made.values
    return compose(shown, source.frame, choices, read_rf=source.run.sequence.frame, read_map=read_map)


def write_figure(source: FigureSource, options: FigureOptions, path: Path, control: JobControl) -> None:
    """Draw a figure into a file, with its provenance."""
    save_figure(figure_content(source, options, source.run.hashed(control)), path)


def write_sheet(source: SeriesSource, options: FigureOptions, path: Path, control: JobControl) -> None:
    """Draw a contact sheet into a file."""
    choices = replace(source.choices, options=options)
    save_sheet(compose_sheet(source.run.hashed(control), choices, read_map=source.read_map()), path)


def write_movie(source: SeriesSource, options: MovieOptions, path: Path, control: JobControl) -> None:
    """Draw a movie into a file, frame by frame."""
    read_rf, read_map = source.run.sequence.frame, source.read_map()
    plan = compose_movie(source.run.hashed(control), source.choices, options, read_rf, read_map)
    save_movie(
        plan.contents,
        path,
        plan.rate,
        options.dpi,
        progress=lambda done: control.progress(done, plan.frames),
        cancelled=control.cancelled,
        loops=options.loops,
    )


def write_data(run: RunResult, name: str, measured: Export, path: Path, control: JobControl) -> None:
    """Write a run in a format of `WRITERS`."""
    writer = WRITERS.get(name)
    recording = run.sequence if writer.with_recording else None
    told = replace(
        measured,
        result=run.hashed(control),
        recording=recording,
        progress=control.progress,
        cancelled=control.cancelled,
    )
    writer.save(told, path)


def _draw_preview(source: FigureSource, options: FigureOptions, path: Path) -> None:
    save_figure(figure_content(source, replace(options, settings=False)), path, PREVIEW_DPI)


def _draw_sheet(source: SeriesSource, options: FigureOptions, path: Path) -> None:
    choices = replace(source.choices, options=replace(options, settings=False))
    save_sheet(compose_sheet(source.run.result, choices, read_map=source.read_map()), path, PREVIEW_DPI)
