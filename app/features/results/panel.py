"""The results of a folder or of a batch's table as a list: a click, or the keys that step, open one."""

from PySide6.QtCore import QSignalBlocker, Slot
from PySide6.QtWidgets import QLabel, QListWidget, QListWidgetItem

from app.controllers.commands import Commands
from app.features.results.controller import ResultFilesController
from app.features.results.state import ResultListState
from app.panels.base import PANELS, Panel, PanelInfo
from app.state import ViewerState


class ResultsPanel(Panel):
    """One entry a result, with what the table says of it; the one that is shown is marked."""

    def __init__(self, state: ViewerState, commands: Commands) -> None:
        super().__init__(state, commands)
        self._results = state.slice(ResultListState)
        self._controller = commands.part(ResultFilesController)
        self.words = QLabel()
        self.words.setObjectName("muted")
        self.words.setWordWrap(True)
        self.list = QListWidget()
        self.list.setAccessibleName("Results of the folder")
        self.list.itemActivated.connect(self._chosen)
        self.list.itemClicked.connect(self._chosen)
        self.column.addWidget(self.words)
        self.column.addWidget(self.list, 1)
        self._results.changed.connect(self.refresh)
        self.refresh()

    @Slot()
    def refresh(self) -> None:
        """Show the list."""
        paths, shown = self._results.paths, self._results.shown
        folder = paths[0].parent.name if paths else ""
        nothing = "Drop a folder of results, or the table in it, as `batch` writes them."
        self.words.setText(f"{len(paths)} results in {folder}" if paths else nothing)
        with QSignalBlocker(self.list):
            if self.list.count() != len(paths) or any(
                self.list.item(row).toolTip() != str(path) for row, path in enumerate(paths)
            ):
                self.list.clear()
                for path in paths:
                    name, said = path.stem.removesuffix("-result"), self._results.words[path]
                    item = QListWidgetItem(f"{name}\n{said}" if said else name, self.list)
                    item.setToolTip(str(path))
            self.list.setCurrentRow(paths.index(shown) if shown in paths else -1)

    @Slot(QListWidgetItem)
    def _chosen(self, item: QListWidgetItem) -> None:
        path = self._results.paths[self.list.row(item)]
        if path != self._results.shown:
            self._controller.open(path)


PANELS.register("results", PanelInfo("results", "Results", "left", ResultsPanel, beside="method", shown=False))
