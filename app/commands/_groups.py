"""Option groups: a dataclass is declared once, and a command that takes it as a parameter has an option a field.

Commands that open recordings, draw figures or measure under regions share their groups; a group of `Parameters` is also
what the window's forms are made of.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import wraps
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import typer

from engine.errors import ParameterError
from engine.parameters import ParameterInfo, Parameters

FLAGS = {
    "quantity": "sign",
    "persistence": "average",
    "dynamic_range_db": "dynamic-range",
    "gain_db": "gain",
    "depth_gain_db": "depth-gain",
    "quality_threshold": "quality",
    "bmode_frame": "bmode-of",
    "font_size_pt": "font-size",
    "rate_hz": "rate",
}
"""Options that are not called as their field is."""


@dataclass(frozen=True)
class Fields:
    """Marks a group of which a command offers some fields only: `Annotated[Group, Fields("a", "b")]`."""

    names: tuple[str, ...]

    def __init__(self, *names: str) -> None:
        object.__setattr__(self, "names", names)


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command an option for each field of the dataclasses among its parameters."""
    signature = inspect.signature(command)
    groups: dict[str, tuple[type, dict[str, inspect.Parameter]]] = {}
    shown: list[inspect.Parameter] = []
    for entry in signature.parameters.values():
        kind, only = _group(entry.annotation)
        if kind is None:
            shown.append(entry.replace(kind=inspect.Parameter.KEYWORD_ONLY))
            continue
        options = {name: option for name, option in _options(kind).items() if not only or name in only}
        groups[entry.name] = kind, options
        shown += options.values()

    @wraps(command)
    def run(**values: Any) -> None:
        for name, (kind, options) in groups.items():
            values[name] = _build(kind, {field: values.pop(field) for field in options})
        command(**values)

    run.__signature__ = signature.replace(parameters=shown)  # type: ignore[attr-defined]
    run.__annotations__ = {entry.name: entry.annotation for entry in shown} | {"return": None}
    return run


def flag_of(name: str) -> str:
    """Return how the option of a field is written."""
    return f"--{FLAGS.get(name, name.replace('_', '-'))}"


def _group(annotation: Any) -> tuple[type | None, tuple[str, ...]]:
    """Return the dataclass that an annotation names, if it does, and the fields that are wanted of it."""
    kind = get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
    if not (isinstance(kind, type) and is_dataclass(kind)):
        return None, ()
    only = (entry for entry in get_args(annotation)[1:] if isinstance(entry, Fields))
    return kind, next(only, Fields()).names


def _options(kind: type) -> Mapping[str, inspect.Parameter]:
    if issubclass(kind, Parameters):
        return {info.name: _of_parameter(info) for info in kind.describe()}
    hints = get_type_hints(kind, include_extras=True)
    declared = fields(kind)  # type: ignore[arg-type]
    return {entry.name: _parameter(entry.name, hints[entry.name], entry.default) for entry in declared}


def _of_parameter(info: ParameterInfo) -> inspect.Parameter:
    flag = flag_of(info.name)
    if info.kind is bool:
        option = typer.Option(f"{flag}/--no-{flag[2:]}" if info.default else flag, help=f"{info.help}.")
    elif info.choices:
        option = typer.Option(flag, metavar="|".join(info.choices), help=f"{info.help}.")
    else:
        option = typer.Option(flag, metavar=info.unit.upper() or None, help=f"{info.help}.")
    return _parameter(info.name, Annotated[info.kind, option], info.default)


def _parameter(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _build(kind: type, values: dict[str, Any]) -> Any:
    """Make the group; what it refuses is said of the option."""
    try:
        return kind(**values)
    except ParameterError as error:
        text = str(error)
        for name in values:
            text = text.replace(f"{kind.__name__}.{name}:", f"{flag_of(name)}:")
        raise ParameterError(text) from None
