"""Hand over what is kept of the maps, and bring it back."""

from PySide6.QtCore import QObject, QTimer, Slot

from app.controllers.commands import Commands
from app.features.maps.controller import MapsController
from app.state.kept_map import KeptMap
from app.state.kept_settings import KeptSettings
from app.state.maps import MapState
from app.state.workspace import Part, WorkspaceParts
from engine.errors import StrainscopeError


class MapKeeper(QObject):
    """Hands the choice of map over and brings it back; modulus maps are computed again once their strain is there."""

    def __init__(self, commands: Commands) -> None:
        super().__init__(commands.parent)
        self._state, self._processing = commands.state, commands.processing
        self._maps = commands.state.slice(MapState)
        self._controller = commands.part(MapsController)
        self._wanted: KeptMap | None = None
        self._settings = KeptSettings()
        self._soon = QTimer(self, singleShot=True)
        self._soon.setInterval(0)  # what has just happened is told to everybody first
        self._soon.timeout.connect(self._go_on)
        for signal in (self._maps.methods_changed, self._state.runs_changed, self._state.activity_changed):
            signal.connect(self._soon.start)
        part = Part("map", KeptMap, self.take, self.restore)
        commands.state.slice(WorkspaceParts).add(part, self._maps.kind_changed, self._maps.modulus_changed)

    def take(self) -> KeptMap:
        """Return the choice as it is."""
        maps = self._maps
        if self._wanted is not None:
            return self._wanted.model_copy(update={"kind": maps.kind})
        if maps.parameters is None:
            return KeptMap(kind=maps.kind)
        frames = tuple(sorted(maps.computed_frames() | maps.expected))
        return KeptMap(kind=maps.kind, method=maps.method, parameters=dict(maps.parameters.as_dict()), frames=frames)

    def restore(self, kept: KeptMap) -> None:
        """Bring a choice back."""
        self._wanted = kept if kept.method else None
        self._settings = self._processing.kept_settings()
        self._maps.choose(kept.kind)
        if kept.method:
            self._controller.load()
            self._go_on()
        elif self._maps.methods:
            self._controller.choose_method(self._maps.methods[0].name)

    @Slot()
    def _go_on(self) -> None:
        maps, run, state = self._maps, self._state.run, self._state
        if self._wanted is not None and maps.methods:
            self._choose(self._wanted)
        if not maps.expected or run is None or run.status != "complete" or state.activity is not None:
            return
        if self._processing.kept_settings() != self._settings:  # maps of other settings were not asked for
            maps.expect(frozenset())
            return
        frame = min(maps.expected, key=lambda frame: (frame != state.frame, frame))
        if frame in run.store:
            self._controller.compute_again(frame, self._failed)
        else:
            self._failed(f"frame {frame} has no strain")

    def _choose(self, kept: KeptMap) -> None:
        self._wanted = None
        method = next((entry for entry in self._maps.methods if entry.name == kept.method), None)
        try:
            if method is None:
                raise StrainscopeError(f"there is no elasticity method {kept.method!r} in this program")
            self._maps.set_method(method.name, method.params(**kept.parameters))
        except (StrainscopeError, TypeError) as error:
            self._failed(str(error))
            return
        self._maps.expect(frozenset(kept.frames))

    def _failed(self, words: str) -> None:
        self._maps.expect(frozenset())
        self._state.set_notice(f"The relative modulus was not computed again: {words.rstrip('.')}.")
