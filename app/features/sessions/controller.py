"""Save the window as a session, and open one: nothing of the window changes before all of the session is known good."""

from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from app.controllers.commands import Commands
from app.controllers.files import Errand, OpenedFile
from app.controllers.processing import in_words
from app.features.sessions.content import Available, capture, source_of
from app.features.sessions.file import SavedSource, Session, save_session
from app.features.sessions.loading import Loaded, load, settle
from app.features.sessions.state import Recoverable, SessionState
from app.jobs import Answers, JobControl
from app.state import Activity

GATHER_MS = 150
"""Changes within this time, as those of a drag, are looked at together."""


class SessionsController(QObject):
    """Keeps `SessionState` in step with the window, and turns wishes to save and open into jobs."""

    failed = Signal(str)
    place_needed = Signal(object)
    """(Loaded): its recording is neither where it was nor beside the session; the window asks and calls `place`."""
    other_found = Signal(object, object)
    """(Loaded, OpenedFile): another recording lies there; the window asks and calls `use_other` or nothing."""
    restored = Signal(object)
    """(Loaded)."""
    save_ended = Signal(bool)
    """Whether the session is in its file now."""

    def __init__(self, commands: Commands) -> None:
        super().__init__(commands.parent)
        self._commands = commands
        self._state = commands.state
        self._sessions = commands.state.slice(SessionState)
        self._source: SavedSource | None = None
        self._job: int | None = None
        self._saves = 0
        self._begin_when_ready: partial[None] | None = None
        self._gather = QTimer(self)
        self._gather.setSingleShot(True)
        self._gather.setInterval(GATHER_MS)
        self._gather.timeout.connect(self.look)
        state = self._state
        for signal in (
            state.settings_changed, state.regions_changed, state.display_changed, state.playing_changed,
            self._sessions.part_changed,
        ):  # fmt: skip
            signal.connect(self._look_soon)
        state.frame_changed.connect(self._frame_changed)
        state.recording_changed.connect(self._recording_changed)
        state.methods_changed.connect(self._methods_loaded)

    # -- what there is to save --------------------------------------------------------------------------------------

    @Slot()
    def look(self) -> None:
        """Take down what a session saved now would hold."""
        self._gather.stop()
        source, parts = self._source, self._sessions.parts
        self._sessions.set_present(None if source is None else capture(self._state, source, parts))

    @Slot()
    def _look_soon(self) -> None:
        if not self._gather.isActive():
            self._gather.start()

    @Slot()
    def _frame_changed(self) -> None:
        """Pass over the frames of a cine: the one at which it stops counts."""
        if not self._state.playing:
            self._look_soon()

    @Slot()
    def _recording_changed(self) -> None:
        """Leave the session when its recording goes; the same one opened anew is still its recording."""
        before, self._source = self._source, source_of(self._state.recording, self._commands.files.source)
        same = before is not None and self._source is not None and before.key == self._source.key
        if self._sessions.path is not None and not same:
            self._sessions.set_file(None, None)
        self._look_soon()

    # -- saving -----------------------------------------------------------------------------------------------------

    def can_save(self) -> bool:
        """Say whether a recording from files is open."""
        return self._source is not None

    def is_saving(self) -> bool:
        """Say whether a session is being written."""
        return self._saves > 0

    def save(self, path: Path) -> None:
        """Write the session to a file, which is the session's file from then on."""
        self.look()
        session = self._sessions.present
        if session is None:
            return
        self._saves += 1
        answers = Answers(done=partial(self._saved, session, path), failed=self._save_failed)
        self._commands.jobs.sessions.submit(partial(_save, session, path), answers)

    def _saved(self, session: Session, path: Path, _nothing: None) -> None:
        self._saves -= 1
        if self._source is not None and self._source.key == session.source.key:  # not another recording meanwhile
            self._sessions.set_file(path, session)
        self._commands.preferences.add_recent((path,))
        self._state.set_notice(f"Session saved: {path.name}")
        self.save_ended.emit(True)

    def _save_failed(self, error: BaseException) -> None:
        self._saves -= 1
        self.failed.emit(in_words(error))
        self.save_ended.emit(False)

    # -- opening ----------------------------------------------------------------------------------------------------

    def open(self, path: Path) -> None:
        """Open a session file in place of what is shown."""
        self._load(path, None)

    def recover(self, entry: Recoverable) -> None:
        """Open what a crash left behind."""
        self._load(entry.path, entry)

    def is_running(self) -> bool:
        """Say whether a session is being read."""
        return self._job is not None or self._begin_when_ready is not None

    def cancel(self) -> None:
        """Stop opening; the window stays as it is."""
        if self._begin_when_ready is not None:
            self._begin_when_ready = None
            self._state.set_activity(None)
        if self._job is not None:
            self._commands.jobs.files.cancel(self._job)

    def place(self, loaded: Loaded, chosen: tuple[Path, ...]) -> None:
        """Take the user's word for where the recording is now; nothing chosen leaves the window as it is."""
        if not chosen:
            return
        answers = Answers(done=partial(self._placed, loaded), failed=self._load_failed, cancelled=self._end)
        work = partial(settle, loaded.session.source, chosen)
        self._job = self._commands.jobs.files.submit(work, answers, slot="session")

    def use_other(self, loaded: Loaded, opened: OpenedFile) -> None:
        """Open the session with another recording than its own."""
        moved = replace(loaded, moved=True)
        errand = Errand(opened.answer, _accept_any, partial(self._restore, moved))
        self._commands.files.go_on(replace(opened, errand=errand))

    def _load(self, path: Path, recovered: Recoverable | None) -> None:
        self.cancel()
        self._commands.files.cancel()
        begin = partial(self._begin, path, recovered)
        if self._state.methods:
            begin()
        else:
            self._begin_when_ready = begin

    @Slot()
    def _methods_loaded(self) -> None:
        begin, self._begin_when_ready = self._begin_when_ready, None
        if begin is not None and self._state.methods:
            QTimer.singleShot(0, self, begin)  # after the window has chosen the method that it begins with

    def _begin(self, path: Path, recovered: Recoverable | None) -> None:
        state = self._state
        available = Available(state.methods, state.strain_methods, dict(self._sessions.parts))
        known = frozenset(name for names in self._commands.preferences.recent for name in names)
        answers = Answers(done=self._loaded, failed=self._load_failed, cancelled=self._end)
        work = partial(load, path, recovered, available, known)
        self._job = self._commands.jobs.files.submit(work, answers, slot="session")
        state.set_activity(Activity(f"Opening {recovered.name if recovered else path.name}"))

    def _loaded(self, loaded: Loaded) -> None:
        self._end()
        if loaded.paths is None:
            self.place_needed.emit(loaded)
        else:
            self._open_recording(loaded, loaded.paths)

    def _placed(self, loaded: Loaded, paths: tuple[Path, ...]) -> None:
        self._end()
        self._open_recording(replace(loaded, moved=True), paths)

    def _open_recording(self, loaded: Loaded, paths: tuple[Path, ...]) -> None:
        errand = Errand(loaded.plan.answer, partial(self._accept, loaded), partial(self._restore, loaded))
        self._commands.files.open(paths, errand=errand)

    def _accept(self, loaded: Loaded, opened: OpenedFile) -> bool:
        """Hold a recording back that is not the session's own, or that the session does not fit."""
        if opened.key != loaded.session.source.key:
            self.other_found.emit(loaded, opened)
            return False
        frames = opened.recording.shape[0]
        wanted = {"frame": loaded.plan.frame, "settings.reference": loaded.plan.settings.reference}
        for name, frame in wanted.items():
            if frame >= frames:
                self.failed.emit(f"{loaded.name}: {name}: frame {frame} does not exist, there are {frames}")
                return False
        return True

    def _restore(self, loaded: Loaded) -> None:
        """Bring the window into the session's state; its recording has just been opened."""
        state, wanted = self._state, loaded.plan
        frames = 1 if state.recording is None else state.recording.frames
        reference = wanted.settings.reference if wanted.settings.reference < frames else 0
        state.set_display(wanted.display)
        state.set_settings(replace(wanted.settings, reference=reference))
        self._commands.regions.place(wanted.regions)
        self._commands.playback.show_frame(wanted.frame)
        for name, value in wanted.parts.items():
            self._sessions.parts[name].restore(value)
        if self._commands.preferences.estimate_on_open and frames > 1:
            self._commands.processing.start()
        self.look()
        self._take_file(loaded)
        self.restored.emit(loaded)

    def _take_file(self, loaded: Loaded) -> None:
        sessions = self._sessions
        if loaded.recovered is not None:
            owner = loaded.session.saved_as
            sessions.set_file(None if owner is None else Path(owner), None)
            self._state.set_notice(f"{loaded.name} was recovered: save it to keep it.")
            return
        sessions.set_file(loaded.path, None if loaded.moved else sessions.present)
        self._commands.preferences.add_recent((loaded.path,))
        more = " Save it, and it will find its recording again." if loaded.moved else ""
        self._state.set_notice(f"Session {loaded.name} opened.{more}")

    def _load_failed(self, error: BaseException) -> None:
        self._end()
        self.failed.emit(in_words(error))

    def _end(self) -> None:
        self._job = None
        self._state.set_activity(None)


def _accept_any(_opened: OpenedFile) -> bool:
    return True


def _save(session: Session, path: Path, _control: JobControl) -> None:
    save_session(session, path)
