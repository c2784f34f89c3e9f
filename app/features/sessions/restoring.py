"""Compute again, in the background, what a session showed beside strain: relative modulus and a second method.

A session holds no results. Its own strain is estimated first; when that is there, the frames that had a modulus map
get it again, the shown one first, and then the run that it was compared with is estimated. What cannot be had is said
in one notice, and Cancel stops the rest.
"""

from dataclasses import replace

from PySide6.QtCore import QObject, QTimer, Slot

from app.controllers.commands import Commands
from app.controllers.processing import run_title
from app.features.comparison.state import CompareState
from app.features.maps.controller import MapsController
from app.features.maps.state import MapState
from app.features.sessions.content import Available, settings_of
from app.features.sessions.controller import SessionsController
from app.features.sessions.file import SavedSettings
from app.features.sessions.loading import Loaded
from app.state import Run
from engine.errors import StrainscopeError

MODULUS = "the relative modulus"


class RestoringController(QObject):
    """Waits until the engine has nothing to do, and then gives it what is still missing, one after the other."""

    def __init__(self, commands: Commands) -> None:
        super().__init__(commands.parent)
        self._commands = commands
        self._state = commands.state
        self._maps = commands.state.slice(MapState)
        self._compare = commands.state.slice(CompareState)
        self._other: Run | None = None
        self._problem = ""
        self._stopped = self._no_modulus = False
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)  # what the run that has just ended has to say comes first
        self._soon.timeout.connect(self._go_on)
        state = self._state
        for signal in (state.runs_changed, state.activity_changed):
            signal.connect(self._soon.start)
        state.recording_changed.connect(self._forget)
        state.settings_changed.connect(self._settings_changed)
        commands.part(SessionsController).restored.connect(self._restored)

    def compare_with(self, saved: SavedSettings) -> bool:
        """Choose a run of these settings as the other map, to be estimated; False where it cannot be."""
        state = self._state
        try:
            settings = settings_of(saved, Available(state.methods, state.strain_methods, {}))
        except StrainscopeError as error:
            self._problem = str(error)
            return False
        if state.recording is None or settings.reference >= state.recording.frames:
            settings = replace(settings, reference=0)
        if state.recording is None or settings == state.settings:
            return False
        title = next(entry.title for entry in state.methods if entry.name == settings.method)
        self._other = state.add_run(run_title(title, settings.parameters), settings, "waiting")
        self._compare.choose(self._other.number, self._compare.other_frame)
        return True

    def is_running(self) -> bool:
        """Say whether something is being computed again; the controllers that do it say so themselves."""
        return False

    def cancel(self) -> None:
        """Let what is still missing be, and say so."""
        missing = self._missing()
        if missing and not self._stopped:
            self._stop()
            self._state.set_notice(f"Not computed again: {' and '.join(missing)}.")

    def _missing(self) -> list[str]:
        other = self._other
        words = [MODULUS] if self._maps.expected and not self._no_modulus else []
        return words if other is None else [*words, f"the comparison with {other.title}"]

    @Slot()
    def _go_on(self) -> None:
        state, run = self._state, self._state.run
        ready = run is not None and run.status == "complete" and state.activity is None
        if self._stopped or not ready or run is None:
            return
        if self._maps.expected and not self._no_modulus:
            self._compute_modulus(run)
        elif self._other is not None:
            self._estimate_other(self._other)

    def _compute_modulus(self, run: Run) -> None:
        frame = min(self._maps.expected, key=lambda frame: (frame != self._state.frame, frame))
        if frame in run.store:
            self._commands.part(MapsController).compute_again(frame, self._modulus_failed)
        else:
            self._modulus_failed(f"frame {frame} has no strain")

    def _estimate_other(self, other: Run) -> None:
        wanted = other in self._state.runs.values() and other.number == self._compare.other
        if other.status == "complete" or not wanted:
            self._other = None
        else:
            self._commands.processing.start_beside(other, self._other_failed)

    def _modulus_failed(self, words: str) -> None:
        self._no_modulus = True
        self._tell("The relative modulus was not computed again", words)
        self._soon.start()

    def _other_failed(self, words: str) -> None:
        if self._other is not None:
            self._tell(f"The comparison with {self._other.title} was not restored", words)
        self._other = None

    def _tell(self, what: str, why: str) -> None:
        self._state.set_notice(f"{what}: {why.rstrip('.')}.")

    def _stop(self) -> None:
        self._stopped = True
        if self._other is not None and self._other.status == "waiting":
            self._state.set_run_status(self._other, "cancelled")

    @Slot(object)
    def _restored(self, loaded: Loaded) -> None:
        problem, self._problem = self._problem, ""
        if problem:
            self._tell(f"Session {loaded.name} opened, but not its comparison", problem)

    @Slot()
    def _settings_changed(self) -> None:
        """Leave modulus maps of other settings alone."""
        self._maps.expect(frozenset())

    @Slot()
    def _forget(self) -> None:
        self._other, self._problem = None, ""
        self._stopped = self._no_modulus = False
