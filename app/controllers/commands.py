"""All controllers under one name: what a panel or a menu may ask for."""

from dataclasses import dataclass, replace

from PySide6.QtCore import QObject

from app.controllers.estimation import Engine
from app.controllers.exporting import ExportController
from app.controllers.files import FilesController
from app.controllers.measuring import MeasuringController
from app.controllers.pictures import PicturesController
from app.controllers.playback import PlaybackController
from app.controllers.processing import ProcessingController
from app.controllers.regions import RegionsController
from app.jobs import Jobs
from app.preferences import Preferences
from app.state import ViewerState


@dataclass(frozen=True)
class Commands:
    """The controllers of one window."""

    state: ViewerState
    files: FilesController
    processing: ProcessingController
    playback: PlaybackController
    regions: RegionsController
    pictures: PicturesController
    measuring: MeasuringController
    exporting: ExportController
    preferences: Preferences

    def can_cancel(self) -> bool:
        """Say whether something runs that can be stopped."""
        return self.processing.is_running() or self.exporting.is_running()

    def cancel(self) -> None:
        """Stop what runs: the estimation, and any export."""
        self.processing.cancel()
        self.exporting.cancel()

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
        files=FilesController(state, jobs, preferences, parent=parent),
        processing=ProcessingController(state, jobs, engine, device, parent),
        playback=PlaybackController(state, parent),
        regions=RegionsController(state, parent),
        pictures=PicturesController(state, jobs, parent),
        measuring=MeasuringController(state, jobs, parent),
        exporting=ExportController(state, jobs, parent),
        preferences=preferences,
    )
