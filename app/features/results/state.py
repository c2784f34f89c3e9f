"""The results that were opened together, and which of them is shown."""

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.state.viewer import ViewerState


class ResultListState(QObject):
    """Result files in the order of their names; empty where no folder of results is open."""

    changed = Signal()

    def __init__(self, state: ViewerState) -> None:
        super().__init__(state)
        self.paths: tuple[Path, ...] = ()
        self.shown: Path | None = None

    def show(self, paths: tuple[Path, ...], shown: Path | None) -> None:
        """Set the list and the result that is shown."""
        if (paths, shown) != (self.paths, self.shown):
            self.paths, self.shown = paths, shown
            self.changed.emit()

    def beside(self, step: int) -> Path | None:
        """Return the result so many places further, or None at the ends of the list."""
        if self.shown not in self.paths:
            return None
        place = self.paths.index(self.shown) + step
        return self.paths[place] if 0 <= place < len(self.paths) else None
