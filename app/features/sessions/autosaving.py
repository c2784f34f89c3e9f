"""Keep the window's session by itself while it changes, and hand over what another window left behind when it died."""

from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Slot

from app.controllers.commands import Commands
from app.controllers.processing import in_words
from app.features.log.state import LogState
from app.features.sessions.autosave_file import AutosaveFolder
from app.features.sessions.controller import SessionsController
from app.features.sessions.file import Session
from app.features.sessions.loading import Loaded
from app.features.sessions.state import Recoverable, SessionState
from app.jobs import Answers, JobControl


class AutosaveController(QObject):
    """Writes at most every `autosave_s` of the preferences, off the window's thread, and only what has changed."""

    def __init__(self, commands: Commands) -> None:
        super().__init__(commands.parent)
        self._commands = commands
        self._sessions = commands.state.slice(SessionState)
        self._lane = commands.jobs.sessions
        self._folder = AutosaveFolder()
        self._kept: Session | None = None
        self._warned = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.keep)
        self._sessions.present_changed.connect(self._keep_soon)
        self._sessions.changed.connect(self._keep_soon)
        commands.part(SessionsController).restored.connect(self._restored)

    def start(self) -> None:
        """Look for what was left behind."""
        self._lane.submit(partial(_find, self._folder), Answers(done=self._sessions.set_recoverable))

    def close(self) -> None:
        """Forget the session: the window is closed as it should be."""
        self._timer.stop()
        self._lane.close()
        self._folder.close()

    def discard(self, entry: Recoverable) -> None:
        """Delete what was left behind."""
        self._forget(entry)
        self._lane.submit(partial(_remove, self._folder, entry.path))

    @Slot()
    def keep(self) -> None:
        """Write the session, if it is other than what was written last."""
        session = self._present()
        if session is None or session == self._kept:
            return
        self._kept = session
        self._lane.submit(partial(_write, self._folder, session), Answers(failed=self._failed), slot="autosave")

    def _present(self) -> Session | None:
        present, path = self._sessions.present, self._sessions.path
        return present if present is None or path is None else present.model_copy(update={"saved_as": str(path)})

    @Slot()
    def _keep_soon(self) -> None:
        if not self._timer.isActive() and self._sessions.present is not None:
            self._timer.start(round(1e3 * self._commands.preferences.autosave_s))

    @Slot(object)
    def _restored(self, loaded: Loaded) -> None:
        """Keep what was recovered under this window's name before the file of the dead window goes."""
        session, entry = self._present(), loaded.recovered
        if session is None or entry is None:
            return
        self._kept = session
        self._forget(entry)
        work = partial(_take_over, self._folder, session, entry.path)
        self._lane.submit(work, Answers(failed=self._failed))

    def _forget(self, entry: Recoverable) -> None:
        self._sessions.set_recoverable(tuple(other for other in self._sessions.recoverable if other != entry))

    def _failed(self, error: BaseException) -> None:
        self._kept = None
        if not self._warned:
            self._warned = True
            log = self._commands.state.slice(LogState)
            log.add("warning", f"The session cannot be kept for recovery after a crash: {in_words(error)}")


def _find(folder: AutosaveFolder, _control: JobControl) -> tuple[Recoverable, ...]:
    return folder.find()


def _write(folder: AutosaveFolder, session: Session, _control: JobControl) -> None:
    folder.write(session)


def _take_over(folder: AutosaveFolder, session: Session, path: Path, _control: JobControl) -> None:
    folder.write(session)
    folder.remove(path)


def _remove(folder: AutosaveFolder, path: Path, _control: JobControl) -> None:
    folder.remove(path)
