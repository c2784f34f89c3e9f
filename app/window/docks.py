"""One dock a place, from the panel registry: panels that share a place are tabs in it.

The tabs are a QTabWidget in the dock. Tabbed docks of the main window itself are not used: Qt 6.11 leaves stray tab
bars on the window as soon as a second group of them exists.
"""

from dataclasses import dataclass, field
from functools import partial

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QDockWidget, QMainWindow, QTabWidget, QWidget

from app.controllers.commands import Commands
from app.panels.base import PANELS, PanelArea, PanelInfo
from app.state import ViewerState

AREAS = {
    "left": Qt.DockWidgetArea.LeftDockWidgetArea,
    "right": Qt.DockWidgetArea.RightDockWidgetArea,
    "bottom": Qt.DockWidgetArea.BottomDockWidgetArea,
}
BELOW_PX = 180
SIDE_PX = {"left": 340, "right": 320}
SIDE_SHARE = 0.27
"""Part of a small window that a side takes at most."""
NARROW_PX = 1400
"""Below this width images would be small islands between two sides: the panels of the left are tabs of the right."""
LOW_PX = 640
"""Below this height such a side has room for one group of tabs."""
NARROW_SIDE_PX = 400
NARROW_SHARE = 0.38
HOSTS = {"method": "measurements", "display": "graphs"}
"""Where the panels of the left go in a narrow window."""


@dataclass(frozen=True)
class Docks:
    """The docks by the name of their first panel."""

    docks: dict[str, QDockWidget] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    """Title of every panel."""
    _tabs: dict[str, QTabWidget] = field(default_factory=dict)
    """Tabs of the docks that hold several panels."""
    _pages: dict[str, QWidget] = field(default_factory=dict)
    _home: dict[str, str] = field(default_factory=dict)
    """Dock in which a panel lives where there is room."""

    def dock(self, panel: str) -> QDockWidget:
        """Return the dock that a panel is in."""
        return next(dock for dock in self.docks.values() if dock.isAncestorOf(self._pages[panel]))

    def show(self, panel: str) -> None:
        """Bring a panel to the front."""
        self._set_shown(panel, True)
        dock, page = self.dock(panel), self._pages[panel]
        dock.raise_()
        for tabs in self._tabs.values():
            if tabs.indexOf(page) >= 0:
                tabs.setCurrentWidget(page)

    def order(self) -> list[str]:
        """Return all panels, those of one dock together."""
        return sorted(self._home, key=lambda panel: list(self.docks).index(self._home[panel]))

    def is_shown(self, panel: str) -> bool:
        """Say whether a panel has its place, be it behind others."""
        dock, page = self.dock(panel), self._pages[panel]
        return not dock.isHidden() and all(
            tabs.isTabVisible(tabs.indexOf(page)) for tabs in self._tabs.values() if tabs.indexOf(page) >= 0
        )

    def toggle(self, panel: str) -> None:
        """Show a panel in front, or take it and, with the last of its panels, its dock away."""
        if self.is_shown(panel):
            self._set_shown(panel, False)
        else:
            self.show(panel)

    def _set_shown(self, panel: str, shown: bool) -> None:
        dock, page = self.dock(panel), self._pages[panel]
        tabs = dock.widget()
        if isinstance(tabs, QTabWidget):
            self._take_hidden_tabs()
            tabs.setTabVisible(tabs.indexOf(page), shown)
            dock.setVisible(_any_tab(tabs))
        else:
            dock.setVisible(shown)

    def is_narrow(self) -> bool:
        """Say whether the panels of the left are on the right."""
        return self.dock("method") is not self.docks["method"]

    def fold(self, window: QMainWindow) -> None:
        """Put all panels on the right where the window is narrow, in one group where it is low too, and apart again."""
        narrow = window.width() < NARROW_PX
        self.arrange(window, narrow=narrow, low=narrow and window.height() < LOW_PX)

    def arrange(self, window: QMainWindow, *, narrow: bool = False, low: bool = False) -> None:
        """Put the panels where they belong, or all on the right, there in one group or two."""
        above, below = (self.docks[name] for name in HOSTS.values())
        if narrow != self.is_narrow():
            self._move(narrow)
            QTimer.singleShot(0, window, partial(widen_docks, window, self))  # sizes asked for now would be lost
        if low != bool(window.tabifiedDockWidgets(above)):
            hidden = below.isHidden()
            if low:
                window.tabifyDockWidget(above, below)
                above.raise_()
            else:
                window.addDockWidget(AREAS["right"], below)
                share_height(window, self)
            below.setHidden(hidden)

    def _move(self, narrow: bool) -> None:
        """Move the panels of the left to the right, or back; what was not shown is not shown there either."""
        self._take_hidden_tabs()
        for panel, home in self._home.items():
            if home not in HOSTS:
                continue
            page, shown = self._pages[panel], self.is_shown(panel)
            source, target = (self._tabs[name] for name in ((home, HOSTS[home]) if narrow else (HOSTS[home], home)))
            source.removeTab(source.indexOf(page))
            target.setTabVisible(target.addTab(page, self.titles[panel]), shown)
        for home, tabs in self._tabs.items():
            self.docks[home].setVisible(_any_tab(tabs))

    def _take_hidden_tabs(self) -> None:
        """Take the tabs of hidden docks, which Qt may have brought back so, for not shown."""
        for home, tabs in self._tabs.items():
            if self.docks[home].isHidden():
                for index in range(tabs.count()):
                    tabs.setTabVisible(index, False)

    def add(self, window: QMainWindow, info: PanelInfo, panel: QWidget) -> None:
        """Put a panel into a dock of its own, or beside the panel that it names."""
        page = self._pages[info.name] = PanelArea(panel)
        home = self._home[info.name] = info.beside or info.name
        self.titles[info.name] = info.title
        if info.beside:
            self._add_tab(info, page, self.docks[home])
            return
        dock = self.docks[info.name] = QDockWidget(info.title, window)
        dock.setObjectName(info.name)
        movable, closable = (
            QDockWidget.DockWidgetFeature.DockWidgetMovable,
            QDockWidget.DockWidgetFeature.DockWidgetClosable,
        )
        dock.setFeatures(movable | closable)
        dock.setWidget(page)
        window.addDockWidget(AREAS[info.area], dock)

    def _add_tab(self, info: PanelInfo, page: QWidget, dock: QDockWidget) -> None:
        tabs = dock.widget()
        if not isinstance(tabs, QTabWidget):
            first, tabs = tabs, QTabWidget(dock)
            tabs.setDocumentMode(True)
            tabs.setAccessibleName(f"{dock.windowTitle()} and more")
            dock.setWidget(tabs)
            dock.setTitleBarWidget(QWidget(dock))  # the tabs carry the names
            tabs.addTab(first, dock.windowTitle())
            first.show()
            self._tabs[dock.objectName()] = tabs
        tabs.setTabVisible(tabs.addTab(page, info.title), info.shown)


def _any_tab(tabs: QTabWidget) -> bool:
    return any(tabs.isTabVisible(index) for index in range(tabs.count()))


def widen_docks(window: QMainWindow, docks: Docks) -> None:
    """Give both sides, or the only one, the width that they like, once the window has its size on the screen."""
    sides = [docks.docks["method"], docks.docks["measurements"]]
    widths = [min(width, round(SIDE_SHARE * window.width())) for width in SIDE_PX.values()]
    if docks.is_narrow():
        sides, widths = sides[1:], [min(NARROW_SIDE_PX, round(NARROW_SHARE * window.width()))]
    window.resizeDocks(sides, widths, Qt.Orientation.Horizontal)


def share_height(window: QMainWindow, docks: Docks) -> None:
    """Give the upper and the lower panels of a side their share."""
    for upper, lower, heights in (("method", "display", [350, 400]), ("measurements", "graphs", [420, 300])):
        window.resizeDocks([docks.docks[upper], docks.docks[lower]], heights, Qt.Orientation.Vertical)


def make_docks(window: QMainWindow, state: ViewerState, commands: Commands) -> Docks:
    """Build all panels of the registry."""
    window.setCorner(Qt.Corner.BottomLeftCorner, Qt.DockWidgetArea.LeftDockWidgetArea)
    window.setCorner(Qt.Corner.BottomRightCorner, Qt.DockWidgetArea.RightDockWidgetArea)
    window.setTabPosition(AREAS["right"], QTabWidget.TabPosition.East)  # four titles find no room side by side
    window.setAnimated(False)
    docks = Docks()
    for info in sorted(PANELS, key=lambda entry: bool(entry.beside)):  # a place comes before what shares it
        docks.add(window, info, info.build(state, commands))
    for info in PANELS:
        if not info.shown and not info.beside:
            docks.dock(info.name).hide()
    share_height(window, docks)
    below = [docks.docks[info.name] for info in PANELS if info.area == "bottom" and not info.beside]
    window.resizeDocks(below, [BELOW_PX] * len(below), Qt.Orientation.Vertical)
    return docks
