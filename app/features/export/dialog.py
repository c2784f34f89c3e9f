"""The export dialogs of the window: they ask what and where, then hand over to the export controller."""

from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

from PySide6.QtCore import QObject, SignalInstance, Slot
from PySide6.QtWidgets import QApplication, QFileDialog, QWidget

from app.controllers.commands import Commands
from app.features.export.controller import ExportController, SeriesSource
from app.features.export.figure_dialog import CHECKS, FigureDialog
from app.features.export.movie_dialog import MovieDialog
from app.features.export.options_form import remember, remembered
from app.preferences import Preferences
from app.state import ViewerState
from app.views.dual_view import DualView
from engine.export.base import Writer
from engine.figures.movie_rate import movie_rate
from engine.figures.options import FigureOptions, MovieOptions

FIGURES = "PNG image (*.png);;PDF (*.pdf);;SVG (*.svg);;TIFF image (*.tif *.tiff)"
MOVIES = "MP4 movie (*.mp4);;Animated GIF (*.gif)"
SHEET_CHECKS = ("ellipses", "caption", "settings")


class ExportDialogs(QObject):
    """Figure, movie, contact sheet and data of the shown run."""

    def __init__(self, commands: Commands, view: DualView, parent: QWidget) -> None:
        super().__init__(parent)
        self._window = parent
        self._commands = commands
        self._exports = commands.part(ExportController)
        self._view = view

    @Slot()
    def figure(self) -> None:
        """Ask what the figure shows, with a preview, then where it goes."""
        source = self._exports.figure_source(self._limits())
        if source is None:
            return
        checks = tuple(name for name in CHECKS if name != "profile" or source.choices.marks.profile is not None)
        dialog = FigureDialog(self._window, "Export a figure", self._kept("figure"), checks)
        ask_figure(dialog, self._commands, self._exports, source, "figure")

    @Slot()
    def sheet(self) -> None:
        """Ask what the contact sheet shows, with a preview, then where it goes."""
        source = self._exports.series_source(self._limits())
        if source is not None:
            dialog = FigureDialog(self._window, "Export a contact sheet", self._kept("sheet"), SHEET_CHECKS)
            ask_figure(dialog, self._commands, _Sheets(self._commands), source, "sheet")

    @Slot()
    def movie(self) -> None:
        """Ask how the movie plays, then where it goes."""
        source = self._exports.series_source(self._limits())
        if source is None:
            return
        result = source.run.result
        kept = remembered(self._commands.preferences, "movie", MovieOptions())
        rate = movie_rate(result.geometry.frame_rate_hz, result.deformed_frames)
        dialog = MovieDialog(self._window, kept, result.deformed_frames, rate.hz)
        dialog.accepted.connect(partial(self._save_movie, dialog, source))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def data(self, writer: Writer) -> None:
        """Ask where a file of a format goes."""
        pattern = ";;".join(f"{words} (*{ending})" for ending, words in writer.extensions.items())
        path = self._ask_path(f"Export: {writer.title}", writer.file_name, pattern)
        if path is not None:
            self._exports.save_data(writer.name, path)

    def _save_movie(self, dialog: MovieDialog, source: SeriesSource) -> None:
        options = dialog.options()
        remember(self._commands.preferences, "movie", options)
        path = self._ask_path(dialog.windowTitle(), "strain.mp4", MOVIES)
        if path is not None:
            self._exports.save_movie(source, options, path)

    def _kept(self, kind: str) -> FigureOptions:
        return remembered(self._commands.preferences, kind, FigureOptions())

    def _limits(self) -> tuple[float, float] | None:
        limits = self._view.limits
        return None if limits is None else (limits.low_percent, limits.high_percent)

    def _ask_path(self, title: str, name: str, pattern: str) -> Path | None:
        name = named_after(self._commands.state, name)
        return ask_path(self._window, self._commands.preferences, title, name, pattern)


Source = TypeVar("Source", contravariant=True)


class FigureExporter(Protocol[Source]):
    """A controller that draws a kind of figure from a frozen source."""

    @property
    def previewed(self) -> SignalInstance:
        """Tells a preview: a PNG as bytes."""

    def preview_figure(self, source: Source, options: FigureOptions) -> None:
        """Draw a small figure and tell of it by `previewed`."""

    def save_figure(self, source: Source, options: FigureOptions, path: Path) -> None:
        """Write the figure."""


class _Sheets:
    """Contact sheets as a kind of figure."""

    def __init__(self, commands: Commands) -> None:
        self._exporting = commands.part(ExportController)

    @property
    def previewed(self) -> SignalInstance:
        return self._exporting.previewed

    def preview_figure(self, source: SeriesSource, options: FigureOptions) -> None:
        self._exporting.preview_sheet(source, options)

    def save_figure(self, source: SeriesSource, options: FigureOptions, path: Path) -> None:
        self._exporting.save_sheet(source, options, path)


def ask_figure(
    dialog: FigureDialog, commands: Commands, exporter: FigureExporter[Source], source: Source, kind: str
) -> None:
    """Ask what a figure shows, with a preview, then where it goes; the choices of a `kind` are remembered."""
    dialog.preview_wanted.connect(partial(exporter.preview_figure, source))
    exporter.previewed.connect(dialog.show_preview)
    dialog.copy_wanted.connect(partial(_copy, dialog, commands.state))
    dialog.accepted.connect(partial(_save_figure, dialog, commands, exporter, source, kind))
    dialog.finished.connect(dialog.deleteLater)
    dialog.start()


def _save_figure(
    dialog: FigureDialog, commands: Commands, exporter: FigureExporter[Source], source: Source, kind: str
) -> None:
    options = dialog.options()
    remember(commands.preferences, kind, options)
    name = named_after(commands.state, f"{kind}.png")
    path = ask_path(dialog.parentWidget() or dialog, commands.preferences, dialog.windowTitle(), name, FIGURES)
    if path is not None:
        exporter.save_figure(source, options, path)


def _copy(dialog: FigureDialog, state: ViewerState) -> None:
    picture = dialog.picture()
    if picture is not None:
        QApplication.clipboard().setPixmap(picture)
        state.set_notice("The figure is on the clipboard.")


def named_after(state: ViewerState, name: str) -> str:
    """Put the recording's name before that of an export, so that another recording's does not replace it."""
    if state.recording is None:
        return name
    return f"{Path(state.recording.sequence.name.split(' ')[0]).stem}-{name}"


def ask_path(window: QWidget, preferences: Preferences, title: str, name: str, pattern: str) -> Path | None:
    """Ask where a file goes, in the folder of the last export; without an ending it gets that of the chosen kind."""
    folder = preferences.last_export_folder
    proposed = str(Path(folder) / name) if folder else name
    chosen, used = QFileDialog.getSaveFileName(window, title, proposed, pattern)
    if not chosen:
        return None
    path = Path(chosen)
    if not path.suffix:
        path = path.with_suffix((used or pattern).partition("*")[2].partition(")")[0].split()[0])
    preferences.last_export_folder = str(path.parent)
    return path
