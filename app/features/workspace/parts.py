"""What the core of the window keeps of a recording; each feature hands over its own part in its own folder."""

from pydantic import Field

from app.controllers.commands import Commands
from app.state import Display, Regions
from app.state.display import TASTE
from app.state.kept_settings import KeptSettings
from app.state.workspace import Kept, Part, WorkspaceParts


class KeptFrame(Kept):
    """The frame that is shown; the first one with strain at the beginning."""

    frame: int = Field(default=1, ge=0)


def add_core_parts(commands: Commands) -> None:
    """Let settings, regions, display and frame be kept."""
    state, parts = commands.state, commands.state.slice(WorkspaceParts)
    processing, playback = commands.processing, commands.playback
    settings = Part("settings", KeptSettings, processing.kept_settings, processing.restore, travels=True)
    parts.add(settings, state.settings_changed)
    regions = Part("regions", Regions, lambda: state.regions, commands.regions.place, travels=True)
    parts.add(regions, state.regions_changed)

    def show(display: Display) -> None:
        state.set_display(display.with_taste_of(state.display))

    display = Part("display", Display, lambda: state.display, show, travels=True, taste=TASTE)
    parts.add(display, state.display_changed)

    def show_frame(kept: KeptFrame) -> None:
        playback.show_frame(kept.frame)

    parts.add(Part("frame", KeptFrame, lambda: KeptFrame(frame=state.frame), show_frame))
