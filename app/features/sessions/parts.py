"""What the map, the comparison, the profile line and the layout of the images add to a session."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from functools import partial
from typing import Any, cast

from pydantic import ValidationError

from app.features.comparison.state import OTHER_FRAME, CompareState
from app.features.maps.state import MAP_TITLES, MapKind, MapState
from app.features.profile.state import ProfileState
from app.features.sessions.content import parameters_of, saved_settings
from app.features.sessions.file import Part, SavedSettings, SessionError, first_problem
from app.features.sessions.restoring import RestoringController
from app.features.sessions.state import SessionPart
from app.preferences import Preferences
from app.views.dual_view import LAYOUTS, LayoutName
from engine.elasticity.base import ELASTICITY_METHODS
from engine.errors import StrainscopeError
from engine.metrics.profile import ProfileLine
from engine.parameters import Parameters


@dataclass(frozen=True)
class MapChoice:
    """Which map is shown, how the modulus is computed, and of which frames it was; no parameters: never looked at."""

    kind: MapKind = "strain"
    method: str = ""
    parameters: Parameters | None = None
    frames: tuple[int, ...] = ()


@dataclass(frozen=True)
class CompareChoice:
    """Whether two maps are compared, and with which frame of the same run, or with which other settings."""

    active: bool = False
    frame: int = 1
    other: SavedSettings | None = None


def maps_part(maps: MapState) -> SessionPart:
    """Return the part of the map: its kind, the elasticity method with its parameters, and its frames."""
    return SessionPart(partial(_save_maps, maps), check_maps, partial(_restore_maps, maps))


def compare_part(compare: CompareState, restoring: RestoringController) -> SessionPart:
    """Return the part of the comparison; of another run it keeps the settings, with which it is estimated again."""
    return SessionPart(partial(_save_compare, compare), check_compare, partial(_restore_compare, compare, restoring))


def profile_part(profile: ProfileState) -> SessionPart:
    """Return the part of the profile line, empty without one."""
    return SessionPart(partial(_save_profile, profile), check_profile, profile.set_line)


def layout_part(preferences: Preferences, show: Callable[[LayoutName], None]) -> SessionPart:
    """Return the part of how the two images lie."""
    return SessionPart(lambda: {"images": preferences.layout}, check_layout, show)


def _save_maps(maps: MapState) -> Part:
    parameters = maps.parameters
    if parameters is None:
        return {"kind": maps.kind}
    frames = sorted(maps.computed_frames() | maps.expected)
    more: Part = {"frames": list(frames)} if frames else {}
    return {"kind": maps.kind, "method": maps.method, "parameters": dict(parameters.as_dict()), **more}


def check_maps(values: Part) -> MapChoice:
    """Read the part of the map; names an elasticity method that does not exist, or a parameter that it has not."""
    _known("map", values, ("kind", "method", "parameters", "frames"))
    kind = cast("MapKind", _one_of("map.kind", values.get("kind", "strain"), tuple(MAP_TITLES)))
    if "method" not in values:
        return MapChoice(kind)
    try:
        method = ELASTICITY_METHODS.get(str(values["method"]))
    except StrainscopeError as error:
        raise SessionError(f"map.method: {error}") from error
    parameters = parameters_of(f"parameters of {method.name}", method.Params, values.get("parameters", {}))
    frames = values.get("frames", [])
    if not isinstance(frames, list):
        raise SessionError(f"map.frames: expected a list of frames, found {frames!r}")
    return MapChoice(kind, method.name, parameters, tuple(_frame("map.frames", entry) for entry in frames))


def _restore_maps(maps: MapState, choice: MapChoice) -> None:
    if choice.method:
        maps.set_method(choice.method, choice.parameters)
        maps.expect(frozenset(choice.frames))
    maps.choose(choice.kind)


def _save_compare(compare: CompareState) -> Part:
    part: Part = {"active": compare.active and compare.other == OTHER_FRAME, "other_frame": compare.other_frame}
    other = compare.other_run()
    if compare.active and other is not None:
        part |= {"active": True, "other": saved_settings(other.settings).model_dump(exclude_none=True)}
    return part


def check_compare(values: Part) -> CompareChoice:
    """Read the part of the comparison: whether it is shown, the other frame, and the settings of another run."""
    _known("compare", values, ("active", "other_frame", "other"))
    active, other = values.get("active", False), values.get("other")
    if not isinstance(active, bool):
        raise SessionError(f"compare.active: expected true or false, found {active!r}")
    frame = _frame("compare.other_frame", values.get("other_frame", 1))
    try:
        return CompareChoice(active, frame, None if other is None else SavedSettings.model_validate(other))
    except ValidationError as error:
        raise SessionError(f"compare.other: {first_problem(error)}") from error


def _restore_compare(compare: CompareState, restoring: RestoringController, choice: CompareChoice) -> None:
    compare.choose(OTHER_FRAME, choice.frame)
    found = choice.other is None or restoring.compare_with(choice.other)
    compare.set_active(choice.active and found)


def _save_profile(profile: ProfileState) -> Part:
    return {} if profile.line is None else {name: float(value) for name, value in asdict(profile.line).items()}


def check_profile(values: Part) -> ProfileLine | None:
    """Read the ends of the profile line; all of them, or none for no line."""
    names = tuple(entry.name for entry in fields(ProfileLine))
    _known("profile", values, names)
    if not values:
        return None
    for name in names:
        if isinstance(values.get(name), bool) or not isinstance(values.get(name), int | float):
            raise SessionError(f"profile.{name}: expected a number, found {values.get(name)!r}")
    try:
        return ProfileLine(**values)  # type: ignore[arg-type]
    except StrainscopeError as error:
        raise SessionError(f"profile: {error}") from error


def check_layout(values: Part) -> LayoutName:
    """Read how the images lie."""
    _known("layout", values, ("images",))
    return cast("LayoutName", _one_of("layout.images", values.get("images", LAYOUTS[0]), LAYOUTS))


def _known(part: str, values: Part, names: tuple[str, ...]) -> None:
    for name in values:
        if name not in names:
            raise SessionError(f"{part}.{name} is unknown; known: {', '.join(names)}")


def _frame(where: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise SessionError(f"{where}: expected a frame's number, found {value!r}")
    return value


def _one_of(where: str, value: object, names: tuple[str, ...]) -> object:
    if value not in names:
        raise SessionError(f"{where}: expected one of {', '.join(names)}, found {value!r}")
    return value
