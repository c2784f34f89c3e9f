"""The session of the window: its file, what is in it now, what was saved last, and what a crash left behind."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal, SignalInstance

from app.features.sessions.file import Part, Session
from app.state.viewer import ViewerState


@dataclass(frozen=True)
class SessionPart:
    """What one feature adds to a session: `save` gives it, `check` reads it, `restore` takes what `check` returned.

    `check` gets an empty part where the session has none, raises a StrainscopeError for whatever does not fit, and
    runs on another thread, so it touches no state. `restore` runs when the recording is open.
    """

    save: Callable[[], Part]
    check: Callable[[Part], Any]
    restore: Callable[[Any], None]


@dataclass(frozen=True)
class Recoverable:
    """A session that was not closed: where it was kept, what its recording is called, when it was kept last."""

    path: Path
    name: str
    time: datetime


class SessionState(QObject):
    """Knows whether there is something to save; `present` is None without a recording that came from files."""

    changed = Signal()
    """File, or whether there is something to save."""
    present_changed = Signal()
    part_changed = Signal()
    """Something that a feature adds is other than before."""
    recoverable_changed = Signal()

    def __init__(self, state: ViewerState) -> None:
        super().__init__(state)
        self.parts: dict[str, SessionPart] = {}
        self.path: Path | None = None
        self.saved: Session | None = None
        self.present: Session | None = None
        self.recoverable: tuple[Recoverable, ...] = ()

    def add_part(self, name: str, part: SessionPart, *changes: SignalInstance) -> None:
        """Let a feature add to every session; `changes` are its signals that what it adds is other than before."""
        self.parts[name] = part
        for signal in changes:
            signal.connect(self.part_changed)

    @property
    def is_modified(self) -> bool:
        """Say whether the session's file holds something else than the window; never true without a file."""
        return self.path is not None and self.present != self.saved

    @property
    def is_worth_asking(self) -> bool:
        """Say whether something would be lost with the window; another frame alone is nothing to ask about."""
        if self.path is None or self.present is None:
            return False
        return self.saved is None or self.saved.model_copy(update={"frame": self.present.frame}) != self.present

    def set_file(self, path: Path | None, saved: Session | None) -> None:
        """Say in which file the session is, and what is in it; None in it is never what the window shows."""
        self.path, self.saved = path, saved
        self.changed.emit()

    def set_present(self, present: Session | None) -> None:
        """Say what a session saved now would hold."""
        if present != self.present:
            self.present = present
            self.present_changed.emit()
            self.changed.emit()

    def set_recoverable(self, found: tuple[Recoverable, ...]) -> None:
        """Say what a crash left behind, newest first."""
        if found != self.recoverable:
            self.recoverable = found
            self.recoverable_changed.emit()
