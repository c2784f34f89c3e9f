"""Read a session and look for its recording, off the window's thread; nothing here touches the window."""

from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

from app.features.sessions.content import Available, Plan, plan
from app.features.sessions.file import SavedSource, Session, SessionError, candidates, load_session
from app.features.sessions.state import Recoverable
from app.jobs import JobControl
from engine.errors import StrainscopeError
from engine.readers.base import ReadOptions
from engine.readers.open import open_recording
from engine.recording_key import recording_key


@dataclass(frozen=True)
class Loaded:
    """A session that was read and is good, and where its recording lies; None where that has to be asked.

    `moved` says that the user had to, `recovered` that the session is what a crash left behind.
    """

    path: Path
    session: Session
    plan: Plan
    paths: tuple[Path, ...] | None
    moved: bool = False
    recovered: Recoverable | None = None

    @property
    def name(self) -> str:
        """What the session is called in messages."""
        return self.recovered.name if self.recovered is not None else self.path.name


def load(
    path: Path, recovered: Recoverable | None, available: Available, known: frozenset[str], _control: JobControl
) -> Loaded:
    """Read a session, check all that it asks for, and look for its recording."""
    session = load_session(path)
    try:
        wanted = plan(session, available)
    except StrainscopeError as error:
        raise SessionError(f"{path.name}: {error}") from error
    return Loaded(path, session, wanted, _find(session.source, path.parent, known), recovered=recovered)


def _find(source: SavedSource, folder: Path, known: frozenset[str]) -> tuple[Path, ...] | None:
    """Return the place that holds the session's own recording, else one that holds another of its name."""
    places = candidates(source, folder, known)
    options = ReadOptions(source.variable, source.axes)
    return next((paths for paths in places if _key(paths, options) == source.key), places[0] if places else None)


def _key(paths: tuple[Path, ...], options: ReadOptions) -> str:
    try:
        return recording_key(open_recording(paths, options))
    except StrainscopeError:
        return ""


def settle(source: SavedSource, chosen: tuple[Path, ...], _control: JobControl) -> tuple[Path, ...]:
    """Return all files of a recording: with one of several chosen, the others of the old names lie beside it."""
    if len(chosen) >= len(source.paths):
        return chosen
    beside = tuple(chosen[0].parent / PureWindowsPath(name).name for name in source.paths)
    return beside if all(path.is_file() for path in beside) else chosen
