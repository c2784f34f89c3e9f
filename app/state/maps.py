"""Which map of `engine.maps` lies beside the B-mode, and every relative modulus that was computed."""

from dataclasses import dataclass, replace

from PySide6.QtCore import QObject, Signal, Slot

from app.state.viewer import ViewerState
from engine.elasticity.base import RelativeModulus, modulus_ratio, normalised
from engine.errors import ParameterError
from engine.maps.base import LACKS, MAPS, StrainMap
from engine.metrics.base import Measurement
from engine.parameters import Parameters
from engine.quantity import AXIAL_STRAIN, QUANTITIES, Quantity
from engine.strain.quality_mask import visible
from engine.types import Ellipse, Map

NOT_COMPUTED = "Relative modulus was not computed for this frame yet."

STILL_TO_COME = "Relative modulus of this frame is computed again once its strain is there."

NO_RATIO = Measurement("modulus_ratio", float("nan"), reason="Compute the relative modulus first (Ctrl+M)")


@dataclass(frozen=True)
class ShownMap:
    """A map other than axial strain, of one frame of one run; `kind` is its name in `MAPS`.

    `values` (H, W) are as stored, `shown` is what is shown, on the screen's grid. `range` holds nearly all stored
    values, None where there are none.
    """

    kind: str
    run: int
    frame: int
    values: Map
    shown: Map
    range: tuple[float, float] | None
    removed: str = ""
    """The rigid motion that was removed, in words."""

    @property
    def entry(self) -> StrainMap:
        """All that is said of the map."""
        return MAPS.get(self.kind)


@dataclass(frozen=True)
class ModulusMethod:
    """An elasticity method as the list shows it."""

    name: str
    title: str
    params: type[Parameters]


@dataclass(frozen=True)
class ModulusKey:
    """What a modulus map belongs to."""

    run: int
    frame: int
    method: str
    parameters: Parameters


class MapState(QObject):
    """The chosen map, the map that is there, and every modulus map of the open recording."""

    kind_changed = Signal()
    map_changed = Signal()
    modulus_changed = Signal()
    methods_changed = Signal()

    def __init__(self, state: ViewerState) -> None:
        super().__init__(state)
        self._state = state
        self.kind = AXIAL_STRAIN
        self.map: ShownMap | None = None
        self.methods: tuple[ModulusMethod, ...] = ()
        self.method = "gauss-newton"
        self.parameters: Parameters | None = None
        self.progress = ""
        self.expected: frozenset[int] = frozenset()
        """Frames whose modulus map is to be computed again, as a workspace asks."""
        self._moduli: dict[ModulusKey, RelativeModulus] = {}
        # What was made last of a map and a region: panels and actions ask for it many times over.
        self._relative: tuple[RelativeModulus, Ellipse, RelativeModulus | None] | None = None
        self._ratio: tuple[RelativeModulus, Ellipse | None, Measurement] | None = None
        for signal in (self.modulus_changed, state.regions_changed, state.frame_changed, state.runs_changed):
            signal.connect(self._tell_ratio)
        self._tell_ratio()

    def choose(self, kind: str) -> None:
        """Choose the map."""
        if kind != self.kind:
            self.kind = kind
            self.kind_changed.emit()

    def set_map(self, shown: ShownMap | None) -> None:
        """Set the map that is there."""
        if shown is not self.map:
            self.map = shown
            self.map_changed.emit()

    @property
    def drawn(self) -> str:
        """Return the name of the map that is drawn: axial strain where the chosen one cannot be."""
        return AXIAL_STRAIN if self.unavailable(self.kind) else self.kind

    def measured(self) -> tuple[Map | None, Quantity]:
        """Return the drawn map as numbers and curves are made of it, and as what; None before it is there."""
        picture, drawn, display = self._state.picture, self.drawn, self._state.display
        quantity = QUANTITIES[display.quantity] if drawn == AXIAL_STRAIN else MAPS.get(drawn).quantity
        if picture is None:
            return None, quantity
        made, values = self.map, picture.strain
        if drawn != AXIAL_STRAIN:
            here = made is not None and (made.kind, made.run, made.frame) == (drawn, picture.run, picture.frame)
            values = made.values if made is not None and here else None
        return None if values is None else visible(values, picture.quality, display.measured_above), quantity

    def set_methods(self, methods: tuple[ModulusMethod, ...]) -> None:
        """Set the list of elasticity methods."""
        self.methods = methods
        self.methods_changed.emit()

    def set_method(self, method: str, parameters: Parameters | None) -> None:
        """Choose how the modulus is computed."""
        if (method, parameters) != (self.method, self.parameters):
            self.expected = frozenset()
        self.method, self.parameters = method, parameters
        self.modulus_changed.emit()

    def set_progress(self, words: str) -> None:
        """Say how far a modulus map is."""
        if words != self.progress:
            self.progress = words
            self.modulus_changed.emit()

    def add_modulus(self, key: ModulusKey, modulus: RelativeModulus) -> None:
        """Keep a modulus map."""
        self._moduli[key] = modulus
        self.expected -= {key.frame}
        self.modulus_changed.emit()

    def forget_moduli(self) -> None:
        """Drop all modulus maps: they belong to a recording that is gone."""
        self._moduli.clear()
        self.expected = frozenset()
        self._relative = self._ratio = None
        self.progress = ""
        self.modulus_changed.emit()

    def __contains__(self, key: ModulusKey) -> bool:
        return key in self._moduli

    def expect(self, frames: frozenset[int]) -> None:
        """Say of which frames modulus maps are still to come."""
        if frames != self.expected:
            self.expected = frames
            self.modulus_changed.emit()

    def computed_frames(self) -> frozenset[int]:
        """Return the frames of the shown run that have a modulus map under the present method and parameters."""
        key = self.modulus_key
        if key is None:
            return frozenset()
        return frozenset(entry.frame for entry in self._moduli if replace(entry, frame=key.frame) == key)

    @property
    def modulus_key(self) -> ModulusKey | None:
        """What a modulus map of the shown frame would belong to."""
        run = self._state.run
        if run is None or self.parameters is None:
            return None
        return ModulusKey(run.number, self._state.frame, self.method, self.parameters)

    def modulus_of(self, run: int, frame: int) -> Map | None:
        """Return the modulus map of any frame under the present method and background; None where there is none."""
        key, reference = self.modulus_key, self._state.regions.background
        found = None if key is None else self._moduli.get(replace(key, run=run, frame=frame))
        made = None if found is None or reference is None else _relative_to(found, reference)
        return None if made is None else made.relative

    @property
    def modulus(self) -> RelativeModulus | None:
        """Modulus map of the shown frame, relative to the background as it lies now; None without map or background."""
        key, reference = self.modulus_key, self._state.regions.background
        found = None if key is None else self._moduli.get(key)
        if found is None or reference is None:
            return None
        if self._relative is None or self._relative[0] is not found or self._relative[1] != reference:
            self._relative = (found, reference, _relative_to(found, reference))
        return self._relative[2]

    def ratio(self) -> Measurement | None:
        """Modulus ratio of target and background in the shown frame; None before a map is there."""
        modulus, target = self.modulus, self._state.regions.target
        if modulus is None:
            return None
        if self._ratio is None or self._ratio[0] is not modulus or self._ratio[1] != target:
            self._ratio = (modulus, target, modulus_ratio(modulus, target))
        return self._ratio[2]

    @Slot()
    def _tell_ratio(self) -> None:
        self._state.set_other_measurement(self.ratio() or NO_RATIO)

    def unavailable(self, kind: str) -> str:
        """Say why a map cannot be shown, or nothing."""
        state, needs = self._state, MAPS.get(kind).needs
        if kind == AXIAL_STRAIN:
            return ""
        if state.run is None:
            return "Estimate strain first."
        if "sigma" in needs and state.frame in state.run.store and not state.run.store.summary(state.frame).has_sigma:
            return _sentence(LACKS["sigma"])
        if "modulus" in needs and self.modulus is None:
            return STILL_TO_COME if state.frame in self.expected else NOT_COMPUTED
        settings = state.run.settings
        if "true" in needs and (
            state.recording is None
            or state.recording.sequence.truth is None
            or settings.reference != 0
            or not settings.pairs.one_reference
        ):
            return _sentence(LACKS["true"])
        return ""


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."


def _relative_to(found: RelativeModulus, reference: Ellipse) -> RelativeModulus | None:
    """Return the map relative to a background, or None where that holds no pixel of it."""
    try:
        relative = normalised(found.relative, reference, found.geometry)
    except ParameterError:
        return None
    return replace(found, relative=relative)
