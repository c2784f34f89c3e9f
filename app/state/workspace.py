"""The workspace: all that is seen or measured of a recording, in parts that hand themselves over.

A part of the state registers once what it keeps: a name, a model (anything that pydantic reads: a frozen dataclass or
a `Kept`), and two functions that take it from the window and restore it. The model's defaults are what a recording
begins with that was never opened before. Checking is the model's work alone.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from PySide6.QtCore import QObject, Signal, SignalInstance

from app.state.viewer import ViewerState
from engine.errors import StrainscopeError

T = TypeVar("T")

PartValues = Mapping[str, Any]
"""What is kept of each part, as JSON, under the part's name."""


class WorkspaceError(StrainscopeError):
    """A workspace that cannot be read, kept or restored."""


class Kept(BaseModel):
    """Base of models made for keeping: nothing unknown is passed over, nothing changes later."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True)
class Part(Generic[T]):
    """What one part of the state keeps; `travels` says that it may be taken to another recording.

    `taste` are names of the model's values that belong to the program, and so are not kept.
    """

    name: str
    model: type[T]
    take: Callable[[], T]
    restore: Callable[[T], None]
    travels: bool = False
    taste: frozenset[str] = frozenset()

    @cached_property
    def _adapter(self) -> TypeAdapter[T]:
        return TypeAdapter(self.model)

    def dump(self) -> Any:
        """Return what is to be kept now, as JSON."""
        return self._adapter.dump_python(self.take(), mode="json", exclude=set(self.taste) or None)

    def read(self, kept: Any) -> T:
        """Check what was kept; the first thing that does not fit is a WorkspaceError that names it."""
        try:
            return self._adapter.validate_python(kept)
        except ValidationError as error:
            raise WorkspaceError(f"{self.name}.{first_problem(error)}") from error
        except StrainscopeError as error:
            raise WorkspaceError(f"{self.name}: {error}") from error


class WorkspaceParts(QObject):
    """Every part of one window."""

    changed = Signal()
    """Something that is kept may be other than before."""

    def __init__(self, state: ViewerState) -> None:
        super().__init__(state)
        self._parts: dict[str, Part[Any]] = {}

    def add(self, part: Part[Any], *changes: SignalInstance) -> None:
        """Let a part of the state be kept; `changes` are its signals that it is other than before."""
        if part.name in self._parts:
            raise ValueError(f"two parts of the workspace are called {part.name!r}")
        self._parts[part.name] = part
        for signal in changes:
            signal.connect(self.changed)

    def warm_up(self) -> None:
        """Prepare the checks of every part, which takes a while the first time; for any thread."""
        for part in tuple(self._parts.values()):
            part.read({})

    def take(self, *, travelling: bool = False) -> dict[str, Any]:
        """Return what is to be kept now, or only what another recording may take."""
        return {name: part.dump() for name, part in self._parts.items() if part.travels or not travelling}

    def travelling(self, kept: PartValues) -> dict[str, Any]:
        """Return what another recording may take of what was kept; a part that was not is as at the beginning."""
        return {name: kept.get(name, {}) for name, part in self._parts.items() if part.travels}

    def check(self, kept: PartValues) -> None:
        """Raise a WorkspaceError for the first thing that is unknown or does not fit."""
        for name, values in kept.items():
            if name not in self._parts:
                raise WorkspaceError(f"{name} is unknown to this version of the program")
            self._parts[name].read(values)

    def restore(self, kept: PartValues) -> list[str]:
        """Bring every part into the state that was kept, or into its first one; return in words what did not fit."""
        return self._restore(kept, self._parts.values())

    def apply(self, kept: PartValues) -> list[str]:
        """Bring the parts that are named into the state that was kept; return in words what did not fit."""
        return self._restore(kept, [part for name, part in self._parts.items() if name in kept])

    def _restore(self, kept: PartValues, parts: Iterable[Part[Any]]) -> list[str]:
        problems = []
        for part in parts:
            try:
                value = part.read(kept.get(part.name, {}))
            except WorkspaceError as error:
                problems.append(str(error))
                value = part.read({})
            part.restore(value)
        return problems


def first_problem(error: ValidationError) -> str:
    """Name the field and what is wrong with it, in one line."""
    first = error.errors(include_url=False)[0]
    where = ".".join(str(step) for step in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"{where} is unknown to this version of the program"
    found = " ".join(repr(first["input"]).split())
    return f"{where}: {first['msg']}, found {found if len(found) <= 60 else f'{found[:57]}...'}"
