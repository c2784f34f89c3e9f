"""What a right click offers: on a region, an image, a graph, and the table of numbers."""

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QObject, QPoint, Qt
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import QLabel, QMenu, QWidget

from app.panels.measurements import MeasurementsPanel
from app.panels.region import option_words
from app.state import Role
from app.views.graph import Graph
from app.views.image_pane import ImagePane
from app.window.feature import FEATURES, Entry, FeatureContext


class ContextMenus(QObject):
    """Builds each menu when it is asked for; what the window's own actions do is offered as these actions."""

    def __init__(self, context: FeatureContext) -> None:
        super().__init__(context.window)
        self._context = context
        for pane in context.central.view.panes:
            pane.plot.box.menu_requested.connect(partial(self._on_image, pane))
            for item in pane.regions.values():
                item.menu_requested.connect(partial(self._on_region, item.role))

    def connect_panels(self) -> None:
        """Give graphs and numbers their menus, once all panels are there."""
        window = self._context.window
        for graph in window.findChildren(Graph):
            _ask(graph, partial(self._on_graph, graph))
        for panel in window.findChildren(MeasurementsPanel):
            for label in panel.findChildren(QLabel):
                label.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)  # leave it to the panel
            _ask(panel, partial(self._on_numbers, panel))

    def region_menu(self, role: Role) -> QMenu:
        """Return what can be done with a region."""
        regions, menu = self._context.commands.regions, self._menu()
        menu.addAction("Copy values", partial(self.copy_region, role))
        menu.addAction("Put into the middle", partial(regions.centre, role))
        menu.addSeparator()
        menu.addAction("Delete", partial(regions.delete, role))
        return menu

    def image_menu(self, pane: ImagePane) -> QMenu:
        """Return what can be done with an image."""
        menu = self._menu()
        menu.addAction("Copy image", partial(copy_picture, pane))
        return self._with_actions(menu, ("fit", "figure"))

    def graph_menu(self, graph: Graph) -> QMenu:
        """Return what can be done with a graph."""
        menu = self._menu()
        menu.addAction("Copy graph", partial(copy_picture, graph))
        return self._with_actions(menu, ("table",))

    def numbers_menu(self, panel: MeasurementsPanel) -> QMenu:
        """Return what can be done with the numbers."""
        menu = self._menu()
        menu.addAction("Copy values", lambda: QGuiApplication.clipboard().setText(panel.as_text()))
        return self._with_actions(menu, ("table",))

    def copy_region(self, role: Role) -> None:
        """Copy a region's numbers as the command line takes them."""
        ellipse = self._context.state.regions.get(role)
        if ellipse is not None:
            QGuiApplication.clipboard().setText(option_words(role, ellipse))

    def _menu(self) -> QMenu:
        menu = QMenu(self._context.window)
        menu.aboutToHide.connect(menu.deleteLater)
        return menu

    def _with_actions(self, menu: QMenu, names: Sequence[str]) -> QMenu:
        for name in names:
            action = self._context.window.findChild(QAction, name)
            if action is not None:
                menu.addAction(action)
        return menu

    def _on_region(self, role: Role, at: QPoint) -> None:
        self._context.commands.regions.select(role)
        self.region_menu(role).popup(at)

    def _on_image(self, pane: ImagePane, at: QPoint) -> None:
        self.image_menu(pane).popup(at)

    def _on_graph(self, graph: Graph, at: QPoint) -> None:
        self.graph_menu(graph).popup(graph.mapToGlobal(at))

    def _on_numbers(self, panel: MeasurementsPanel, at: QPoint) -> None:
        self.numbers_menu(panel).popup(panel.mapToGlobal(at))


def copy_picture(widget: QWidget) -> None:
    """Copy a widget as it is seen."""
    QGuiApplication.clipboard().setPixmap(widget.grab())


def _ask(widget: QWidget, show: partial[None]) -> None:
    widget.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
    widget.customContextMenuRequested.connect(show)


def build(context: FeatureContext) -> tuple[Entry, ...]:
    """No entries of the menu bar."""
    menus = ContextMenus(context)
    context.at_start.append(menus.connect_panels)
    return ()


FEATURES.register("context_menus", build)
