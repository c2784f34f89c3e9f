"""One dock a panel, from the panel registry."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDockWidget, QMainWindow, QTabWidget, QWidget

from app.controllers.commands import Commands
from app.panels.base import PANELS, PanelInfo, scrolled
from app.state import ViewerState

AREAS = {
    "left": Qt.DockWidgetArea.LeftDockWidgetArea,
    "right": Qt.DockWidgetArea.RightDockWidgetArea,
    "bottom": Qt.DockWidgetArea.BottomDockWidgetArea,
}
BELOW_PX = 180


def make_docks(window: QMainWindow, state: ViewerState, commands: Commands) -> dict[str, QDockWidget]:
    """Build the docks by name; a panel with `beside` shares a tabbed place with the panel it names."""
    docks: dict[str, QDockWidget] = {}
    window.setTabPosition(Qt.DockWidgetArea.AllDockWidgetAreas, QTabWidget.TabPosition.North)
    window.setCorner(Qt.Corner.BottomLeftCorner, Qt.DockWidgetArea.LeftDockWidgetArea)
    window.setCorner(Qt.Corner.BottomRightCorner, Qt.DockWidgetArea.RightDockWidgetArea)
    for info in PANELS:
        dock = docks[info.name] = _dock(window, info, state, commands)
        window.addDockWidget(AREAS[info.area], dock)
    for info in PANELS:
        if info.beside:
            window.tabifyDockWidget(docks[info.beside], docks[info.name])
            for name in (info.beside, info.name):  # their tabs carry their names already
                docks[name].setTitleBarWidget(QWidget(docks[name]))
    for name in dict.fromkeys(info.beside for info in PANELS if info.beside):
        docks[name].raise_()
    for info in PANELS:
        docks[info.name].setVisible(info.shown)
    window.resizeDocks([docks["method"], docks["measurements"]], [300, 320], Qt.Orientation.Horizontal)
    window.resizeDocks([docks["method"], docks["display"]], [330, 420], Qt.Orientation.Vertical)
    window.resizeDocks([docks["measurements"], docks["graphs"]], [400, 340], Qt.Orientation.Vertical)
    below = [docks[info.name] for info in PANELS if info.area == "bottom"]
    window.resizeDocks(below, [BELOW_PX] * len(below), Qt.Orientation.Vertical)
    return docks


def _dock(window: QMainWindow, info: PanelInfo, state: ViewerState, commands: Commands) -> QDockWidget:
    dock = QDockWidget(info.title, window)
    dock.setObjectName(info.name)
    dock.setFeatures(QDockWidget.DockWidgetFeature.DockWidgetMovable | QDockWidget.DockWidgetFeature.DockWidgetClosable)
    panel = info.build(state, commands)
    dock.setWidget(panel if info.stretch else scrolled(panel))
    return dock
