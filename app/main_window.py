"""The window: docks from the panel registry, menus and tool bar from one table of actions, status bar, dialogs."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QByteArray, QSize, Qt, Slot
from PySide6.QtGui import QAction, QCloseEvent, QDragEnterEvent, QDropEvent, QKeyEvent
from PySide6.QtWidgets import (
    QApplication,
    QDockWidget,
    QFileDialog,
    QMainWindow,
    QMenu,
    QMessageBox,
    QTabWidget,
    QToolBar,
    QWidget,
)

from app.actions import ActionInfo, make_actions, nudge_of, restyle
from app.controllers.commands import Commands, make_commands
from app.controllers.estimation import Engine
from app.controllers.files import OpenedFile
from app.dialogs.about import show_about, show_keys
from app.dialogs.export import ExportDialogs
from app.dialogs.geometry_dialog import GeometryDialog
from app.jobs import Jobs
from app.panels.base import PANELS, PanelInfo, scrolled
from app.preferences import Preferences, load_preferences, save_preferences
from app.state import Display, Regions, Role, Tool, ViewerState
from app.status import StatusBar
from app.theme import Theme, ThemeName, apply_theme
from app.views.dual_view import LAYOUTS
from app.workspace import Workspace
from engine.errors import ParameterError
from engine.readers.base import READERS

AREAS = {
    "left": Qt.DockWidgetArea.LeftDockWidgetArea,
    "right": Qt.DockWidgetArea.RightDockWidgetArea,
    "bottom": Qt.DockWidgetArea.BottomDockWidgetArea,
}
PLAIN_KEY_BLOCKERS = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier
EXPORTS = ("figure", "table", "save_result")
SHORT_NAMES = {
    "open": "Open",
    "pan": "Pan",
    "target": "Target",
    "background": "Background",
    "overlay": "Overlay",
    "estimate": "Estimate",
    "figure": "Figure",
    "table": "Table",
}
"""Words on the tool bar, where the menu's are too long."""


def open_filter() -> str:
    """Return the Open dialog's filters: all recordings, then every format that a reader knows, then all files."""
    patterns = {
        reader.title.split(" (")[0]: " ".join(f"*{extension}" for extension in reader.extensions)
        for reader in READERS
        if reader.extensions
    }
    everything = " ".join(dict.fromkeys(" ".join(patterns.values()).split()))
    formats = [f"{title} ({pattern})" for title, pattern in patterns.items()]
    return ";;".join([f"Recordings ({everything})", *formats, "All files (*)"])


class MainWindow(QMainWindow):
    """One window, one recording."""

    def __init__(
        self, preferences: Preferences | None = None, device: str = "auto", engine: Engine | None = None
    ) -> None:
        super().__init__()
        self.setWindowTitle("Strainscope")
        self.setAcceptDrops(True)
        self.resize(1440, 900)
        self.preferences = preferences or load_preferences()
        self.state = ViewerState(self)
        self.jobs = Jobs(self)
        self.commands: Commands = make_commands(self.state, self.jobs, self.preferences, self, device, engine)
        self.workspace = Workspace(self.state, self.commands, self.ask_files)
        self.setCentralWidget(self.workspace)
        self.status = StatusBar(self.state, self.commands)
        self.setStatusBar(self.status)
        self.status.set_read_out(self.workspace.view.read_out)
        self.exports = ExportDialogs(self.commands, self.workspace.view, self)
        self.actions_by_name = make_actions(self, self._action_table())
        self._keys = self._plain_keys()
        self.docks = self._make_docks()
        self._make_menus()
        self._make_tool_bar()
        self._connect()
        self._restore()
        self._refresh_actions()
        self.commands.processing.load_methods(self.preferences.method)

    # -- building ---------------------------------------------------------------------------------------------------

    def _action_table(self) -> tuple[ActionInfo, ...]:
        regions, playback, processing = self.commands.regions, self.commands.playback, self.commands.processing
        return (
            ActionInfo("open", "&Open\u2026", self.ask_files, "Ctrl+O", "open"),
            ActionInfo("demo", "Open the e&xample", self.commands.files.open_demo),
            ActionInfo("geometry", "Edit &geometry\u2026", self.commands.files.edit_geometry),
            ActionInfo("figure", "Export &figure\u2026", self.exports.figure, "Ctrl+E", "export"),
            ActionInfo("table", "Export &table\u2026", self.exports.table, "Ctrl+Shift+E", "table"),
            ActionInfo("save_result", "Save &result\u2026", self.exports.result, "Ctrl+Shift+S"),
            ActionInfo("quit", "&Quit", self.close_window, "Ctrl+Q"),
            ActionInfo("undo", "&Undo", regions.undo_stack.undo, "Ctrl+Z", "undo"),
            ActionInfo("redo", "&Redo", regions.undo_stack.redo, "Ctrl+Shift+Z", "redo"),
            ActionInfo("delete", "&Delete region", regions.delete_selected, icon="delete", hint="Del"),
            ActionInfo("pan", "&Pan and zoom", self._choose_pan, icon="pan", hint="Esc", checkable=True),
            ActionInfo("target", "Draw &target", self._draw_target, icon="target", hint="T", checkable=True),
            ActionInfo(
                "background", "Draw &background", self._draw_background, icon="background", hint="B", checkable=True
            ),
            ActionInfo("mirror", "Background at the target's &depth", regions.mirror_background),
            ActionInfo("clear", "&Remove both regions", regions.clear),
            ActionInfo("estimate", "&Estimate strain", processing.start, "Ctrl+R", "estimate"),
            ActionInfo("cancel", "&Cancel", self.commands.cancel, "Ctrl+.", "cancel"),
            ActionInfo("play", "&Play", playback.toggle, icon="play", hint="Space"),
            ActionInfo("best", "&Go to the best frame", playback.best, hint="G"),
            ActionInfo("fit", "Show the &whole image", self.workspace.view.fit, icon="fit", hint="F"),
            ActionInfo(
                "overlay", "Strain &over B-mode", self._toggle_overlay, icon="overlay", hint="O", checkable=True
            ),
            ActionInfo("keys", "&Keys", self._show_keys, "F1"),
            ActionInfo("about", "&About Strainscope", self._show_about),
        )

    def _make_docks(self) -> dict[str, QDockWidget]:
        docks: dict[str, QDockWidget] = {}
        for info in PANELS:
            dock = self._dock(info)
            docks[info.name] = dock
            self.addDockWidget(AREAS[info.area], dock)
        self.setTabPosition(Qt.DockWidgetArea.AllDockWidgetAreas, QTabWidget.TabPosition.North)
        self.tabifyDockWidget(docks["method"], docks["recording"])
        for name in ("method", "recording"):  # their tabs carry their names already
            docks[name].setTitleBarWidget(QWidget(docks[name]))
        docks["method"].raise_()
        self.resizeDocks([docks["method"], docks["measurements"]], [300, 320], Qt.Orientation.Horizontal)
        self.resizeDocks([docks["method"], docks["display"]], [330, 420], Qt.Orientation.Vertical)
        self.resizeDocks([docks["measurements"], docks["graphs"]], [400, 340], Qt.Orientation.Vertical)
        return docks

    def _dock(self, info: PanelInfo) -> QDockWidget:
        dock = QDockWidget(info.title, self)
        dock.setObjectName(info.name)
        dock.setFeatures(
            QDockWidget.DockWidgetFeature.DockWidgetMovable | QDockWidget.DockWidgetFeature.DockWidgetClosable
        )
        panel = info.build(self.state, self.commands)
        dock.setWidget(panel if info.stretch else scrolled(panel))
        return dock

    def _make_menus(self) -> None:
        bar = self.menuBar()
        self._recent_menu = QMenu("Open &recent", self)
        self._recent_menu.aboutToShow.connect(self._fill_recent)
        self._add_menu("&File", ("open", self._recent_menu, "demo", None, "geometry", None, *EXPORTS, None, "quit"))
        self._add_menu("&Edit", ("undo", "redo", None, "delete", "mirror", "clear"))
        self._add_menu("&Strain", ("estimate", "cancel"))
        view = self._add_menu(
            "&View", ("fit", "overlay", None, "play", "best", None, "pan", "target", "background", None)
        )
        for dock in self.docks.values():
            view.addAction(dock.toggleViewAction())
        view.addSeparator()
        view.addMenu(self._choice_menu("Image &layout", LAYOUTS, self._layout_chosen))
        view.addMenu(self._choice_menu("&Theme", ("system", "light", "dark"), self._theme_chosen))
        self._add_menu("&Help", ("keys", "about"))
        bar.setNativeMenuBar(False)

    def _add_menu(self, title: str, entries: tuple[str | QMenu | None, ...]) -> QMenu:
        menu = self.menuBar().addMenu(title)
        for entry in entries:
            if entry is None:
                menu.addSeparator()
            elif isinstance(entry, QMenu):
                menu.addMenu(entry)
            else:
                menu.addAction(self.actions_by_name[entry])
        return menu

    def _choice_menu(self, title: str, names: tuple[str, ...], chosen: Callable[[], None]) -> QMenu:
        menu = QMenu(title, self)
        for name in names:
            action = menu.addAction(name.capitalize())
            action.setData(name)
            action.triggered.connect(chosen)
        return menu

    def _make_tool_bar(self) -> None:
        bar = QToolBar("Tools", self)
        bar.setObjectName("tools")
        bar.setMovable(False)
        bar.setIconSize(QSize(20, 20))
        bar.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        groups = (
            ("open",),
            ("pan", "target", "background"),
            ("undo", "redo"),
            ("fit", "overlay"),
            ("estimate",),
            ("figure", "table"),
        )
        for group in groups:
            for name in group:
                bar.addAction(self.actions_by_name[name])
            if group is not groups[-1]:
                bar.addSeparator()
        self.addToolBar(bar)
        for name in ("undo", "redo", "fit"):
            button = bar.widgetForAction(self.actions_by_name[name])
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)  # type: ignore[attr-defined]
        for name, text in SHORT_NAMES.items():
            self.actions_by_name[name].setIconText(text)

    def _connect(self) -> None:
        for controller in (self.commands.files, self.commands.processing, self.commands.exporting):
            controller.failed.connect(self.show_error)
        self.commands.pictures.failed.connect(self.show_error)
        self.commands.files.geometry_needed.connect(self._ask_geometry)
        self.commands.files.opened.connect(self._recording_opened)
        stack = self.commands.regions.undo_stack
        stack.indexChanged.connect(self._refresh_actions)
        stack.cleanChanged.connect(self._refresh_actions)
        for signal in (
            self.state.recording_changed,
            self.state.runs_changed,
            self.state.tool_changed,
            self.state.selection_changed,
            self.state.regions_changed,
            self.state.display_changed,
            self.state.methods_changed,
            self.state.activity_changed,
        ):
            signal.connect(self._refresh_actions)

    # -- opening ----------------------------------------------------------------------------------------------------

    def open_paths(self, paths: tuple[Path, ...]) -> None:
        """Open files or a folder as one recording."""
        self.commands.files.open(paths)

    @Slot()
    def ask_files(self) -> None:
        """Ask which files to open."""
        names, _ = QFileDialog.getOpenFileNames(self, "Open a recording", self.preferences.last_folder, open_filter())
        if names:
            self.open_paths(tuple(Path(name) for name in names))

    @Slot(object)
    def _ask_geometry(self, opened: OpenedFile) -> None:
        dialog = GeometryDialog(opened, self)
        dialog.suggestions_wanted.connect(
            lambda values: self.commands.files.suggest(opened, values, dialog.show_suggestions)
        )
        dialog.finished.connect(lambda accepted: self._geometry_answered(dialog, opened, bool(accepted)))
        dialog.open()

    def _geometry_answered(self, dialog: GeometryDialog, opened: OpenedFile, accepted: bool) -> None:
        self.commands.files.answer(opened, dialog.answer() if accepted else None)
        dialog.deleteLater()

    @Slot(object)
    def _recording_opened(self, regions: Regions) -> None:
        self.commands.regions.place(regions)
        sequence = self.state.recording.sequence if self.state.recording else None
        if sequence is not None:
            self.setWindowTitle(f"{sequence.name} \u2013 Strainscope")
        if sequence is not None and sequence.shape[0] > 1:
            self.commands.playback.show_frame(1)
            if self.preferences.estimate_on_open:
                self.commands.processing.start()

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

    def _fill_recent(self) -> None:
        self._recent_menu.clear()
        for names in self.preferences.recent:
            paths = tuple(Path(name) for name in names)
            more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
            action = self._recent_menu.addAction(f"{paths[0].parent.name}/{paths[0].name}{more}")
            action.setData(names)
            action.setToolTip(str(paths[0]))
            action.triggered.connect(self._recent_chosen)
        if not self.preferences.recent:
            self._recent_menu.addAction("Nothing opened yet").setEnabled(False)

    @Slot()
    def _recent_chosen(self) -> None:
        action = self.sender()
        assert isinstance(action, QAction)
        self.open_paths(tuple(Path(name) for name in action.data()))

    # -- what the actions do ----------------------------------------------------------------------------------------

    def _choose_pan(self) -> None:
        self.commands.regions.choose_tool(Tool.PAN)
        self._refresh_actions()

    def _draw_target(self) -> None:
        self._toggle_tool(Tool.TARGET)

    def _draw_background(self) -> None:
        self._toggle_tool(Tool.BACKGROUND)

    def _toggle_tool(self, tool: Tool) -> None:
        self.commands.regions.choose_tool(Tool.PAN if self.state.tool is tool else tool)
        self._refresh_actions()

    def _toggle_overlay(self) -> None:
        self.commands.change_display(overlay=not self.state.display.overlay)

    def _show_keys(self) -> None:
        show_keys(self)

    def _show_about(self) -> None:
        show_about(self)

    def close_window(self) -> None:
        """Close the window and with it the program."""
        self.close()

    @Slot(str)
    def show_error(self, text: str) -> None:
        """Say what went wrong; the open recording stays as it is."""
        box = QMessageBox(QMessageBox.Icon.Warning, "Strainscope", text, QMessageBox.StandardButton.Ok, self)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.open()

    @Slot()
    def _refresh_actions(self) -> None:
        state, stack = self.state, self.commands.regions.undo_stack
        actions, opened = self.actions_by_name, self.state.recording is not None
        for name in ("pan", "target", "background", "fit", "overlay", "play", "best"):
            actions[name].setEnabled(opened)
        actions["geometry"].setEnabled(self.commands.files.can_edit_geometry())
        actions["undo"].setEnabled(stack.canUndo())
        actions["redo"].setEnabled(stack.canRedo())
        actions["undo"].setText(f"Undo {stack.undoText()}".strip())
        actions["redo"].setText(f"Redo {stack.redoText()}".strip())
        actions["delete"].setEnabled(state.selection is not None)
        actions["mirror"].setEnabled(state.regions.target is not None)
        actions["clear"].setEnabled(state.regions != Regions())
        run = state.run
        running = run is not None and run.status == "running"
        complete = run is not None and run.status == "complete"
        ready = state.recording is not None and state.recording.frames > 1 and bool(state.methods)
        actions["estimate"].setEnabled(ready and not running and not complete)
        actions["cancel"].setEnabled(self.commands.can_cancel())
        for name in EXPORTS:
            actions[name].setEnabled(run is not None and bool(run.store.frames()))
        for tool in Tool:
            actions[tool.value].setChecked(state.tool is tool)
        actions["overlay"].setChecked(state.display.overlay)

    # -- keys -------------------------------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Handle plain keys that no focused widget wanted; `KEY_MAP` lists them for the user."""
        steps = nudge_of(event)
        if steps is not None and self.state.selection is not None:
            self.commands.regions.nudge(*steps)
        elif steps is not None and steps[1] == 0:
            self.commands.playback.step(steps[0])
        elif event.key() in self._keys and not event.modifiers() & PLAIN_KEY_BLOCKERS:
            self._keys[Qt.Key(event.key())]()
        else:
            super().keyPressEvent(event)

    def _plain_keys(self) -> dict[Qt.Key, Callable[[], None]]:
        regions, playback = self.commands.regions, self.commands.playback
        return {
            Qt.Key.Key_Space: playback.toggle,
            Qt.Key.Key_Home: playback.first,
            Qt.Key.Key_End: playback.last,
            Qt.Key.Key_G: playback.best,
            Qt.Key.Key_T: partial(regions.press_key, Role.TARGET),
            Qt.Key.Key_B: partial(regions.press_key, Role.BACKGROUND),
            Qt.Key.Key_Delete: regions.delete_selected,
            Qt.Key.Key_Backspace: regions.delete_selected,
            Qt.Key.Key_Escape: self._escape,
            Qt.Key.Key_F: self.workspace.view.fit,
            Qt.Key.Key_O: self._toggle_overlay,
        }

    def _escape(self) -> None:
        self.commands.playback.pause()
        self.commands.regions.escape()

    # -- theme, memory, end -----------------------------------------------------------------------------------------

    @Slot()
    def _theme_chosen(self) -> None:
        action = self.sender()
        assert isinstance(action, QAction)
        self.set_theme(action.data())

    @Slot()
    def _layout_chosen(self) -> None:
        action = self.sender()
        assert isinstance(action, QAction)
        self.preferences.layout = action.data()
        self.workspace.view.set_layout(self.preferences.layout)

    def set_theme(self, name: ThemeName) -> None:
        """Dress the window in another theme and remember it."""
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        self.preferences.theme = name
        apply_theme(application, name)
        restyle(self.actions_by_name)
        self.workspace.restyle()
        for widget in self.findChildren(QWidget):
            if hasattr(widget, "restyle") and widget is not self.workspace:
                widget.restyle()

    def _restore(self) -> None:
        preferences = self.preferences
        self.workspace.view.set_layout(preferences.layout)
        if preferences.window_geometry:
            self.restoreGeometry(QByteArray.fromBase64(preferences.window_geometry.encode()))
        if preferences.window_state:
            self.restoreState(QByteArray.fromBase64(preferences.window_state.encode()))
        known = {name: value for name, value in preferences.display.items() if hasattr(Display, name)}
        try:
            self.state.set_display(Display(**known))  # type: ignore[arg-type]
        except (ParameterError, TypeError):
            self.state.set_display(Display())

    def _remember(self) -> None:
        preferences = self.preferences
        preferences.window_geometry = self.saveGeometry().toBase64().toStdString()
        preferences.window_state = self.saveState().toBase64().toStdString()
        preferences.display = self.state.display.as_dict()
        preferences.method = self.state.settings.method
        preferences.theme = Theme.name
        save_preferences(preferences)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Stop every job, forget the temporary results, remember the window."""
        self.commands.playback.pause()
        self._remember()
        self.jobs.close()
        self.state.close()
        event.accept()
