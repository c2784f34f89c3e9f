"""Parameters of an algorithm: a frozen dataclass whose field metadata (unit, range, help) makes form and checks.

>>> from dataclasses import dataclass
>>> @dataclass(frozen=True)
... class Window(Parameters):
...     window_m: float = parameter(2e-3, unit="m", minimum=0.5e-3, maximum=10e-3, help="Axial window")
>>> Window.from_text({"window_m": "0.003"})
Window(window_m=0.003)
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from typing import Any, Literal, Self, cast, get_args, get_origin, get_type_hints

from engine.errors import ParameterError

Scalar = bool | int | float | str

LARGEST = 2**63 - 1
"""A number beyond the range of the libraries' own counts: no parameter comes near it."""


def parameter(
    default: Scalar,
    *,
    help: str,  # noqa: A002
    unit: str = "",
    minimum: float | None = None,
    maximum: float | None = None,
    label: str = "",
    words: Mapping[str, str] | None = None,
    step: float = 0.0,
    last: bool = False,
) -> Any:
    """Declare one field of a parameter dataclass with its unit, its closed range and one sentence of help.

    A form makes its words of the field's name unless `label` gives others; `words` are those of the choices, or of a
    number that has a meaning of its own. A number with a `step` is set by a slider. A field that is `last` is listed
    behind those of the classes that inherit it.
    """
    words = dict(words or {})
    entries = {"unit": unit, "minimum": minimum, "maximum": maximum, "help": help}
    return field(default=default, metadata={**entries, "label": label, "words": words, "step": step, "last": last})


@dataclass(frozen=True)
class ParameterInfo:
    """What a form or a listing needs to know of one parameter; `choices` is empty unless the type is a Literal."""

    name: str
    kind: type
    default: Scalar
    unit: str
    minimum: float | None
    maximum: float | None
    choices: tuple[str, ...]
    help: str
    label: str
    words: Mapping[str, str]
    step: float


@dataclass(frozen=True)
class Parameters:
    """Base of every parameter dataclass: values are checked on construction."""

    def __post_init__(self) -> None:
        for info in self.describe():
            _check(type(self).__name__, info, getattr(self, info.name))

    @classmethod
    @cache
    def describe(cls) -> tuple[ParameterInfo, ...]:
        """List the parameters in the order of their declaration, those that are last at the end."""
        hints = get_type_hints(cls)
        return tuple(
            ParameterInfo(
                name=entry.name,
                kind=str if get_origin(hints[entry.name]) is Literal else hints[entry.name],
                default=cast("Scalar", entry.default),
                unit=entry.metadata.get("unit", ""),
                minimum=entry.metadata.get("minimum"),
                maximum=entry.metadata.get("maximum"),
                choices=get_args(hints[entry.name]) if get_origin(hints[entry.name]) is Literal else (),
                help=entry.metadata.get("help", ""),
                label=entry.metadata.get("label", ""),
                words=entry.metadata.get("words", {}),
                step=entry.metadata.get("step", 0.0),
            )
            for entry in sorted(fields(cls), key=lambda entry: bool(entry.metadata.get("last")))
        )

    @classmethod
    def from_text(cls, settings: Mapping[str, object], prefix: str = "") -> Self:
        """Build from values or their text; what is unknown, no such value or out of range is a ParameterError.

        It names the parameter as who gave it does, with a `prefix` such as `strain.`.
        """
        infos = {info.name: info for info in cls.describe()}
        unknown = sorted(set(settings) - set(infos))
        if unknown:
            known = ", ".join(infos) or "none"
            named = ", ".join(f"{prefix}{name}" for name in unknown)
            raise ParameterError(f"unknown parameter {named}; known: {known}")
        try:
            return cls(**{name: _parse(infos[name], str(value)) for name, value in settings.items()})
        except ParameterError as error:
            raise ParameterError(prefix + str(error).removeprefix(f"{cls.__name__}.")) from None

    def as_dict(self) -> dict[str, Scalar]:
        """Return the values as plain JSON-ready scalars."""
        return asdict(self)


def _parse(info: ParameterInfo, text: str) -> Scalar:
    if info.kind is bool:
        if text.lower() not in {"true", "false", "1", "0", "yes", "no", "on", "off"}:
            raise ParameterError(f"{info.name}: expected true or false, found {text!r}")
        return text.lower() in {"true", "1", "yes", "on"}
    try:
        return cast("Scalar", info.kind(text))
    except ValueError:
        raise ParameterError(f"{info.name}: expected {info.kind.__name__}, found {text!r}") from None


def _check(owner: str, info: ParameterInfo, value: Scalar) -> None:
    where = f"{owner}.{info.name}"
    if info.choices:
        if value not in info.choices:
            raise ParameterError(f"{where}: expected one of {', '.join(info.choices)}, found {value!r}")
        return
    accepted = (int, float) if info.kind is float else (info.kind,)
    if not isinstance(value, accepted) or (isinstance(value, bool) and info.kind is not bool):
        raise ParameterError(f"{where}: expected {info.kind.__name__}, found {value!r}")
    if isinstance(value, int | float) and not isinstance(value, bool):
        if abs(value) > LARGEST or not math.isfinite(value):
            raise ParameterError(f"{where}: expected a finite number below {LARGEST:g}, found {str(value)[:40]}")
        if (info.minimum is not None and value < info.minimum) or (info.maximum is not None and value > info.maximum):
            raise ParameterError(f"{where}: {value} is outside {info.minimum} to {info.maximum} {info.unit}".rstrip())
