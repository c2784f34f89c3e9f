"""Maps beside axial strain: every entry of `engine.maps`, and relative modulus, off the GUI thread."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from PySide6.QtCore import QObject, Signal, Slot

from app.controllers.commands import Commands
from app.controllers.map_reading import map_of_run
from app.controllers.processing import in_words
from app.jobs import Callbacks, JobControl
from app.state import Activity, Run
from app.state.image_grid import ImageGrid
from app.state.maps import MapState, ModulusKey, ModulusMethod, ShownMap
from app.state.run_store import RunStore
from engine.elasticity.base import ELASTICITY_METHODS, RelativeModulus
from engine.following import DeformedShape
from engine.frames import frame_words
from engine.interruption import interrupted_by
from engine.maps.base import MAPS
from engine.maps.rigid import without_rigid
from engine.parameters import Parameters
from engine.quantity import AXIAL_STRAIN, usual_range
from engine.types import Ellipse, Map, RFSequence

NO_BACKGROUND = "Draw the background first: its median modulus is the 1 of the map."


@dataclass(frozen=True)
class MapRequest:
    """What a map of a frame is made from."""

    kind: str
    run: Run
    frame: int
    sequence: RFSequence
    grid: ImageGrid
    remove_rigid: bool = False
    shape: DeformedShape | None = None


def list_methods(_control: JobControl) -> tuple[ModulusMethod, ...]:
    """Look at every elasticity method; slow the first time, because they import the finite elements."""
    return tuple(ModulusMethod(entry.name, entry.title, entry.Params) for entry in ELASTICITY_METHODS)


def make_map(request: MapRequest, _control: JobControl) -> ShownMap:
    """Make the map of one frame as figures do: of that frame alone, as it was estimated."""
    run, frame, entry = request.run, request.frame, MAPS.get(request.kind)
    read = map_of_run(run, request.sequence, entry.name, remove_rigid=request.remove_rigid)
    assert read is not None
    shown = shown_map(entry.name, run.number, frame, read(frame), request.grid, request.shape)
    if not (entry.moves and request.remove_rigid):
        return shown
    return replace(shown, removed=without_rigid(run.store.read(frame).displacement)[1].words())


def shown_map(
    kind: str, run: int, frame: int, values: Map, grid: ImageGrid, shape: DeformedShape | None = None
) -> ShownMap:
    """Bring stored values to the screen's grid, perhaps in deformed shape, and into the quantity that is shown."""
    ends = usual_range(values)
    drawn = values if shape is None else shape.shown(values)
    shown = MAPS.get(kind).quantity.shown(grid.convert(drawn))
    return ShownMap(kind, run, frame, values, shown, ends if np.isfinite(ends[0]) else None)


def reconstruct(store: RunStore, key: ModulusKey, reference: Ellipse, control: JobControl) -> RelativeModulus:
    """Compute the relative modulus of one stored frame; tells (iteration, misfit) as it goes."""
    method = ELASTICITY_METHODS.get(key.method)

    def progress(iteration: int, misfit: float) -> None:
        control.item((iteration, misfit))

    with interrupted_by(control.cancelled):
        return method.reconstruct(store.read(key.frame), reference, key.parameters, progress, control.cancelled)


class MapsController(QObject):
    """Keeps the map that is shown in step with picture, choice and regions, and computes modulus maps on request."""

    failed = Signal(str)

    def __init__(self, commands: Commands) -> None:
        super().__init__(commands.parent)
        self._state = commands.state
        self._maps = commands.state.slice(MapState)
        self._jobs = commands.jobs
        self._job: int | None = None
        self._asked = False
        self._compute_when_listed = False
        self._maps.kind_changed.connect(self.update)
        self._maps.modulus_changed.connect(self.update)
        self._state.picture_changed.connect(self.update)
        self._state.display_changed.connect(self._display_changed)
        self._rigid_removed = False
        self._state.regions_changed.connect(self._regions_changed)
        self._state.recording_changed.connect(self._forget)

    def load(self) -> None:
        """Fetch the list of elasticity methods once, when it is first needed."""
        if not self._asked:
            self._asked = True
            self._jobs.engine.submit(list_methods, Callbacks(done=self._listed, failed=self._failed))

    def choose_method(self, name: str) -> None:
        """Choose an elasticity method with its default parameters."""
        kind = next(entry.params for entry in self._maps.methods if entry.name == name)
        self._maps.set_method(name, kind())

    def set_parameters(self, parameters: Parameters) -> None:
        """Set the parameters of the elasticity method."""
        self._maps.set_method(self._maps.method, parameters)

    def cannot_compute(self) -> str:
        """Say why no modulus can be computed now, or nothing."""
        state = self._state
        if state.picture is None or state.picture.strain is None or state.run is None:
            return "Estimate strain first, and go to an estimated frame."
        if state.picture.stage == "first estimate":
            return "This is the frame's first estimate: wait for the refined one."
        if state.regions.background is None:
            return NO_BACKGROUND
        return ""

    def compute(self) -> None:
        """Compute the relative modulus of the shown frame and show it."""
        reason = self.cannot_compute()
        if not self._maps.methods and not reason:
            self._compute_when_listed = True
            self.load()
            return
        key, run, background = self._maps.modulus_key, self._state.run, self._state.regions.background
        if reason or key is None or run is None or background is None:
            self.failed.emit(reason)
            return
        self._submit(run.store, key, background, partial(self._computed, key), self.failed.emit)

    def compute_again(self, frame: int, failed: Callable[[str], None]) -> None:
        """Compute the modulus of an estimated frame that need not be shown, nor is by this; `failed` hears of errors.

        Method, parameters and background must have been chosen.
        """
        key, run, background = self._maps.modulus_key, self._state.run, self._state.regions.background
        if key is None or run is None or background is None:
            failed(NO_BACKGROUND)
            return
        key = replace(key, frame=frame)
        self._submit(run.store, key, background, partial(self._keep, key), failed)

    def _submit(
        self,
        store: RunStore,
        key: ModulusKey,
        background: Ellipse,
        done: Callable[[RelativeModulus], None],
        failed: Callable[[str], None],
    ) -> None:
        self.cancel()
        callbacks = Callbacks(
            done=done,
            failed=partial(self._compute_failed, failed),
            cancelled=partial(self._end, "Cancelled."),
            item=self._tell,
        )
        self._job = self._jobs.engine.submit(partial(reconstruct, store, key, background), callbacks, slot="modulus")
        self._state.set_activity(Activity(f"Computing the relative modulus of {frame_words(key.frame)}"))
        self._maps.set_progress("Computing\u2026")

    def is_running(self) -> bool:
        """Say whether a modulus map is being computed."""
        return self._job is not None

    def cancel(self) -> None:
        """Stop computing."""
        if self._job is not None:
            self._jobs.engine.cancel(self._job)

    @Slot()
    def update(self) -> None:
        """Fetch the chosen map of the shown frame; nothing that belongs to another frame or run stays."""
        state, maps = self._state, self._maps
        picture, run, recording = state.picture, state.run, state.recording
        ready = picture is not None and picture.strain is not None and run is not None and picture.run == run.number
        if not ready or maps.kind == AXIAL_STRAIN or maps.unavailable(maps.kind):
            maps.set_map(None)
            return
        assert picture is not None
        assert picture.strain is not None
        assert run is not None
        assert recording is not None
        if maps.map is not None and (maps.map.kind, maps.map.run, maps.map.frame) != (
            maps.kind, run.number, picture.frame,
        ):  # fmt: skip
            maps.set_map(None)
        if maps.kind == "modulus":
            modulus = maps.modulus
            if modulus is not None and picture.frame == state.frame:
                placed = (run.number, picture.frame, modulus.relative, recording.grid, picture.shape)
                maps.set_map(shown_map("modulus", *placed))
            return
        request = MapRequest(
            maps.kind,
            run,
            picture.frame,
            recording.sequence,
            recording.grid,
            state.display.remove_rigid,
            picture.shape,
        )
        callbacks = Callbacks(done=self._show, failed=self._failed)
        self._jobs.pictures.submit_latest(partial(make_map, request), callbacks, slot="map")

    def _listed(self, methods: tuple[ModulusMethod, ...]) -> None:
        self._maps.set_methods(methods)
        if self._maps.parameters is None:
            self.choose_method(self._maps.method)
        if self._compute_when_listed:
            self._compute_when_listed = False
            self.compute()

    def _show(self, shown: ShownMap) -> None:
        state = self._state
        of_run = state.run is not None and state.run.number == shown.run
        if (
            of_run
            and state.picture is not None
            and state.picture.frame == shown.frame
            and self._maps.kind == shown.kind
        ):
            self._maps.set_map(shown)

    def _computed(self, key: ModulusKey, modulus: RelativeModulus) -> None:
        self._keep(key, modulus)
        if key in self._maps:
            self._maps.choose("modulus")

    def _keep(self, key: ModulusKey, modulus: RelativeModulus) -> None:
        steps = f" after {len(modulus.misfit)} iterations, misfit {modulus.misfit[-1]:.3g}" if modulus.misfit else ""
        self._end(f"{modulus.label}{steps}.")
        if self._state.run is not None and key.run in {entry.number for entry in self._state.runs.values()}:
            self._maps.add_modulus(key, modulus)

    def _tell(self, value: object) -> None:
        if self._job is not None and isinstance(value, tuple):
            self._maps.set_progress(f"Iteration {value[0]}, misfit {value[1]:.3g}")

    def _failed(self, error: BaseException) -> None:
        self._compute_failed(self.failed.emit, error)

    def _compute_failed(self, tell: Callable[[str], None], error: BaseException) -> None:
        self._end("")
        tell(in_words(error))

    def _end(self, words: str) -> None:
        if self._job is not None:
            self._job = None
            self._state.set_activity(None)
            self._maps.set_progress(words)

    @Slot()
    def _display_changed(self) -> None:
        if self._state.display.remove_rigid != self._rigid_removed:
            self._rigid_removed = self._state.display.remove_rigid
            self.update()

    @Slot()
    def _regions_changed(self) -> None:
        if self._maps.kind == "modulus":
            self.update()

    @Slot()
    def _forget(self) -> None:
        self.cancel()
        self._job = None
        self._maps.forget_moduli()
        self._maps.choose(AXIAL_STRAIN)
