"""What the map, the comparison, the profile line and the layout of the images add to a session."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from functools import partial
from typing import cast

from app.preferences import Preferences
from app.session_content import parameters_of
from app.session_file import Part, SessionError
from app.state.comparison import OTHER_FRAME, CompareState
from app.state.maps import MAP_TITLES, MapKind, MapState
from app.state.profile import ProfileState
from app.state.sessions import SessionPart
from app.views.dual_view import LAYOUTS, LayoutName
from engine.elasticity.base import ELASTICITY_METHODS
from engine.errors import StrainscopeError
from engine.metrics.profile import ProfileLine
from engine.parameters import Parameters


@dataclass(frozen=True)
class MapChoice:
    """Which map is shown, and how the modulus is computed; without parameters that was never looked at."""

    kind: MapKind = "strain"
    method: str = ""
    parameters: Parameters | None = None


def maps_part(maps: MapState) -> SessionPart:
    """Return the part of the map: its kind, and the elasticity method with its parameters."""
    return SessionPart(partial(_save_maps, maps), check_maps, partial(_restore_maps, maps))


def compare_part(compare: CompareState) -> SessionPart:
    """Return the part of the comparison with another frame; other runs are results, which no session holds."""
    return SessionPart(partial(_save_compare, compare), check_compare, partial(_restore_compare, compare))


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
    return {"kind": maps.kind, "method": maps.method, "parameters": dict(parameters.as_dict())}


def check_maps(values: Part) -> MapChoice:
    """Read the part of the map; names an elasticity method that does not exist, or a parameter that it has not."""
    _known("map", values, ("kind", "method", "parameters"))
    kind = cast("MapKind", _one_of("map.kind", values.get("kind", "strain"), tuple(MAP_TITLES)))
    if "method" not in values:
        return MapChoice(kind)
    try:
        method = ELASTICITY_METHODS.get(str(values["method"]))
    except StrainscopeError as error:
        raise SessionError(f"map.method: {error}") from error
    parameters = parameters_of(f"parameters of {method.name}", method.Params, values.get("parameters", {}))
    return MapChoice(kind, method.name, parameters)


def _restore_maps(maps: MapState, choice: MapChoice) -> None:
    if choice.method:
        maps.set_method(choice.method, choice.parameters)
    maps.choose(choice.kind)


def _save_compare(compare: CompareState) -> Part:
    return {"active": compare.active and compare.other == OTHER_FRAME, "other_frame": compare.other_frame}


def check_compare(values: Part) -> tuple[bool, int]:
    """Read the part of the comparison: whether it is shown, and the other frame."""
    _known("compare", values, ("active", "other_frame"))
    active, frame = values.get("active", False), values.get("other_frame", 1)
    if not isinstance(active, bool):
        raise SessionError(f"compare.active: expected true or false, found {active!r}")
    if isinstance(frame, bool) or not isinstance(frame, int) or frame < 0:
        raise SessionError(f"compare.other_frame: expected a frame's number, found {frame!r}")
    return active, frame


def _restore_compare(compare: CompareState, chosen: tuple[bool, int]) -> None:
    active, frame = chosen
    compare.choose(OTHER_FRAME, frame)
    compare.set_active(active)


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


def _one_of(where: str, value: object, names: tuple[str, ...]) -> object:
    if value not in names:
        raise SessionError(f"{where}: expected one of {', '.join(names)}, found {value!r}")
    return value
