"""Between the window and a session: what a session saved now holds, and what a session read from a file asks for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from app.controllers.files import OpenedFile
from app.features.adapting.controller import adapted_folder
from app.features.opening.geometry_memory import GeometryAnswer
from app.features.sessions.file import (
    Part,
    SavedEllipse,
    SavedSettings,
    SavedSource,
    Session,
    SessionError,
    Value,
    share,
)
from app.features.sessions.state import SessionPart
from app.state import Display, MethodInfo, OpenRecording, Regions, StrainMethodInfo, ViewerState
from app.state.raster import COLORMAPS
from engine import __version__
from engine.errors import StrainscopeError
from engine.parameters import Parameters
from engine.pipeline import Preparation, Settings
from engine.readers.base import ReadOptions
from engine.types import Ellipse, geometry_fields

Kind = TypeVar("Kind", bound=Parameters)


@dataclass(frozen=True)
class Available:
    """What a session may name: estimators, strain filters, and the parts that features add."""

    methods: Sequence[MethodInfo]
    strain_methods: Sequence[StrainMethodInfo]
    parts: Mapping[str, SessionPart]


@dataclass(frozen=True)
class Plan:
    """What a session asks for, checked as far as it can be without its recording."""

    answer: GeometryAnswer | None
    settings: Settings
    regions: Regions
    display: Display
    frame: int
    parts: Mapping[str, Any]


def source_of(recording: OpenRecording | None, opened: OpenedFile | None) -> SavedSource | None:
    """Return where the open recording comes from; None where no file says so, or none whose name can be written."""
    if recording is None or opened is None or opened.key != recording.key or not recording.sequence.paths:
        return None
    answer, paths = opened.answer, [str(path.absolute()) for path in recording.sequence.paths]
    if not all(_is_text(path) for path in paths):
        return None
    return SavedSource(
        paths=paths,
        key=opened.key,
        geometry=None if answer is None else {name: float(value) for name, value in answer.values.items()},
        variable=None if answer is None else answer.options.variable,
        axes=None if answer is None else answer.options.axes,
    )


def capture(state: ViewerState, source: SavedSource, parts: Mapping[str, SessionPart]) -> Session:
    """Return what a session saved now holds."""
    return Session(
        program_version=__version__,
        source=source,
        settings=saved_settings(state.settings),
        regions=_saved_regions(state.regions),
        display=dict(state.display.as_dict()),
        frame=state.frame,
        parts={name: dict(part.save()) for name, part in parts.items()},
    )


def plan(session: Session, available: Available) -> Plan:
    """Check everything that a session asks for; the first thing that cannot be had is a StrainscopeError."""
    return Plan(
        answer=_answer(session.source),
        settings=settings_of(session.settings, available),
        regions=_regions(session.regions),
        display=_display(session.display),
        frame=session.frame,
        parts=_parts(session.parts, available.parts),
    )


def parameters_of(where: str, kind: type[Kind], values: object) -> Kind | None:
    """Build parameters from what a part of a session holds for them; None stays None."""
    if values is None:
        return None
    if not isinstance(values, dict):
        raise SessionError(f"{where}: expected names with values, found {values!r}")
    return _build(where, kind, values)


def _is_text(path: str) -> bool:
    """Say whether a file's name is text; systems allow names that are none."""
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def saved_settings(settings: Settings) -> SavedSettings:
    """Return what a session keeps of settings."""
    return SavedSettings(
        method=settings.method,
        parameters=_values(settings.parameters),
        strain_method=settings.strain_method,
        strain_parameters=_values(settings.strain_parameters),
        preparation=dict(settings.preparation.as_dict()),
        reference=settings.reference,
    )


def _values(parameters: Parameters | None) -> dict[str, Value] | None:
    return None if parameters is None else dict(parameters.as_dict())


def _saved_regions(regions: Regions) -> dict[str, SavedEllipse]:
    drawn = {entry.name: getattr(regions, entry.name) for entry in fields(Regions)}
    return {
        name: SavedEllipse(**{entry.name: float(getattr(ellipse, entry.name)) for entry in fields(Ellipse)})
        for name, ellipse in drawn.items()
        if isinstance(ellipse, Ellipse)
    }


def _answer(source: SavedSource) -> GeometryAnswer | None:
    if source.geometry is None:
        return None
    for name, value in source.geometry.items():
        if name not in geometry_fields():
            raise SessionError(f"geometry.{name} is unknown; known: {', '.join(geometry_fields())}")
        if value <= 0 and name != "start_depth_m":
            raise SessionError(f"geometry.{name} must be a positive number, found {value:g}")
    return GeometryAnswer(dict(source.geometry), ReadOptions(source.variable, source.axes), agreed=True)


def _display(saved: Mapping[str, Value]) -> Display:
    display = _build("display", Display, saved)
    if display.colormap not in COLORMAPS:
        raise SessionError(f"display.colormap: expected one of {', '.join(COLORMAPS)}, found {display.colormap!r}")
    return display


def settings_of(saved: SavedSettings, available: Available) -> Settings:
    """Check saved settings against what can run here; the first thing that cannot be had is a StrainscopeError."""
    method = _find("method", saved.method, available.methods)
    strain_method = _find("strain filter", saved.strain_method, available.strain_methods)
    parameters = _build(f"parameters of {method.name}", method.params, saved.parameters or {})
    weights = str(getattr(parameters, "weights", ""))
    if share(weights) and not Path(weights).is_relative_to(adapted_folder()):
        raise SessionError(f"the weights {weights} lie on another computer, where no session may reach")
    return Settings(
        method=method.name,
        parameters=parameters,
        reference=saved.reference,
        preparation=_build("preparation", Preparation, saved.preparation),
        strain_method=strain_method.name,
        strain_parameters=_build(
            f"parameters of {strain_method.name}", strain_method.params, saved.strain_parameters or {}
        ),
    )


Info = TypeVar("Info", MethodInfo, StrainMethodInfo)


def _find(what: str, name: str, known: Sequence[Info]) -> Info:
    found = next((entry for entry in known if entry.name == name), None)
    if found is None:
        names = ", ".join(entry.name for entry in known)
        raise SessionError(f"there is no {what} {name!r} in this program; there are: {names}")
    if found.unavailable:
        raise SessionError(f"the {what} {name} cannot run here: {found.unavailable}")
    return found


def _regions(saved: Mapping[str, SavedEllipse]) -> Regions:
    known = [entry.name for entry in fields(Regions)]
    for name in saved:
        if name not in known:
            raise SessionError(f"regions.{name} is unknown; known: {', '.join(known)}")
    return Regions(**{name: Ellipse(**entry.model_dump()) for name, entry in saved.items()})


def _parts(saved: Mapping[str, Part], known: Mapping[str, SessionPart]) -> dict[str, Any]:
    for name in saved:
        if name not in known:
            raise SessionError(f"parts.{name} is unknown to this version of the program")
    return {name: part.check(saved.get(name, {})) for name, part in known.items()}


def _build(where: str, kind: type[Kind], values: Mapping[str, Any]) -> Kind:
    names = [info.name for info in kind.describe()]
    for name in values:
        if name not in names:
            raise SessionError(f"{where}: {name!r} is unknown; known: {', '.join(names) or 'none'}")
    try:
        return kind(**values)
    except StrainscopeError as error:
        raise SessionError(f"{where}: {error}") from error
