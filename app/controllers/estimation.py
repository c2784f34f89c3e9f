"""The job of a run: the engine's chain, frame by frame, into the run's store. Runs on the engine thread."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from app.jobs import JobControl
from app.state import MethodInfo, StrainMethodInfo
from app.state.run_store import RunStore
from engine import pipeline
from engine.device import accelerator_name, choose_device
from engine.errors import StrainscopeError
from engine.estimators.base import ESTIMATORS, Estimator, RecordingEstimator
from engine.failures import is_out_of_memory
from engine.interruption import interrupted_by
from engine.parameters import Parameters
from engine.pipeline import Settings
from engine.reliability.sigma import sigma_maps
from engine.strain.base import STRAIN_METHODS
from engine.types import RFSequence

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Fallback:
    """The GPU ran out of memory and the run goes on elsewhere: the user is told."""

    words: str


@dataclass(frozen=True)
class Begun:
    """A frame is being estimated now."""

    frame: int


ShownFrame = Callable[[], int]
"""Gives the frame that is looked at; called on the engine thread."""


@dataclass(frozen=True)
class Catalog:
    """Every method, the name of the default one, the strain filter's default parameters, and the GPU's name or none."""

    methods: tuple[MethodInfo, ...]
    default: str
    strain_parameters: Parameters
    accelerator: str = ""
    strain_methods: tuple[StrainMethodInfo, ...] = ()


def list_methods(_control: JobControl) -> Catalog:
    """Look at every method; slow the first time, because methods import torch."""
    from engine.estimators.default import default_method

    found = [
        MethodInfo(
            entry.name,
            entry.title,
            entry.kind,
            entry.Params,
            entry.unavailable() or "",
            entry.is_recurrent,
            weights=_weights_of(entry),
            refines=isinstance(entry, RecordingEstimator),
            strain_window_m=entry.strain_window_m,
        )
        for entry in ESTIMATORS
    ]
    for module, reason in ESTIMATORS.failures().items():
        found.append(MethodInfo(module, module, "classical", pipeline.Preparation, f"cannot be loaded: {reason}"))
    strain_parameters = STRAIN_METHODS.get(Settings(method="").strain_method).Params()
    filters = tuple(
        StrainMethodInfo(entry.name, entry.title, entry.Params, entry.unavailable() or "") for entry in STRAIN_METHODS
    )
    return Catalog(tuple(found), default_method(), strain_parameters, accelerator_name(), filters)


def _weights_of(estimator: Estimator[Any]) -> tuple[str, ...]:
    """Names of the trained weights that an estimator can run with; none for one that takes no name."""
    from engine.networks.weights import fitting

    card = getattr(estimator, "card", None)
    if card is None or "weights" not in {info.name for info in estimator.Params.describe()}:
        return ()
    found = card()
    return () if found is None else fitting(found.network)


class Device:
    """The compute device, chosen once, on the engine thread, at the first need."""

    def __init__(self, name: str = "auto") -> None:
        self.name = name
        self._chosen: torch.device | None = None

    def get(self) -> "torch.device":
        """Return the device."""
        if self._chosen is None:
            self._chosen = choose_device(self.name)
        return self._chosen


def estimate(
    sequence: RFSequence, settings: Settings, store: RunStore, device: Device, shown: ShownFrame, control: JobControl
) -> str:
    """Estimate every frame that the store lacks and return the device's name: the shown one first, then outwards.

    Tells which frame is begun, and each frame's number as it comes.
    """
    chosen = device.get()
    try:
        _estimate_on(sequence, settings, store, chosen, shown, control)
    except RuntimeError as error:
        if isinstance(error, StrainscopeError) or chosen.type == "cpu" or not is_out_of_memory(error):
            raise
        release_memory()
        control.item(Fallback("The GPU ran out of memory: this run continues on the CPU."))
        chosen = choose_device("cpu")
        _estimate_on(sequence, settings, store, chosen, shown, control)
    return str(chosen)


def _estimate_on(
    sequence: RFSequence,
    settings: Settings,
    store: RunStore,
    device: "torch.device",
    shown: ShownFrame,
    control: JobControl,
) -> None:
    present = store.frames()
    settings = _without(settings, present, sequence)
    offset = len(present)

    def progress(done: int, total: int) -> None:
        control.progress(offset + done, offset + total)

    def began(frame: int) -> None:
        control.item(Begun(frame))

    with interrupted_by(control.cancelled):
        progressed = (progress, control.cancelled)
        work = pipeline.run(sequence, settings, device, *progressed, shown=shown, began=began, provisional=True)
        for result in work:
            control.check()
            store.add(result)
            control.item(result.deformed_frame)


def filter_again(source: RunStore, settings: Settings, store: RunStore, device: Device, control: JobControl) -> str:
    """Take the strain of stored displacements anew, with other strain parameters; displacements are not touched."""
    chosen = device.get()
    method = STRAIN_METHODS.get(settings.strain_method)
    parameters = settings.strain_parameters or method.Params()
    frames = [frame for frame in source.frames() if frame not in store]
    with interrupted_by(control.cancelled):
        for done, frame in enumerate(frames):
            control.check()
            old = source.read(frame)
            strain = method.strain(old.displacement, old.quality, parameters, chosen)
            control.check()
            known = old.sigma is not None  # an uncertainty that nobody stated is not made up
            sigma = sigma_maps(settings.method, old.displacement, strain, old.quality) if known else None
            store.add(replace(old, strain=strain, sigma=sigma))
            control.item(frame)
            control.progress(done + 1, len(frames))
    return str(chosen)


def _without(settings: Settings, present: tuple[int, ...], sequence: RFSequence) -> Settings:
    """Ask only for frames that are not there yet."""
    if not present:
        return settings
    wanted = range(sequence.shape[0]) if settings.frames is None else settings.frames
    missing = (frame for frame in wanted if frame not in present and settings.reference_of(frame) is not None)
    return replace(settings, frames=tuple(missing))


def release_memory() -> None:
    """Give the GPU's cached memory back."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()


@dataclass(frozen=True)
class Engine:
    """What the window asks of the engine's chain, in one place where a test can put a fake."""

    list_methods: Callable[[JobControl], Catalog] = list_methods
    estimate: Callable[[RFSequence, Settings, RunStore, Device, ShownFrame, JobControl], str] = estimate
    filter_again: Callable[[RunStore, Settings, RunStore, Device, JobControl], str] = filter_again
