"""The window: docks from the panel registry, menus, tool bar and keys from the features, status bar, errors."""

from functools import partial
from pathlib import Path

from PySide6.QtCore import QByteArray, QSize, Qt, QTimer, Slot
from PySide6.QtGui import QAction, QCloseEvent, QDragEnterEvent, QDropEvent, QKeyEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QApplication, QDialog, QMainWindow, QMessageBox

from app.actions import Action, key_rows, make_action, refresh, restyle
from app.controllers.commands import Commands, make_commands
from app.controllers.estimation import Engine
from app.jobs import Jobs
from app.preferences import Preferences, load_preferences, save_preferences
from app.state import Display, ViewerState
from app.state.display import TASTE
from app.theme import THEME_CHANGES, Theme, ThemeName, apply_theme
from app.widgets.message_box import WrappingMessageBox
from app.window.central import CentralArea
from app.window.docks import Docks, make_docks, widen_docks
from app.window.feature import FEATURES, Entry, FeatureContext
from app.window.input_guard import InputGuard
from app.window.menus import DOCKS_PLACE, Menus, make_tool_bar
from app.window.selection_keys import arrow_of, take_key
from app.window.status import StatusBar
from engine.errors import ParameterError
from engine.files.hdf5_reading import start_reading

USUAL_SIZE = QSize(1440, 900)
FRAME_SIZE = QSize(4, 40)
"""What a desktop draws around a window."""
PLAIN_KEY_BLOCKERS = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier


class MainWindow(QMainWindow):
    """One window, one recording."""

    def __init__(
        self, preferences: Preferences | None = None, device: str = "auto", engine: Engine | None = None
    ) -> None:
        super().__init__()
        self.setWindowTitle("Strainscope")
        self.setAcceptDrops(True)
        self._was_shown = False
        self._fold = QTimer(self, singleShot=True, interval=0)
        self._fold.timeout.connect(lambda: self.docks.fold(self))
        self.resize(self._first_size())
        start_reading()
        self.preferences = preferences or load_preferences()
        self.state = ViewerState(self)
        self.jobs = Jobs(self)
        self.commands: Commands = make_commands(self.state, self.jobs, self.preferences, self, device, engine)
        self.central = CentralArea(self.state, self.commands)
        self.setCentralWidget(self.central)
        self.status = StatusBar(self.state, self.commands)
        self.setStatusBar(self.status)
        self.status.set_read_out(self.central.view.read_out)
        self.docks: Docks = make_docks(self, self.state, self.commands)
        self.context = self._make_context()
        self.actions_by_name: dict[str, QAction] = {}
        self._infos: dict[str, Action] = {}
        self._build_features()
        self._connect()
        self._guard_input()
        self._restore()
        for begin in self.context.at_start:
            begin()
        self.refresh_actions()
        self.commands.processing.load_methods(self.preferences.start_method or self.preferences.method)

    def _first_size(self) -> QSize:
        """Return the usual size, or what the screen has room for beside the frame of a window."""
        return USUAL_SIZE.boundedTo(self.screen().availableSize() - FRAME_SIZE)

    # -- building ---------------------------------------------------------------------------------------------------

    def _make_context(self) -> FeatureContext:
        return FeatureContext(
            window=self,
            state=self.state,
            commands=self.commands,
            jobs=self.jobs,
            preferences=self.preferences,
            central=self.central,
            refresh=self.refresh_actions,
            show_error=self.show_error,
            open_paths=self.open_paths,
            set_theme=self.set_theme,
            key_rows=self.key_rows,
            show_panel=self.docks.show,
        )

    def _build_features(self) -> None:
        entries = [entry for build in FEATURES for entry in build(self.context)] + self._dock_entries()
        for entry in entries:
            if not isinstance(entry, Action):
                continue
            if entry.name in self._infos:
                raise ValueError(f"two actions are called {entry.name!r}")
            self._infos[entry.name] = entry
            action = self.actions_by_name[entry.name] = make_action(self, entry)
            action.triggered.connect(self.refresh_actions)
            self.addAction(action)
        Menus(self, entries, self.actions_by_name)
        make_tool_bar(self, entries, self.actions_by_name)
        self._keys = {key: info for info in self.infos for key in info.plain_keys}

    def _dock_entries(self) -> list[Entry]:
        docks = self.docks
        return [
            Action(
                f"panel {name}",
                docks.titles[name],
                partial(docks.toggle, name),
                "View",
                DOCKS_PLACE,
                checkable=True,
                checked=partial(docks.is_shown, name),
            )
            for name in docks.order()
        ]

    def _connect(self) -> None:
        controllers = (self.commands.files, self.commands.processing, self.commands.pictures)
        for controller in controllers:
            controller.failed.connect(self.show_error)
        for dock in self.docks.docks.values():
            dock.visibilityChanged.connect(self.refresh_actions)
        THEME_CHANGES.changed.connect(self._restyle)
        state = self.state
        for signal in (
            state.recording_changed,
            state.runs_changed,
            state.tool_changed,
            state.selection_changed,
            state.regions_changed,
            state.display_changed,
            state.methods_changed,
            state.activity_changed,
            state.playing_changed,
        ):
            signal.connect(self.refresh_actions)

    def _guard_input(self) -> None:
        application = QApplication.instance()
        assert application is not None
        application.installEventFilter(InputGuard(self, self.keyPressEvent, self.central.take_keys))

    # -- opening ----------------------------------------------------------------------------------------------------

    def open_paths(self, paths: tuple[Path, ...]) -> None:
        """Open files or a folder: the first feature that takes these paths opens them."""
        for take in reversed(self.context.openers):
            if take(paths):
                return

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take files."""
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open what was dropped."""
        paths = tuple(Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile())
        if paths:
            event.acceptProposedAction()
            self.open_paths(paths)

    # -- actions and keys -------------------------------------------------------------------------------------------

    @Slot()
    def refresh_actions(self) -> None:
        """Ask every action again whether it can be done, is on, and how it is called."""
        for name, info in self._infos.items():
            refresh(info, self.actions_by_name[name])

    @property
    def infos(self) -> tuple[Action, ...]:
        """What every action of a feature was made from."""
        return tuple(self._infos.values())

    def key_rows(self) -> tuple[tuple[str, str], ...]:
        """Every key with what it does."""
        return key_rows(self.infos)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Handle plain keys that no focused widget wanted."""
        arrow = arrow_of(event)
        info = self._keys.get(Qt.Key(event.key()))
        if take_key(event, self.context.drawn):
            event.accept()
        elif arrow is not None and arrow[0]:
            self.commands.playback.step(arrow[0])
        elif info is not None and not event.modifiers() & PLAIN_KEY_BLOCKERS:
            (info.press or info.do)()
            self.refresh_actions()
        else:
            super().keyPressEvent(event)

    @Slot(str)
    def show_error(self, text: str) -> None:
        """Say what went wrong, unless just that is being said; the open recording stays as it is."""
        self.state.error_shown.emit(text)
        if any(box.isVisible() and box.plain_text() == text for box in self.findChildren(WrappingMessageBox)):
            return
        box = WrappingMessageBox(QMessageBox.Icon.Warning, text, QMessageBox.StandardButton.Ok, self)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.open()

    # -- theme, memory, end -----------------------------------------------------------------------------------------

    def set_theme(self, name: ThemeName) -> None:
        """Dress the window in another theme and remember it."""
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        self.preferences.theme = name
        apply_theme(application, name)

    @Slot()
    def _restyle(self) -> None:
        restyle(self.actions_by_name.values())

    def _restore(self) -> None:
        preferences = self.preferences
        if preferences.window_geometry:
            self.restoreGeometry(QByteArray.fromBase64(preferences.window_geometry.encode()))
        if preferences.window_state:
            self.restoreState(QByteArray.fromBase64(preferences.window_state.encode()))
        known = {name: value for name, value in preferences.display.items() if name in TASTE}
        try:
            self.state.set_display(Display(**known))  # type: ignore[arg-type]
        except (ParameterError, TypeError):
            self.state.set_display(Display())

    def _remember(self) -> None:
        preferences = self.preferences
        preferences.window_geometry = self.saveGeometry().toBase64().toStdString()
        self.docks.arrange(self)  # what is kept is the layout of a wide window
        preferences.window_state = self.saveState().toBase64().toStdString()
        preferences.display = {name: value for name, value in self.state.display.as_dict().items() if name in TASTE}
        preferences.method = self.state.settings.method
        preferences.theme = Theme.name
        save_preferences(preferences)

    def showEvent(self, event: QShowEvent) -> None:
        """Lay the panels out for the size on the screen when nobody has yet."""
        super().showEvent(event)
        if not self._was_shown:
            self._was_shown = True
            if not self.preferences.window_state:
                QTimer.singleShot(0, self, lambda: widen_docks(self, self.docks))  # a desktop may size it first
            self._fold.start()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fold the panels into one side, or out again, once the window has its new size."""
        super().resizeEvent(event)
        if self._was_shown:
            self._fold.start()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Stop every job, forget the temporary results, remember the window."""
        self.commands.playback.pause()
        for dialog in self.findChildren(QDialog):
            dialog.reject()
        for end in self.context.at_close:
            end()
        self._remember()
        self.hide()  # waiting for jobs is nothing to look at
        self.jobs.close()
        for timer in self.findChildren(QTimer):
            timer.stop()
        self.state.close()
        event.accept()
