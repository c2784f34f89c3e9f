"""Everything that the program has told the user since it was started, with the time."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from PySide6.QtCore import QObject, Signal

from app.state.viewer import ViewerState

KEPT_ENTRIES = 500
Level = Literal["note", "warning", "error"]


@dataclass(frozen=True)
class LogEntry:
    """One thing that was told."""

    level: Level
    text: str
    time: datetime = field(default_factory=datetime.now)

    def line(self) -> str:
        """Write it as a line: time, level in words, text."""
        return f"{self.time:%Y-%m-%d %H:%M:%S}  {self.level:<7}  {self.text}"


class LogState(QObject):
    """The log; the oldest entries go first."""

    added = Signal(object)
    """(LogEntry)."""
    cleared = Signal()

    def __init__(self, state: ViewerState) -> None:
        super().__init__(state)
        self.entries: list[LogEntry] = []

    def add(self, level: Level, text: str) -> None:
        """Write something down; an empty text is nothing."""
        if not text:
            return
        entry = LogEntry(level, text)
        self.entries.append(entry)
        del self.entries[:-KEPT_ENTRIES]
        self.added.emit(entry)

    def clear(self) -> None:
        """Forget everything."""
        self.entries.clear()
        self.cleared.emit()

    def text(self) -> str:
        """Return the whole log, one entry a line."""
        return "".join(f"{entry.line()}\n" for entry in self.entries)
