"""The results that were opened together, what is said of each, and which of them is shown."""

from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.state.viewer import ViewerState


class ResultListState(QObject):
    """Result files in order, each with words or none; empty where no folder or table of results is open."""

    changed = Signal()

    def __init__(self, state: ViewerState) -> None:
        super().__init__(state)
        self.words: Mapping[Path, str] = {}
        self.shown: Path | None = None

    @property
    def paths(self) -> tuple[Path, ...]:
        """The result files."""
        return tuple(self.words)

    def show(self, words: Mapping[Path, str], shown: Path | None) -> None:
        """Set the list and the result that is shown."""
        if (words, shown) != (self.words, self.shown):
            self.words, self.shown = words, shown
            self.changed.emit()

    def beside(self, step: int) -> Path | None:
        """Return the result so many places further, or None at the ends of the list."""
        paths = self.paths
        if self.shown not in paths:
            return None
        place = paths.index(self.shown) + step
        return paths[place] if 0 <= place < len(paths) else None
