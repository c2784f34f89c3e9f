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
SIDE_PX = {"left": 340, "right": 320}
SIDE_SHARE = 0.27
"""Part of a small window that a side takes at most."""
NARROW_PX = 1100
"""Below this width a window has room for one side beside the images: all panels are tabs there."""
NARROW_SIDE_PX = 368


@dataclass(frozen=True)
class Docks:
    """The docks by the name of their first panel, and for every panel an action of the View menu."""

    docks: dict[str, QDockWidget] = field(default_factory=dict)
    actions: dict[str, QAction] = field(default_factory=dict)
    _sides: dict[str, Qt.DockWidgetArea] = field(default_factory=dict)
    """Where a dock of one of the two sides belongs."""
    _tabs: dict[str, tuple[QTabWidget, QWidget]] = field(default_factory=dict)
    _leader: dict[str, str] = field(default_factory=dict)

    def dock(self, panel: str) -> QDockWidget:
        """Return the dock that a panel lives in."""
        return self.docks[self._leader[panel]]

    def show(self, panel: str) -> None:
        """Bring a panel to the front."""
        self.dock(panel).show()
        self.dock(panel).raise_()
        if panel in self._tabs:
            tabs, page = self._tabs[panel]
            tabs.setTabVisible(tabs.indexOf(page), True)
            tabs.setCurrentWidget(page)

    def is_folded(self, window: QMainWindow) -> bool:
        """Say whether all panels are tabs of one side."""
        return any(window.tabifiedDockWidgets(self.docks[name]) for name in self._sides)

    def fold(self, window: QMainWindow) -> None:
        """Put both sides together as tabs where the window is narrow, and apart again where it is not."""
        narrow = window.width() < NARROW_PX
        if narrow == self.is_folded(window):
            return
        docks = [(self.docks[name], area) for name, area in self._sides.items()]
        hidden = [dock for dock, _ in docks if dock.isHidden()]
        first = docks[0][0]
        for dock, area in docks:
            window.addDockWidget(AREAS["right"] if narrow else area, dock)
            if narrow and dock is not first:
                window.tabifyDockWidget(first, dock)
        for dock in hidden:
            dock.hide()
        if narrow:
            first.raise_()
            window.resizeDocks([first], [NARROW_SIDE_PX], Qt.Orientation.Horizontal)
        else:
            widen_docks(window, self)

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
        if info.area != "bottom":
            self._sides[info.name] = AREAS[info.area]
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
        tabs.setTabVisible(tabs.addTab(page, info.title), info.shown)
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
    window.setTabPosition(AREAS["right"], QTabWidget.TabPosition.East)  # four titles find no room side by side
    window.setAnimated(False)
    docks = Docks()
    for info in sorted(PANELS, key=lambda entry: bool(entry.beside)):  # a place comes before what shares it
        docks.add(window, info, info.build(state, commands))
    for info in PANELS:
        if not info.shown and not info.beside:
            docks.dock(info.name).hide()
    window.resizeDocks([docks.docks["method"], docks.docks["display"]], [350, 400], Qt.Orientation.Vertical)
    window.resizeDocks([docks.docks["measurements"], docks.docks["graphs"]], [400, 340], Qt.Orientation.Vertical)
    below = [docks.docks[info.name] for info in PANELS if info.area == "bottom" and not info.beside]
    window.resizeDocks(below, [BELOW_PX] * len(below), Qt.Orientation.Vertical)
    return docks
