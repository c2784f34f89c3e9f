"""Write figures, tables and results, off the GUI thread, from the same numbers that are shown."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from PySide6.QtCore import QObject

from app.features.export.writing import PREVIEW_DPI, WritingController
from app.features.profile.state import ProfileState
from app.jobs import JobControl, Jobs
from app.state import Display, Picture, Regions, Run, ViewerState
from app.state.maps import MAP_COLORS, MapState, ShownMap
from app.state.run_store import RunStore
from engine.errors import StrainscopeError
from engine.export.result_file import ResultWriter
from engine.export.table import measure_strain, write_table
from engine.figures.figure import FigureContent, StrainPanel, save_figure
from engine.figures.shown import noted, shown_remarks
from engine.frames import frame_title
from engine.metrics.base import Measurement
from engine.metrics.profile import ProfileLine
from engine.metrics.relative import relative_strain
from engine.pipeline import Settings
from engine.preprocess.bmode import bmode_db
from engine.provenance import make_provenance
from engine.quantity import QUANTITIES, strain_quantity
from engine.strain.persistence import averaged_frames
from engine.types import Map, RFSequence

SeriesKind = Literal["movie", "sheet", "arrays", "zea"]
NOTHING = "There is no strain to export yet: estimate strain first."


@dataclass(frozen=True)
class FigureOptions:
    """What a figure shows, as the user chose it."""

    bmode: bool = True
    ellipses: bool = True
    numbers: bool = True
    scale_bar: bool = False
    caption: bool = False
    title: str = ""
    dpi: int = 300
    profile: bool = False


@dataclass(frozen=True)
class FigureSource:
    """Everything a figure is drawn from, frozen when it was asked for."""

    sequence: RFSequence
    settings: Settings
    picture: Picture
    method: str
    display: Display
    limits: tuple[float, float] | None
    regions: Regions
    metrics: Mapping[str, Measurement] = field(default_factory=dict)
    map: ShownMap | None = None
    profile: ProfileLine | None = None


class ExportController(WritingController):
    """Turns export requests into jobs."""

    def __init__(self, state: ViewerState, jobs: Jobs, parent: QObject | None = None) -> None:
        super().__init__(state, jobs.files, parent)

    def figure_source(self, limits: tuple[float, float] | None) -> FigureSource | None:
        """Freeze what is shown now; None, with a word to the user, where there is no strain."""
        state = self._state
        if state.recording is None or state.run is None or state.picture is None or state.picture.strain is None:
            self.failed.emit(NOTHING)
            return None
        return FigureSource(
            state.recording.sequence,
            state.run.settings,
            state.picture,
            state.run.title,
            state.display,
            limits,
            state.regions,
            state.measurements.values,
            state.slice(MapState).map,
            state.slice(ProfileState).line,
        )

    def preview_figure(self, source: FigureSource, options: FigureOptions) -> None:
        """Draw a small figure for the dialog; the last request wins."""
        self._preview(partial(_draw_preview, source, options))

    def save_figure(self, source: FigureSource, options: FigureOptions, path: Path) -> None:
        """Write a figure; the suffix decides the format."""
        self._write(partial(write_figure, source, options, path), path)

    def save_table(self, path: Path) -> None:
        """Write the metrics of every estimated frame as CSV."""
        run, sequence = self._shown_run()
        if run is not None and sequence is not None:
            regions, persistence = self._state.regions, self._state.display.persistence
            self._write(partial(_write_table, path, sequence, run.settings, run.store, regions, persistence), path)

    def save_result(self, path: Path) -> None:
        """Write every estimated frame of the shown run to one file."""
        run, sequence = self._shown_run()
        if run is not None and sequence is not None:
            self._write(partial(write_result, path, sequence, run.settings, run.store), path)

    def save_series(self, kind: SeriesKind, limits: tuple[float, float] | None, path: Path) -> None:
        """Write all frames of the shown run as a movie, a contact sheet, arrays, or a zea file."""
        from app.features.export import series as series_exports

        run, sequence = self._shown_run()
        if run is None or sequence is None:
            return
        state = self._state
        manual = limits if state.display.limits != "frame" else None
        source = series_exports.SeriesSource(
            sequence, run.settings, run.store, run.title, state.display, manual, state.regions
        )
        work = {
            "movie": series_exports.write_movie,
            "sheet": series_exports.write_sheet,
            "arrays": series_exports.write_arrays,
            "zea": series_exports.write_zea,
        }[kind]
        self._write(partial(work, source, path), path)

    def _shown_run(self) -> tuple[Run | None, RFSequence | None]:
        state = self._state
        if state.recording is None or state.run is None or not state.run.store.frames():
            self.failed.emit(NOTHING)
            return None, None
        return state.run, state.recording.sequence


def figure_content(source: FigureSource, options: FigureOptions) -> FigureContent:
    """Describe the figure to the engine; the B-mode is computed anew in full precision."""
    picture, regions = source.picture, source.regions if options.ellipses else Regions()
    if picture.strain is None:
        raise StrainscopeError(NOTHING)
    shown = source.map
    stored = picture.strain if shown is None else shown.values
    relative = source.display.relative and shown is None
    panel = StrainPanel(
        frame_title(source.method, picture.frame, picture.reference_frame),
        visible(
            relative_strain(stored, picture.mean_strain) if relative else stored,
            picture.quality,
            source.display.quality_threshold,
        ),
        source.metrics if options.numbers and shown is None else {},
    )
    colors = source.display.colormap if shown is None else MAP_COLORS.get(shown.kind, source.display.colormap)
    return FigureContent(
        (panel,),
        source.sequence.geometry,
        bmode_db(source.sequence.frame(picture.bmode_frame)) if options.bmode else None,
        regions.target,
        regions.background,
        source.limits,
        colors + ("_r" if source.display.reverse else ""),
        source.display.dynamic_range_db,
        options.title,
        options.scale_bar,
        options.caption,
        quantity=(
            strain_quantity(source.display.quantity, relative=relative) if shown is None else QUANTITIES[shown.quantity]
        ),
        lesion=regions.lesion,
        profile=source.profile if options.profile else None,
        remarks=shown_remarks(
            mean=picture.mean_strain if relative else None,
            frames=_averaged(source),
        ),
    )


def write_figure(source: FigureSource, options: FigureOptions, path: Path, control: JobControl) -> None:
    """Draw a figure into a file, with its provenance."""
    content = figure_content(source, options)
    provenance = make_provenance(source.sequence, source.settings, control.cancelled)
    relative = source.display.relative and source.map is None
    provenance = noted(provenance, relative=relative, averaged_frames=len(_averaged(source)))
    save_figure(replace(content, provenance=provenance), path, options.dpi)


def _averaged(source: FigureSource) -> tuple[int, ...]:
    """Frames that the map of a figure is averaged over; truth and modulus are of one frame."""
    averaged = source.picture.averaged if source.map is None or source.map.kind == "error" else ()
    return averaged if len(averaged) > 1 else ()


def write_result(path: Path, sequence: RFSequence, settings: Settings, store: RunStore, control: JobControl) -> None:
    """Copy a run's store into a result file, frame by frame."""
    frames = store.frames()
    provenance = make_provenance(sequence, settings, control.cancelled)
    with ResultWriter(path, sequence.shape, sequence.geometry, settings.reference, frames, provenance) as writer:
        for done, frame in enumerate(frames):
            control.check()
            writer.append(store.read(frame))
            control.progress(done + 1, len(frames))


def _write_table(
    path: Path,
    sequence: RFSequence,
    settings: Settings,
    store: RunStore,
    regions: Regions,
    persistence: int,
    control: JobControl,
) -> None:
    frames = store.frames()
    provenance = make_provenance(sequence, settings, control.cancelled)
    provenance = noted(provenance, averaged_frames=persistence, at_most=True)
    read, rows = averaged_frames(store.result(settings.reference, provenance), persistence), []
    for frame in frames:
        control.check()
        shown = read(frame)
        row = measure_strain(
            shown.strain,
            shown.reference,
            frame,
            regions.target,
            regions.background,
            len(shown.averaged),
            lesion=regions.lesion,
        )
        rows.append(row)
        control.progress(len(rows), len(frames))
    write_table(path, rows, provenance, regions.target, regions.background, regions.lesion)


def _draw_preview(source: FigureSource, options: FigureOptions, path: Path) -> None:
    save_figure(figure_content(source, replace(options, caption=False)), path, PREVIEW_DPI)


def visible(stored: Map, quality: Map | None, threshold: float) -> Map:
    """Leave out the pixels that the quality mask hides on screen."""
    if threshold <= 0 or quality is None:
        return stored
    shown: Map = np.where(quality >= threshold, stored, np.float32(np.nan))
    return shown
