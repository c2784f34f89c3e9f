"""Keep the picture in step with frame, run and recording; prepared off the GUI thread, latest wins."""

import math
from collections import OrderedDict
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal, Slot

from app.controllers.measuring import measure_picture
from app.controllers.processing import in_words
from app.jobs import Callbacks, JobControl, Jobs
from app.state import OpenRecording, Picture, Regions, Run, ViewerState
from app.state.following import tissue_of
from app.state.image_grid import ImageGrid
from app.state.raster import bmode_index
from app.state.recording import Followed
from app.state.run_store import RunStore
from app.state.runs import Stage
from engine.following import DeformedShape, Tissue
from engine.preprocess.bmode import bmode_db, gained, reference_level
from engine.quantity import usual_range
from engine.strain.persistence import FrameStrain, averaged_strain
from engine.types import RFSequence

CACHED_BMODE_BYTES = 96 * 2**20
"""B-mode kept in memory: 200 frames of 2048 x 256, so that a second time through a cine costs nothing."""

NOTHING_DB = -200.0
"""Level of a B-mode where there is no RF to make one of: black."""


class BmodeCache:
    """B-mode of the frames shown last, of one recording; used by the pictures' thread alone."""

    def __init__(self) -> None:
        self._recording = 0
        self._level = 0.0
        self._gains = (0.0, 0.0)
        self._kept: OrderedDict[int, NDArray[np.uint8]] = OrderedDict()

    def get(
        self, recording: int, sequence: RFSequence, grid: ImageGrid, frame: int, gains: tuple[float, float] = (0.0, 0.0)
    ) -> NDArray[np.uint8]:
        """B-mode of a frame under a gain and a depth gain; the first frame shown sets the level of 0 dB for all."""
        if gains != self._gains:
            self._kept.clear()
            self._gains = gains
        if recording != self._recording:
            self._kept.clear()
            self._recording = recording
            self._level = 0.0
        if frame in self._kept:
            self._kept.move_to_end(frame)
            return self._kept[frame]
        if not sequence.has_rf:
            return bmode_index(grid.convert(np.full(sequence.shape[1:], NOTHING_DB, np.float32)))
        rf = sequence.frame(frame)
        if self._level <= 0:
            self._level = reference_level(rf)
        index = bmode_index(grid.convert(gained(bmode_db(rf, reference_level=self._level), sequence.geometry, *gains)))
        index.flags.writeable = False
        self._kept[frame] = index
        while len(self._kept) > 2 and len(self._kept) * index.nbytes > CACHED_BMODE_BYTES:
            self._kept.popitem(last=False)
        return index


@dataclass(frozen=True)
class PictureRequest:
    """What to prepare, and under which numbers."""

    recording: int
    sequence: RFSequence
    grid: ImageGrid
    frame: int
    bmode_frame: int
    run: int | None
    store: RunStore | None
    regions: Regions
    persistence: int = 1
    measured_above: float = 0.0
    gains: tuple[float, float] = (0.0, 0.0)
    refines: bool = False
    tissue: Tissue | None = None
    """Where regions follow the tissue."""
    deformed: bool = False


def prepare(cache: BmodeCache, request: PictureRequest, _control: JobControl) -> Picture:
    """Read and prepare everything that is shown of one frame."""
    bmode = cache.get(request.recording, request.sequence, request.grid, request.bmode_frame, request.gains)
    picture = Picture(request.recording, request.frame, request.bmode_frame, bmode, request.run)
    store = request.store
    frames = () if store is None else store.shown_frames()
    if store is None or request.frame not in frames:
        return picture
    stage = _stage(store, request)  # before it is read: what is called refined is
    shown = averaged_strain(request.frame, frames, request.persistence, store.strain)
    shape = DeformedShape(store.read(request.frame).displacement) if request.deformed else None
    strain, quality = (entry if shape is None else shape.shown(entry) for entry in (shown.strain.axial, shown.quality))
    picture = replace(
        picture,
        reference_frame=shown.reference,
        window_m=shown.strain.window_m,
        strain=shown.strain.axial,
        quality=shown.quality,
        sigma=shown.strain.sigma,
        shown_strain=request.grid.convert(strain),
        shown_quality=request.grid.convert(quality),
        range=_range(store, shown),
        averaged=shown.averaged,
        persistence=request.persistence,
        mean_strain=shown.mean,
        reliability=store.summary(shown.frame).reliability,
        stage=stage,
        shape=shape,
        tissue=_followed(request.tissue, request.frame) if request.tissue else None,
    )
    return replace(
        picture,
        measured=measure_picture(picture, store.geometry, request.regions, request.measured_above),
        measured_above=request.measured_above,
        measured_regions=request.regions,
    )


def _followed(tissue: Tissue, frame: int) -> Followed:
    return Followed(tissue.home, tissue.under(frame), tissue.in_frame(frame))


def _stage(store: RunStore, request: PictureRequest) -> Stage:
    if not request.refines:
        return ""
    return "first estimate" if store.is_first(request.frame) else "refined"


def _range(store: RunStore, shown: FrameStrain) -> tuple[float, float] | None:
    """Return what 96 % of the map lie between, as it is shown; None where there is no valid pixel."""
    summary = store.summary(shown.frame)
    low, high = (summary.low, summary.high) if len(shown.averaged) == 1 else usual_range(shown.strain.axial)
    return (low, high) if math.isfinite(low) else None


def _prepare_ahead(
    cache: BmodeCache, recording: OpenRecording, frame: int, gains: tuple[float, float], _control: JobControl
) -> None:
    cache.get(recording.number, recording.sequence, recording.grid, frame, gains)


def without_strain(picture: Picture, run: int | None) -> Picture:
    """Return the B-mode of a picture alone, under another run."""
    return Picture(picture.recording, picture.frame, picture.bmode_frame, picture.bmode, run)


class PicturesController(QObject):
    """Asks for a picture whenever what is shown may have changed."""

    failed = Signal(str)

    def __init__(self, state: ViewerState, jobs: Jobs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._worker = jobs.pictures
        self._cache = BmodeCache()
        self._chosen = self._choice()
        state.recording_changed.connect(self.request)
        state.frame_changed.connect(self.request)
        state.runs_changed.connect(self._run_changed)
        state.estimate_arrived.connect(self._estimate_arrived)
        state.display_changed.connect(self._display_changed)

    @Slot()
    def request(self) -> None:
        """Prepare the present frame under the present run."""
        state = self._state
        if state.recording is None:
            return
        run = state.run
        settings = state.settings if run is None else run.settings
        reference = settings.reference_of(state.frame)
        request = PictureRequest(
            state.recording.number,
            state.recording.sequence,
            state.recording.grid,
            state.frame,
            state.frame if reference is None or state.display.bmode_frame != "reference" else reference,
            None if run is None else run.number,
            None if run is None else run.store,
            state.regions,
            state.display.persistence,
            state.display.measured_above,
            self._gains(),
            run is not None and self._refines(run),
            tissue_of(run, state.recording.sequence) if run is not None and state.display.follows else None,
            state.display.in_deformed_shape,
        )
        callbacks = Callbacks(done=self._show, failed=partial(self._tell, request))
        self._worker.submit_latest(partial(prepare, self._cache, request), callbacks, slot="picture")

    def _refines(self, run: Run) -> bool:
        """Say whether the run's method gives every frame two estimates, as it does unless steps are added up."""
        method = next((entry for entry in self._state.methods if entry.name == run.settings.method), None)
        return method is not None and method.refines and not run.settings.pairs.added

    def _show(self, picture: Picture) -> None:
        state = self._state
        run = None if state.run is None else state.run.number
        if state.recording is None or picture.recording != state.recording.number or picture.run != run:
            return
        if picture.frame != state.frame and not state.playing:
            return
        if picture.strain is not None and picture.persistence != state.display.persistence:
            return
        state.set_picture(picture)
        if state.playing:
            self._look_ahead(picture)

    def _look_ahead(self, picture: Picture) -> None:
        """Prepare the B-mode of the coming frame while there is time; a cine that lags has none."""
        recording = self._state.recording
        if recording is None or picture.bmode_frame != picture.frame or picture.frame != self._state.frame:
            return
        coming = (picture.frame + 1) % recording.frames
        work = partial(_prepare_ahead, self._cache, recording, coming, self._gains())
        self._worker.submit_latest(work, Callbacks(), slot="ahead")

    def _tell(self, request: PictureRequest, error: BaseException) -> None:
        state = self._state
        run = None if state.run is None else state.run.number
        if state.recording is not None and request.recording == state.recording.number and request.run == run:
            state.set_playing(False)  # else every frame of the cine would say the same
            self.failed.emit(in_words(error))

    @Slot()
    def _run_changed(self) -> None:
        """Take another run's strain off the screen at once, then fetch this run's."""
        state = self._state
        run = None if state.run is None else state.run.number
        picture = state.picture
        if picture is not None and picture.run != run:
            state.set_picture(without_strain(picture, run))
            self.request()
        elif picture is None:
            self.request()

    @Slot(int, int)
    def _estimate_arrived(self, run: int, frame: int) -> None:
        state = self._state
        latest, first = state.frame, state.frame - state.display.persistence
        if state.run is not None and run == state.run.number and first < frame <= latest:
            self.request()

    @Slot()
    def _display_changed(self) -> None:
        choice = self._choice()
        if choice != self._chosen:
            self._chosen = choice
            self.request()

    def _gains(self) -> tuple[float, float]:
        return self._state.display.gain_db, self._state.display.depth_gain_db

    def _choice(self) -> tuple[object, ...]:
        """Return the display settings that decide what is read and measured."""
        display = self._state.display
        moving = display.follows, display.in_deformed_shape
        return display.bmode_frame, display.persistence, display.measured_above, self._gains(), moving
