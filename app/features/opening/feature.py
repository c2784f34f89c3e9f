"""Open recordings: by dialog, by drag and drop, from the list of recent ones; ask for the geometry where needed."""

from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFileDialog, QMenu

from app.actions import Action
from app.controllers.reading import OpenedFile, Unread
from app.features.opening.geometry_dialog import GeometryDialog
from app.features.opening.layout_form import LayoutDialog
from app.features.workspace.dialog import FILTER as WORKSPACES
from app.jobs import Callbacks, JobControl
from app.state import OpenRecording
from app.state.workspace_file import EXTENSION
from app.window.feature import FEATURES, Entry, FeatureContext, FilledMenu
from engine.readers.base import READERS
from engine.readers.headerless import HEADERLESS, SUFFIXES

SHOW_FIRST_MS = 150
"""Time for the first pictures of a recording, before estimating takes its share of the processor."""


def format_names() -> list[str]:
    """Return every format that is read, by the name that people know it by."""
    return list(dict.fromkeys(reader.title.split(" (")[0] for reader in READERS if reader.extensions))


def open_filter() -> str:
    """Return the Open dialog's filters: all that opens, every format that a reader knows, workspaces, all files."""
    patterns = {
        reader.title.split(" (")[0]: " ".join(f"*{extension}" for extension in reader.extensions)
        for reader in READERS
        if reader.extensions
    }
    patterns[HEADERLESS.title.capitalize()] = " ".join(f"*{suffix}" for suffix in SUFFIXES)
    everything = " ".join(dict.fromkeys([*" ".join(patterns.values()).split(), f"*{EXTENSION}"]))
    formats = [f"{title} ({pattern})" for title, pattern in patterns.items()]
    return ";;".join([f"Recordings, results and workspaces ({everything})", *formats, WORKSPACES, "All files (*)"])


class Opening(QObject):
    """The ways in which a recording comes into the window."""

    def __init__(self, context: FeatureContext) -> None:
        super().__init__(context.window)
        self._window = context.window
        self._state = context.state
        self._commands = context.commands
        self._preferences = context.preferences
        self._open_paths = context.open_paths
        files = context.commands.files
        files.geometry_needed.connect(self._ask_geometry)
        files.layout_needed.connect(self._ask_layout)
        files.opened.connect(self._opened)
        context.central.welcome.open_requested.connect(self.ask_files)
        context.central.welcome.demo_requested.connect(self.open_demo)
        context.jobs.files.submit(_name_formats, Callbacks(done=context.central.welcome.show_formats))
        context.openers.insert(0, self._open_recording)  # takes everything, so it is asked last

    @Slot()
    def ask_files(self) -> None:
        """Ask which files to open."""
        names, _ = QFileDialog.getOpenFileNames(
            self._window, "Open a recording or a workspace", self._preferences.last_folder, open_filter()
        )
        if names:
            self._open_paths(tuple(Path(name) for name in names))

    @Slot()
    def ask_folder(self) -> None:
        """Ask which folder to open: its files of one frame each are one sequence."""
        name = QFileDialog.getExistingDirectory(self._window, "Open a folder", self._preferences.last_folder)
        if name:
            self._open_paths((Path(name),))

    @Slot()
    def open_demo(self) -> None:
        """Open the bundled recording."""
        path = self._commands.files.demo_path()
        if path is not None:
            self._open_paths((path,))

    def fill_recent(self, menu: QMenu) -> None:
        """List what was opened last."""
        for names in self._preferences.recent:
            paths = tuple(Path(name) for name in names)
            more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
            action = menu.addAction(f"{paths[0].parent.name}/{paths[0].name}{more}")
            action.setData(names)
            action.setToolTip(str(paths[0]))
            action.triggered.connect(self._recent_chosen)
        if not self._preferences.recent:
            menu.addAction("Nothing opened yet").setEnabled(False)

    def _open_recording(self, paths: tuple[Path, ...]) -> bool:
        self._commands.files.open(paths)
        return True

    @Slot()
    def _recent_chosen(self) -> None:
        action = self.sender()
        assert isinstance(action, QAction)
        self._open_paths(tuple(Path(name) for name in action.data()))

    @Slot(object)
    def _ask_geometry(self, opened: OpenedFile) -> None:
        dialog = GeometryDialog(opened, self._window)
        dialog.suggestions_wanted.connect(partial(self._suggest, dialog, opened))
        dialog.finished.connect(partial(self._geometry_answered, dialog, opened))
        dialog.open()

    def _suggest(self, dialog: GeometryDialog, opened: OpenedFile, values: dict[str, float]) -> None:
        self._commands.files.suggest(opened, values, dialog.show_suggestions)

    def _geometry_answered(self, dialog: GeometryDialog, opened: OpenedFile, accepted: int) -> None:
        self._commands.files.answer(opened, dialog.answer() if accepted else None)
        dialog.deleteLater()

    @Slot(object)
    def _ask_layout(self, unread: Unread) -> None:
        dialog = LayoutDialog(unread.paths, self._window)
        dialog.finished.connect(partial(self._layout_answered, dialog, unread))
        dialog.open()

    def _layout_answered(self, dialog: LayoutDialog, unread: Unread, accepted: int) -> None:
        self._commands.files.answer_layout(unread, dialog.form.text() if accepted else None)
        dialog.deleteLater()

    @Slot(object)
    def _opened(self, opened: OpenedFile) -> None:
        recording = self._state.recording
        wanted = opened.result is None and self._preferences.estimate_on_open
        if wanted and recording is not None and recording.frames > 1:
            QTimer.singleShot(SHOW_FIRST_MS, self, partial(self._estimate, recording))

    def _estimate(self, recording: OpenRecording) -> None:
        if self._state.recording is recording:
            self._commands.processing.start()


def _name_formats(_control: JobControl) -> list[str]:
    """Look off the window's thread: the readers take a while to load."""
    return format_names()


def build(context: FeatureContext) -> tuple[Entry, ...]:
    """File menu: open, recent, example, geometry, quit."""
    opening = Opening(context)
    files = context.commands.files
    return (
        Action(
            "open", "&Open\u2026", opening.ask_files, "File", 100, 100, "Open", "open", "Ctrl+O",
            tip="Open a recording, a result or a workspace; several files of one frame each are one sequence",
        ),
        Action(
            "open_folder", "Open &folder\u2026", opening.ask_folder, "File", 101, key="Ctrl+Shift+O",
            tip="Open all recordings of a folder as one sequence",
        ),
        FilledMenu("recent", "Open &recent", opening.fill_recent, "File", 102),
        Action("demo", "Open the e&xample", opening.open_demo, "File", 103),
        Action("geometry", "Edit &geometry\u2026", files.edit_geometry, "File", 200, enabled=files.can_edit_geometry),
        Action("quit", "&Quit", context.window.close, "File", 900, key="Ctrl+Q"),
    )  # fmt: skip


FEATURES.register("opening", build)
