"""Export all frames of the shown run: movie, contact sheet, arrays. Runs on the files thread, from frozen sources."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from app.features.export.controller import visible
from app.jobs import JobControl
from app.state import Display, Regions
from app.state.run_store import RunStore
from engine.export.arrays import save_arrays
from engine.export.zea_file import save_zea
from engine.figures.contact_sheet import evenly, save_contact_sheet
from engine.figures.figure import FigureContent, StrainPanel, suggest_limits
from engine.figures.movie import save_movie
from engine.figures.movie_rate import movie_rate
from engine.figures.shown import noted, series_remarks, shown_remarks
from engine.frames import frame_title, frame_words
from engine.metrics.contrast import strain_metrics
from engine.metrics.relative import relative_strain
from engine.pipeline import Settings
from engine.preprocess.bmode import bmode_db, reference_level
from engine.provenance import make_provenance
from engine.quantity import strain_quantity
from engine.strain.persistence import FrameStrain, ReadStrain, strain_reader
from engine.types import Map, Result, RFSequence

MOST_ON_A_SHEET = 40
MOVIE_DPI = 120


@dataclass(frozen=True)
class SeriesSource:
    """Everything the frames are drawn from, frozen when it was asked for; `limits` None fits all frames."""

    sequence: RFSequence
    settings: Settings
    store: RunStore
    method: str
    display: Display
    limits: tuple[float, float] | None
    regions: Regions


def write_movie(source: SeriesSource, path: Path, control: JobControl) -> None:
    """Draw B-mode and strain of every estimated frame."""
    frames = source.store.frames()
    save_movie(
        figures(source, control.cancelled),
        path,
        movie_rate(source.sequence.geometry.frame_rate_hz, frames),
        MOVIE_DPI,
        progress=lambda done: control.progress(done, len(frames)),
        cancelled=control.cancelled,
    )


def write_sheet(source: SeriesSource, path: Path, control: JobControl) -> None:
    """Draw the strain of the estimated frames small, at most forty of them, evenly spread."""
    read = _reader(source, source.display.persistence)
    chosen = evenly(source.store.frames(), MOST_ON_A_SHEET)
    panels = tuple(_panel(source, read(frame), numbers=False) for frame in chosen)
    control.check()
    save_contact_sheet(replace(_base(source, control.cancelled), strain=panels, title=source.method), path)


def write_arrays(source: SeriesSource, path: Path, control: JobControl) -> None:
    """Write every map for MATLAB or NumPy, as estimated."""
    save_arrays(_result(source, control), path)


def write_zea(source: SeriesSource, path: Path, control: JobControl) -> None:
    """Write the recording and every map, as estimated, in the zea data format."""
    save_zea(path, source.sequence, _result(source, control), control.progress, control.cancelled)


def _result(source: SeriesSource, control: JobControl) -> Result:
    provenance = make_provenance(source.sequence, source.settings, control.cancelled)
    return source.store.result(source.settings.reference, provenance)


def _reader(source: SeriesSource, persistence: int) -> ReadStrain:
    return strain_reader(source.store.frames(), persistence, partial(source.store.strain, keep=False))


def figures(source: SeriesSource, cancelled: Callable[[], bool]) -> Iterator[FigureContent]:
    """Describe B-mode and strain of every estimated frame to the engine."""
    base = _base(source, cancelled)
    level = reference_level(source.sequence.frame(source.settings.reference))
    display, read = source.display, _reader(source, source.display.persistence)
    for frame in source.store.frames():
        shown = read(frame)
        behind = shown.reference if display.bmode_frame == "reference" else frame
        yield replace(
            base,
            strain=(_panel(source, shown, numbers=True),),
            bmode_db=bmode_db(source.sequence.frame(behind), reference_level=level),
            # Every frame has as many lines below it, so that all pages of a movie are of one size.
            remarks=shown_remarks(
                mean=shown.mean if display.relative else None,
                frames=shown.averaged if display.persistence > 1 else (),
            ),
        )


def _panel(source: SeriesSource, shown: FrameStrain, *, numbers: bool) -> StrainPanel:
    regions = source.regions
    values = strain_metrics(shown.strain, regions.target, regions.background) if numbers else {}
    title = frame_title(source.method, shown.frame, shown.reference) if numbers else frame_words(shown.frame)
    strain = visible(_values(source, shown), shown.quality, source.display.quality_threshold)
    return StrainPanel(title, strain, values)


def _values(source: SeriesSource, shown: FrameStrain) -> Map:
    """Strain as it is shown: as stored, or relative to the frame's mean."""
    return relative_strain(shown.strain.axial, shown.mean) if source.display.relative else shown.strain.axial


def _base(source: SeriesSource, cancelled: Callable[[], bool]) -> FigureContent:
    """Return what all frames share: colours, limits that hold for all of them, regions, provenance."""
    display = source.display
    quantity = strain_quantity(display.quantity, relative=display.relative)
    limits = source.limits
    if limits is None:
        read = _reader(source, 1)  # an average reaches no further than what it is made of
        some = evenly(source.store.frames(), MOST_ON_A_SHEET)
        limits = suggest_limits(*(_values(source, read(frame))[::4, ::2] for frame in some), quantity=quantity)
    first, _ = source.store.maps(source.store.frames()[0])
    relative, averaged = display.relative, display.persistence
    return FigureContent(
        (StrainPanel("", first),),
        source.sequence.geometry,
        None,
        source.regions.target,
        source.regions.background,
        limits,
        display.colormap + ("_r" if display.reverse else ""),
        display.dynamic_range_db,
        provenance=noted(
            make_provenance(source.sequence, source.settings, cancelled),
            relative=relative,
            averaged_frames=averaged,
            at_most=True,
        ),
        quantity=quantity,
        notes=False,
        lesion=source.regions.lesion,
        remarks=series_remarks(relative=relative, averaged_frames=averaged),
    )
