"""Menus and tool bar, made from the actions of all features by their places."""

from collections.abc import Iterable, Mapping

from PySide6.QtCore import QObject, QSize, Qt, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMainWindow, QMenu, QToolBar, QToolButton

from app.actions import Action
from app.window.feature import Entry, FilledMenu

TITLES = {"File": "&File", "Edit": "&Edit", "Strain": "&Strain", "View": "&View", "Help": "&Help"}
"""The menus in their order; a feature may name another one, which comes before Help."""

DOCKS_PLACE = 500
"""Place of the panels in the View menu."""


class Menus(QObject):
    """The menu bar of a window."""

    def __init__(self, window: QMainWindow, entries: Iterable[Entry], actions: Mapping[str, QAction]) -> None:
        super().__init__(window)
        self._window = window
        self._actions = actions
        self._menus: dict[str, QMenu] = {}
        self._fills: dict[QMenu, FilledMenu] = {}
        self._places: dict[QMenu, int] = {}
        window.menuBar().setNativeMenuBar(False)
        listed = sorted((entry for entry in entries if entry.menu), key=lambda entry: entry.place)
        others = [entry.menu.split("/")[0] for entry in listed if entry.menu.split("/")[0] not in TITLES]
        for name in dict.fromkeys([*list(TITLES)[:-1], *others, "Help"]):
            self._menus[name] = window.menuBar().addMenu(TITLES.get(name, f"&{name}"))
        for entry in listed:
            self._add(entry)

    def menu(self, path: str, place: int) -> QMenu:
        """Return the menu of a path, made at this place where it is not there yet."""
        if path not in self._menus:
            parent, _, text = path.rpartition("/")
            above = self.menu(parent, place)
            self._part(above, place)
            self._menus[path] = above.addMenu(text)
        return self._menus[path]

    def _add(self, entry: Entry) -> None:
        menu = self.menu(entry.menu, entry.place)
        self._part(menu, entry.place)
        if isinstance(entry, FilledMenu):
            filled = menu.addMenu(entry.text)
            self._fills[filled] = entry
            filled.aboutToShow.connect(self._fill)
        else:
            menu.addAction(self._actions[entry.name])

    def _part(self, menu: QMenu, place: int) -> None:
        """Draw a line where another hundred begins."""
        before = self._places.get(menu)
        if before is not None and before // 100 != place // 100:
            menu.addSeparator()
        self._places[menu] = place

    @Slot()
    def _fill(self) -> None:
        menu = self.sender()
        assert isinstance(menu, QMenu)
        menu.clear()
        self._fills[menu].fill(menu)


def make_tool_bar(window: QMainWindow, entries: Iterable[Entry], actions: Mapping[str, QAction]) -> QToolBar:
    """Build the tool bar; an action without a short text shows its icon alone."""
    bar = QToolBar("Tools", window)
    bar.setObjectName("tools")
    bar.setMovable(False)
    bar.setIconSize(QSize(20, 20))
    bar.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    placed = [(entry.tool_bar, entry) for entry in entries if isinstance(entry, Action) and entry.tool_bar is not None]
    shown = sorted(placed, key=lambda pair: pair[0])
    for index, (place, entry) in enumerate(shown):
        if index and shown[index - 1][0] // 100 != place // 100:
            bar.addSeparator()
        bar.addAction(actions[entry.name])
        button = bar.widgetForAction(actions[entry.name])
        if not entry.short_text and isinstance(button, QToolButton):
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
    window.addToolBar(bar)
    return bar
