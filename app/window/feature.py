"""What every feature is: a builder that is given the window's parts and returns the feature's actions.

A feature's file ends with `FEATURES.register(name, build)`; the window makes menus, tool bar, keys and the list of keys
from the actions of all features. What a feature remembers is a slice of the state (`context.state.slice(Kind)`), what
it does on request is a controller (`context.commands.part(Kind)`), what it shows beside the images is a panel.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PySide6.QtWidgets import QMainWindow, QMenu

from app.actions import Action
from app.controllers.commands import Commands
from app.controllers.selectable import Selectable
from app.jobs import Jobs
from app.preferences import Preferences
from app.state import ViewerState
from app.theme import ThemeName
from app.window.central import CentralArea
from engine.registry import Registry


@dataclass(frozen=True)
class FilledMenu:
    """A menu whose entries are made anew each time it opens."""

    name: str
    text: str
    fill: Callable[[QMenu], None]
    menu: str
    place: int = 0


@dataclass(frozen=True)
class FeatureContext:
    """What a feature may use of a window.

    `refresh` asks every action again whether it applies; connect a slice's signals to it. `open_paths` opens what was
    dropped, chosen or named on the command line: each of `openers` is asked in turn whether it takes these paths.
    `at_start` runs when the window is complete, `at_close` when it closes and jobs still run. A widget that keeps
    colours of its own takes them anew when `THEME_CHANGES` tells. `drawn` are the controllers of what is drawn on the
    images: the keys that move, turn and remove work on the one that is selected.
    """

    window: QMainWindow
    state: ViewerState
    commands: Commands
    jobs: Jobs
    preferences: Preferences
    central: CentralArea
    refresh: Callable[[], None]
    show_error: Callable[[str], None]
    open_paths: Callable[[tuple[Path, ...]], None]
    set_theme: Callable[[ThemeName], None]
    key_rows: Callable[[], tuple[tuple[str, str], ...]]
    show_panel: Callable[[str], None]
    openers: list[Callable[[tuple[Path, ...]], bool]] = field(default_factory=list)
    at_start: list[Callable[[], None]] = field(default_factory=list)
    at_close: list[Callable[[], None]] = field(default_factory=list)
    drawn: list[Selectable] = field(default_factory=list)


Entry = Action | FilledMenu
Build = Callable[[FeatureContext], Sequence[Entry]]

FEATURES: Registry[Build] = Registry(
    "feature",
    "app",
    (
        "features.workspace.feature",  # restores what is kept of a recording before others see that it is open
        "features.opening.feature",
        "features.results.feature",
        "features.export.feature",
        "features.editing",
        "features.profile.feature",
        "features.part.feature",
        "features.templates.feature",
        "features.estimating",
        "features.adapting.feature",
        "features.viewing",
        "features.comparison.feature",
        "features.maps.feature",
        "features.playing",
        "features.context_menus",
        "features.preferences.appearance",
        "features.preferences.feature",
        "features.log.feature",
        "features.help.feature",
        "window.start_up.warming",
        "window.start_up.sweeping",
        "window.start_up.collecting",
    ),
)
