"""What is kept of a comparison: the other frame, or the settings of the other run, estimated again if need be."""

from typing import TYPE_CHECKING

from pydantic import Field
from PySide6.QtCore import QObject, QTimer, Slot

from app.controllers.commands import Commands
from app.features.comparison.state import OTHER_FRAME, CompareState
from app.state.kept_settings import KeptSettings
from app.state.workspace import Kept, Part, WorkspaceParts
from engine.errors import StrainscopeError
from engine.provenance import method_title

if TYPE_CHECKING:
    from app.state import Run


class KeptComparison(Kept):
    """Whether two maps are compared, and with which frame of the same run, or with which other settings."""

    active: bool = False
    other_frame: int = Field(default=1, ge=0)
    other: KeptSettings | None = None


class ComparisonKeeper(QObject):
    """Hands the comparison over and brings it back; its other run comes after the shown one, when nothing else runs."""

    def __init__(self, commands: Commands) -> None:
        super().__init__(commands.parent)
        self._state, self._processing = commands.state, commands.processing
        self._compare = commands.state.slice(CompareState)
        self._wanted: KeptSettings | None = None
        self._run: Run | None = None
        self._soon = QTimer(self, singleShot=True)
        self._soon.setInterval(0)  # what has just happened is told to everybody first
        self._soon.timeout.connect(self._go_on)
        for signal in (self._state.methods_changed, self._state.runs_changed, self._state.activity_changed):
            signal.connect(self._soon.start)
        part = Part("comparison", KeptComparison, self.take, self.restore)
        commands.state.slice(WorkspaceParts).add(part, self._compare.changed)

    def take(self) -> KeptComparison:
        """Return the comparison as it is."""
        compare, other = self._compare, self._compare.other_run()
        settings = self._wanted or (None if other is None else KeptSettings.of(other.settings))
        return KeptComparison(active=compare.active, other_frame=compare.other_frame, other=settings)

    def restore(self, kept: KeptComparison) -> None:
        """Bring a comparison back."""
        self._wanted, self._run = kept.other, None
        self._compare.choose(OTHER_FRAME, kept.other_frame)
        self._compare.set_active(kept.active)
        self._go_on()

    @Slot()
    def _go_on(self) -> None:
        state, shown = self._state, self._state.run
        if state.recording is None or not state.methods:
            return
        if self._wanted is not None:
            self._choose(self._wanted)
        run = self._run
        ready = shown is not None and shown.status == "complete" and state.activity is None
        if run is not None and ready:
            self._run = None
            if run.status == "waiting":
                self._processing.start_beside(run, self._failed)

    def _choose(self, wanted: KeptSettings) -> None:
        """Make the other run anew, with nothing in it yet."""
        state, self._wanted = self._state, None
        assert state.recording is not None
        lists = state.methods, state.strain_methods
        try:
            settings = wanted.settings(state.settings.method, *lists, state.recording.frames)
        except StrainscopeError as error:
            self._failed(str(error))
            return
        if settings != state.settings:
            title = next(entry.title for entry in state.methods if entry.name == settings.method)
            self._run = state.runs.get(settings) or state.add_run(
                method_title(title, settings.parameters), settings, "waiting"
            )
            self._compare.choose(self._run.number, self._compare.other_frame)

    def _failed(self, words: str) -> None:
        self._state.set_notice(f"The other run of the comparison is not there: {words.rstrip('.')}.")
