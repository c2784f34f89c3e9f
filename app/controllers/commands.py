"""All controllers under one name: what a panel or a menu may ask for."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar, cast, runtime_checkable

from PySide6.QtCore import QObject

from app.controllers.estimation import Engine
from app.controllers.files import FilesController
from app.controllers.measuring import MeasuringController
from app.controllers.pictures import PicturesController
from app.controllers.playback import PlaybackController
from app.controllers.processing import ProcessingController
from app.controllers.regions import RegionsController
from app.jobs import Jobs
from app.preferences import Preferences
from app.state import ViewerState

Part = TypeVar("Part", bound=QObject)


@runtime_checkable
class Cancellable(Protocol):
    """A controller whose jobs can be stopped."""

    def is_running(self) -> bool:
        """Say whether a job is under way."""

    def cancel(self) -> None:
        """Stop it."""


@dataclass(frozen=True)
class Commands:
    """The controllers of one window."""

    state: ViewerState
    jobs: Jobs
    files: FilesController
    processing: ProcessingController
    playback: PlaybackController
    regions: RegionsController
    pictures: PicturesController
    measuring: MeasuringController
    preferences: Preferences
    parent: QObject
    _parts: dict[Callable[["Commands"], QObject], QObject] = field(default_factory=dict)
    _cancellable: list[Cancellable] = field(default_factory=list)

    def part(self, kind: Callable[["Commands"], Part]) -> Part:
        """Return a feature's own controller: `kind(commands)`, with `kind` its class, made when first asked for.

        It is a QObject with `commands.parent` as its parent. One that runs jobs of its own has `is_running()` and
        `cancel()`: the Cancel of the window finds it by them.
        """
        if kind not in self._parts:
            made: QObject = kind(self)
            self._parts[kind] = made
            if isinstance(made, Cancellable):  # asked once: it takes long, and every action asks whether it applies
                self._cancellable.append(made)
        return cast("Part", self._parts[kind])

    def can_cancel(self) -> bool:
        """Say whether something runs that can be stopped."""
        return any(controller.is_running() for controller in self._stoppable())

    def cancel(self) -> None:
        """Stop what runs: opening, the estimation, any export, and whatever a feature does."""
        for controller in self._stoppable():
            controller.cancel()

    def _stoppable(self) -> tuple[Cancellable, ...]:
        return self.files, self.processing, *self._cancellable

    def change_display(self, **changes: object) -> None:
        """Change how maps are shown."""
        self.state.set_display(replace(self.state.display, **changes))  # type: ignore[arg-type]


def make_commands(
    state: ViewerState,
    jobs: Jobs,
    preferences: Preferences,
    parent: QObject,
    device: str = "auto",
    engine: Engine | None = None,
) -> Commands:
    """Build every controller of a window."""
    return Commands(
        state=state,
        jobs=jobs,
        files=FilesController(state, jobs, preferences, parent=parent),
        processing=ProcessingController(state, jobs, engine, device, parent),
        playback=PlaybackController(state, parent),
        regions=RegionsController(state, parent),
        pictures=PicturesController(state, jobs, parent),
        measuring=MeasuringController(state, jobs, parent),
        preferences=preferences,
        parent=parent,
    )
