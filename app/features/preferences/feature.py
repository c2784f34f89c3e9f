"""The preferences: what the program does by itself. They take effect at once and are kept in a file."""

from functools import partial
from typing import Any

from PySide6.QtCore import QObject, Slot

from app.actions import Action
from app.controllers.commands import Commands
from app.features.preferences.dialog import PreferencesDialog, Row
from app.features.workspace.results import ResultsController
from app.panels.device_choice import DEVICES, NO_CUDA
from app.preferences import Preferences, save_preferences
from app.state.device import DeviceState
from app.state.raster import COLORMAPS
from app.views.dual_view import LAYOUTS
from app.views.play_bar import SPEEDS
from app.window.feature import FEATURES, Entry, FeatureContext

DISPLAY_FIELDS = ("colormap",)
LAST_USED = "The one used last"
KEPT = "Kept on this computer"


class PreferencesFeature(QObject):
    """Applies the preferences at the start, shows them, and applies what was changed."""

    def __init__(self, context: FeatureContext) -> None:
        super().__init__(context.window)
        self._context = context
        self._device = context.state.slice(DeviceState)
        self._device.changed.connect(self._remember_device)
        context.at_start.append(self._start)

    def show(self) -> None:
        """Show the dialog."""
        dialog = PreferencesDialog(self.rows(), self.values(), self._context.window)
        dialog.accepted.connect(partial(self._take, dialog))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def values(self) -> dict[str, Any]:
        """Every preference of the dialog as it is now."""
        display = self._context.state.display
        kept = self._context.preferences.model_dump()
        return {**kept, **{name: getattr(display, name) for name in DISPLAY_FIELDS}, "device": self._device.chosen}

    def rows(self) -> tuple[Row, ...]:
        """List what the dialog offers on this machine."""
        return (*self._starting_rows(), *_shown_rows(), *_playing_rows(), *_kept_rows(self._context.commands))

    def _starting_rows(self) -> tuple[Row, ...]:
        methods = self._context.state.methods
        no_cuda = {"cuda": NO_CUDA} if self._device.accelerator == "" else {}
        return (
            Row(
                "Estimation",
                "start_method",
                "Method at the start",
                "Method that a new window begins with",
                {"": LAST_USED, **{entry.name: entry.title for entry in methods}},
                {entry.name: entry.unavailable for entry in methods if entry.unavailable},
            ),
            Row("Estimation", "device", "Compute on", "Where displacement is computed", DEVICES, no_cuda),
            Row(
                "Estimation",
                "estimate_on_open",
                "Estimate strain as soon as a recording is open",
                "Otherwise estimation waits for Ctrl+R",
            ),
        )

    def _start(self) -> None:
        preferences = self._context.preferences
        if self._device.chosen == "auto":  # the command line goes before the preferences
            self._device.choose(preferences.device)
        self._apply_playing(preferences)

    def _take(self, dialog: PreferencesDialog) -> None:
        values, preferences = dialog.values(), self._context.preferences
        display = {name: values.pop(name) for name in DISPLAY_FIELDS}
        theme, layout = values.pop("theme"), values["layout"]
        for name, value in values.items():
            setattr(preferences, name, value)
        if theme != preferences.theme:
            self._context.set_theme(theme)
        self._context.central.view.set_layout(layout)
        self._context.commands.change_display(**display)
        self._device.choose(preferences.device)
        if preferences.start_method and self._context.state.recording is None:
            self._context.commands.processing.choose_method(preferences.start_method)
        self._apply_playing(preferences)
        self._context.commands.files.store.keep_nothing = preferences.keep_nothing
        if preferences.keep_nothing:
            preferences.recent, preferences.last_folder = [], ""
        save_preferences(preferences)

    def _apply_playing(self, preferences: Preferences) -> None:
        self._context.commands.playback.assumed_rate_hz = preferences.assumed_rate_hz
        self._context.central.play_bar.choose_speed(preferences.speed)

    @Slot()
    def _remember_device(self) -> None:
        self._context.preferences.device = self._device.chosen


def _shown_rows() -> tuple[Row, ...]:
    themes = {"system": "As the system", "light": "Light", "dark": "Dark"}
    layouts = {name: name.capitalize() for name in LAYOUTS}
    return (
        Row("Appearance", "theme", "Theme", "Colours of the window", themes),
        Row("Appearance", "layout", "Images", "How the two images lie", layouts),
        Row("Appearance", "colormap", "Strain colours", "Colour map of the strain", COLORMAPS),
    )


def _playing_rows() -> tuple[Row, ...]:
    speeds = {factor: f"{factor:g}\u00d7" for factor in SPEEDS}
    return (
        Row("Playing", "speed", "Speed", "1\u00d7 is real time", speeds),
        Row(
            "Playing",
            "assumed_rate_hz",
            "Rate without a frame rate",
            "Playing rate of recordings that do not give their frame rate",
            span=(0.5, 1000.0),
            unit="frames/s",
        ),
    )


def _kept_rows(commands: Commands) -> tuple[Row, ...]:
    store, results = commands.files.store, commands.part(ResultsController)
    words = "Neither regions and settings nor results nor names of recordings stay, as on a shared machine"
    return (
        Row(KEPT, "keep_nothing", "Keep nothing on this computer", words),
        Row(
            KEPT,
            "results_limit_gb",
            "Room for results",
            "Results that were not looked at for longest go beyond this",
            span=(0.0, 1000.0),
            unit="GB",
        ),
        Row(KEPT, "workspaces", "Empty", f"Regions and settings: {store.folder}", press=commands.files.forget_kept),
        Row(KEPT, "results", "Empty", f"Results: {results.cache.folder}", press=results.clear),
    )


def build(context: FeatureContext) -> tuple[Entry, ...]:
    """File menu: preferences."""
    feature = PreferencesFeature(context)
    return (
        Action(
            "preferences",
            "&Preferences\u2026",
            feature.show,
            menu="File",
            place=800,
            key="Ctrl+,",
            key_words="Preferences",
            tip="Theme, method at the start, compute device, colours, playing speed",
        ),
    )


FEATURES.register("preferences", build)
