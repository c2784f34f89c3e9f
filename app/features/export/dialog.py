"""The export dialogs of the window: they ask what and where, then hand over to the export controller."""

from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

from PySide6.QtCore import QObject, SignalInstance, Slot
from PySide6.QtWidgets import QApplication, QFileDialog, QWidget

from app.controllers.commands import Commands
from app.features.export.controller import FigureOptions, SeriesKind
from app.features.export.figure_dialog import CHECKS, FigureDialog
from app.preferences import Preferences
from app.state import ViewerState
from app.views.dual_view import DualView

FIGURES = "PNG image (*.png);;PDF (*.pdf);;SVG (*.svg);;TIFF image (*.tif *.tiff)"
TABLES = "Table (*.csv)"
MOVIES = "MP4 movie (*.mp4);;Animated GIF (*.gif)"
ARRAYS = "MATLAB (*.mat);;NumPy (*.npz)"
ZEA = "zea data format (*.hdf5)"
RESULTS = "Strainscope result (*.h5)"


class ExportDialogs(QObject):
    """Figure, table and result of the shown run."""

    def __init__(self, commands: Commands, view: DualView, parent: QWidget) -> None:
        super().__init__(parent)
        self._window = parent
        self._commands = commands
        self._view = view

    @Slot()
    def figure(self) -> None:
        """Ask what the figure shows, with a preview, then where it goes."""
        limits = self._view.limits
        source = self._commands.exporting.figure_source(
            None if limits is None else (limits.low_percent, limits.high_percent)
        )
        if source is None:
            return
        checks = tuple(name for name in CHECKS if name != "profile" or source.profile is not None)
        dialog = FigureDialog(self._window, checks=checks)
        ask_figure(dialog, self._commands, self._commands.exporting, source, "figure.png")

    @Slot()
    def table(self) -> None:
        """Ask where the table goes."""
        path = self._ask_path("Export the table", "metrics.csv", TABLES)
        if path is not None:
            self._commands.exporting.save_table(path)

    @Slot()
    def result(self) -> None:
        """Ask where the result goes."""
        path = self._ask_path("Save the result", "result.h5", RESULTS)
        if path is not None:
            self._commands.exporting.save_result(path)

    @Slot()
    def movie(self) -> None:
        """Ask where the movie goes."""
        self._series("movie", "Export a movie of all frames", "strain.mp4", MOVIES)

    @Slot()
    def sheet(self) -> None:
        """Ask where the contact sheet goes."""
        self._series("sheet", "Export a contact sheet", "frames.png", FIGURES)

    @Slot()
    def arrays(self) -> None:
        """Ask where the arrays go."""
        self._series("arrays", "Export arrays", "strain.mat", ARRAYS)

    @Slot()
    def zea(self) -> None:
        """Ask where the zea file goes."""
        self._series("zea", "Export recording and strain for zea", "recording.hdf5", ZEA)

    def _series(self, kind: SeriesKind, title: str, name: str, pattern: str) -> None:
        limits = self._view.limits
        path = self._ask_path(title, name, pattern)
        if path is not None:
            ends = None if limits is None else (limits.low_percent, limits.high_percent)
            self._commands.exporting.save_series(kind, ends, path)

    def _ask_path(self, title: str, name: str, pattern: str) -> Path | None:
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


def ask_figure(
    dialog: FigureDialog, commands: Commands, exporter: FigureExporter[Source], source: Source, name: str
) -> None:
    """Ask what a figure shows, with a preview, then where it goes; `name` is proposed."""
    dialog.preview_wanted.connect(partial(exporter.preview_figure, source))
    exporter.previewed.connect(dialog.show_preview)
    dialog.copy_wanted.connect(partial(_copy, dialog, commands.state))
    dialog.accepted.connect(partial(_save_figure, dialog, commands, exporter, source, name))
    dialog.finished.connect(dialog.deleteLater)
    dialog.start()


def _save_figure(
    dialog: FigureDialog, commands: Commands, exporter: FigureExporter[Source], source: Source, name: str
) -> None:
    options = dialog.options()
    path = ask_path(dialog.parentWidget() or dialog, commands.preferences, dialog.windowTitle(), name, FIGURES)
    if path is not None:
        exporter.save_figure(source, options, path)


def _copy(dialog: FigureDialog, state: ViewerState) -> None:
    picture = dialog.picture()
    if picture is not None:
        QApplication.clipboard().setPixmap(picture)
        state.set_notice("The figure is on the clipboard.")


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
