"""One dock a place, from the panel registry: panels that share a place are tabs in it.

The tabs are a QTabWidget in the dock. Tabbed docks of the main window itself are not used: Qt 6.11 leaves stray tab
bars on the window as soon as a second group of them exists.
"""

from dataclasses import dataclass, field

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
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
SIDE_PX = {"left": 325, "right": 320}
SIDE_SHARE = 0.26
"""Part of a small window that a side takes at most."""


@dataclass(frozen=True)
class Docks:
    """The docks by the name of their first panel, and for every panel an action of the View menu."""

    docks: dict[str, QDockWidget] = field(default_factory=dict)
    actions: dict[str, QAction] = field(default_factory=dict)
    _tabs: dict[str, tuple[QTabWidget, QWidget]] = field(default_factory=dict)
    _leader: dict[str, str] = field(default_factory=dict)

    def dock(self, panel: str) -> QDockWidget:
        """Return the dock that a panel lives in."""
        return self.docks[self._leader[panel]]

    def show(self, panel: str) -> None:
        """Bring a panel to the front."""
        self.dock(panel).show()
        if panel in self._tabs:
            tabs, page = self._tabs[panel]
            tabs.setCurrentWidget(page)

    def add(self, window: QMainWindow, info: PanelInfo, panel: QWidget) -> None:
        """Put a panel into a dock of its own, or beside the panel that it names."""
        page = PanelArea(panel)
        leader = self._leader[info.name] = info.beside or info.name
        if info.beside:
            self._add_tab(info, page, self.docks[leader])
            action = self.actions[info.name] = QAction(info.title, window)
            action.triggered.connect(lambda: self.show(info.name))
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
        self.actions[info.name] = dock.toggleViewAction()

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
            self._tabs[dock.objectName()] = tabs, first
        tabs.addTab(page, info.title)
        self._tabs[info.name] = tabs, page


def widen_docks(window: QMainWindow, docks: Docks) -> None:
    """Give both sides the width that they like, once the window has its size on the screen."""
    sides = [docks.docks["method"], docks.docks["measurements"]]
    widths = [min(width, round(SIDE_SHARE * window.width())) for width in SIDE_PX.values()]
    window.resizeDocks(sides, widths, Qt.Orientation.Horizontal)


def make_docks(window: QMainWindow, state: ViewerState, commands: Commands) -> Docks:
    """Build all panels of the registry."""
    window.setCorner(Qt.Corner.BottomLeftCorner, Qt.DockWidgetArea.LeftDockWidgetArea)
    window.setCorner(Qt.Corner.BottomRightCorner, Qt.DockWidgetArea.RightDockWidgetArea)
    docks = Docks()
    for info in sorted(PANELS, key=lambda entry: bool(entry.beside)):  # a place comes before what shares it
        docks.add(window, info, info.build(state, commands))
    for info in PANELS:
        if not info.shown:
            docks.dock(info.name).hide()
    window.resizeDocks([docks.docks["method"], docks.docks["display"]], [350, 400], Qt.Orientation.Vertical)
    window.resizeDocks([docks.docks["measurements"], docks.docks["graphs"]], [400, 340], Qt.Orientation.Vertical)
    below = [docks.docks[info.name] for info in PANELS if info.area == "bottom" and not info.beside]
    window.resizeDocks(below, [BELOW_PX] * len(below), Qt.Orientation.Vertical)
    return docks
