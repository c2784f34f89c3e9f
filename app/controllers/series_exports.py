"""Export all frames of the shown run: movie, contact sheet, arrays. Runs on the files thread, from frozen sources."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from app.controllers.exporting import visible
from app.jobs import JobControl
from app.run_store import RunStore
from app.state import Display, Regions
from engine.export.arrays import save_arrays
from engine.export.contact_sheet import evenly, save_contact_sheet
from engine.export.figure import FigureContent, StrainPanel, suggest_limits
from engine.export.movie import save_movie
from engine.export.quantity import strain_quantity
from engine.export.shown import RELATIVE, noted, shown_remarks
from engine.metrics.contrast import region_metrics
from engine.metrics.relative import relative_strain
from engine.pipeline import Settings
from engine.preprocess.bmode import bmode_db, reference_level
from engine.provenance import make_provenance
from engine.types import FrameEstimate, Map, Result, RFSequence

MOST_ON_A_SHEET = 40
MOVIE_DPI = 120
USUAL_RATE_HZ = 10.0


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
    rate_hz: float


def write_movie(source: SeriesSource, path: Path, control: JobControl) -> None:
    """Draw B-mode and strain of every estimated frame."""
    frames = source.store.frames()
    save_movie(
        figures(source, control.cancelled),
        path,
        source.rate_hz,
        MOVIE_DPI,
        progress=lambda done: control.progress(done, len(frames)),
        cancelled=control.cancelled,
    )


def write_sheet(source: SeriesSource, path: Path, control: JobControl) -> None:
    """Draw the strain of the estimated frames small, at most forty of them, evenly spread."""
    panels = tuple(_panel(source, frame, numbers=False) for frame in evenly(source.store.frames(), MOST_ON_A_SHEET))
    control.check()
    save_contact_sheet(replace(_base(source, control.cancelled), strain=panels, title=source.method), path)


def write_arrays(source: SeriesSource, path: Path, control: JobControl) -> None:
    """Write every map for MATLAB or NumPy."""
    frames = source.store.frames()
    _, rows, lines = source.sequence.shape
    provenance = make_provenance(source.sequence, source.settings, control.cancelled)
    read = partial(_read, source.store, frames)
    shape = (len(frames), rows, lines)
    save_arrays(Result(shape, source.sequence.geometry, source.settings.reference, frames, provenance, read), path)


def _read(store: RunStore, frames: tuple[int, ...], row: int) -> FrameEstimate:
    return store.read(frames[row])


def figures(source: SeriesSource, cancelled: Callable[[], bool]) -> Iterator[FigureContent]:
    """Describe B-mode and strain of every estimated frame to the engine."""
    base = _base(source, cancelled)
    level = reference_level(source.sequence.frame(source.settings.reference))
    for frame in source.store.frames():
        shown = source.store.summary(frame).reference_frame if source.display.bmode_frame == "reference" else frame
        bmode = bmode_db(source.sequence.frame(shown), reference_level=level)
        mean = source.store.summary(frame).mean_strain if source.display.relative else None
        remarks = shown_remarks(mean=mean)
        yield replace(base, strain=(_panel(source, frame, numbers=True),), bmode_db=bmode, remarks=remarks)


def _panel(source: SeriesSource, frame: int, *, numbers: bool) -> StrainPanel:
    estimate = source.store.read(frame)
    strain = visible(_values(source, estimate), estimate.quality, source.display.quality_threshold)
    regions, window_m = source.regions, estimate.strain.window_m
    values = (
        region_metrics(
            estimate.strain.axial, source.sequence.geometry, regions.target, regions.background, window_m=window_m
        )
        if numbers
        else {}
    )
    title = f"{source.method}, frame {frame + 1}" if numbers else f"frame {frame + 1}"
    return StrainPanel(title, strain, values)


def _values(source: SeriesSource, estimate: FrameEstimate) -> Map:
    """Strain as it is shown: as stored, or relative to the frame's mean."""
    strain = estimate.strain.axial
    if not source.display.relative:
        return strain
    return relative_strain(strain, source.store.summary(estimate.deformed_frame).mean_strain)


def _base(source: SeriesSource, cancelled: Callable[[], bool]) -> FigureContent:
    """Return what all frames share: colours, limits that hold for all of them, regions, provenance."""
    display = source.display
    quantity = strain_quantity(display.quantity, relative=display.relative)
    limits = source.limits
    if limits is None:
        some = evenly(source.store.frames(), MOST_ON_A_SHEET)
        values = (_values(source, source.store.read(frame))[::4, ::2] for frame in some)
        limits = suggest_limits(*values, quantity=quantity)
    first = source.store.read(source.store.frames()[0])
    return FigureContent(
        (StrainPanel("", first.strain.axial),),
        source.sequence.geometry,
        None,
        source.regions.target,
        source.regions.background,
        limits,
        display.colormap + ("_r" if display.reverse else ""),
        display.dynamic_range_db,
        provenance=noted(make_provenance(source.sequence, source.settings, cancelled), relative=display.relative),
        quantity=quantity,
        notes=False,
        remarks=(RELATIVE,) if display.relative else (),
    )
