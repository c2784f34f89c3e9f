"""One small registry for readers, estimators, strain methods, metrics, networks and panels.

A package makes a `Registry` with the names of its modules; `discover` imports them once, and a decorator in each
files its entry. A module that cannot be imported is kept with its reason, so the window can show it greyed.

Other distributions add entries by entry points of a group, `strainscope.readers` and the like: each names a module that
files entries, or a class to file. One that fails, at its import or later, is kept with its reason and harms no other.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pkgutil import iter_modules
from typing import Any, Generic, TypeVar

from engine.errors import MethodError

T = TypeVar("T")


@dataclass(frozen=True)
class Plugin:
    """An entry point of another distribution: its name, where it comes from, what it filed, and what went wrong."""

    group: str
    name: str
    source: str
    entries: tuple[str, ...] = ()
    problem: str = ""


class Registry(Generic[T]):
    """Named entries of one kind, in the order of their modules; names are unique.

    Without a tuple of modules every module of the package is asked, in alphabetical order. `plugins` is the group of
    entry points that add entries, each a `base`; they come after the package's own.
    """

    def __init__(
        self, kind: str, package: str, modules: tuple[str, ...] | None = None, *, base: type = object, plugins: str = ""
    ) -> None:
        self.kind = kind
        self._base = base
        self._group = plugins
        self._plugins: list[Plugin] = []
        self._package = package
        self._modules = modules
        self._entries: dict[str, T] = {}
        self._failures: dict[str, str] = {}
        self._discovered = False
        self._discovering = threading.RLock()

    def register(self, name: str, entry: T) -> T:
        """File `entry` under `name`; a name that is taken is a programming error."""
        if name in self._entries:
            raise ValueError(f"{self.kind} {name!r} is registered twice")
        self._entries[name] = entry
        return entry

    def entry(self, cls: type[T]) -> type[T]:
        """Decorate a class: one instance of it, made without arguments, is filed under its `name`."""
        made: Any = cls()
        self.register(made.name, made)
        return cls

    def discover(self) -> None:
        """Import the package's modules; an ImportError is recorded and does not hide the others."""
        with self._discovering:  # another thread must not take the first entries for all of them
            if self._discovered:
                return
            self._discovered = True
            if self._modules is None:
                found = iter_modules(import_module(self._package).__path__)
                self._modules = tuple(entry.name for entry in found if not entry.ispkg)
            for module in self._modules:
                try:
                    import_module(f"{self._package}.{module}")
                except ImportError as error:
                    self._failures[module] = str(error)
            self._sort(self._modules)
            for point in entry_points(group=self._group) if self._group else ():
                self._plugins.append(self._load(point))

    def _load(self, point: EntryPoint) -> Plugin:
        """Load a plug-in; what it filed before it failed is taken back."""
        before = dict(self._entries)
        told = Plugin(self._group, point.name, f"{point.dist.name} {point.dist.version}" if point.dist else point.value)
        try:
            found = point.load()
            if isinstance(found, type):
                self.entry(found)
            added = {name: entry for name, entry in self._entries.items() if name not in before}
            for name, entry in added.items():
                _require_whole(name, entry, self._base)
        except Exception as error:  # noqa: BLE001 - whatever another's code does
            self._entries.clear()
            self._entries.update(before)
            return replace(told, problem=f"{type(error).__name__}: {error}")
        return replace(told, entries=tuple(added), problem="" if added else "it files no entry")

    def plugins(self) -> tuple[Plugin, ...]:
        """Every plug-in that was found, with what it filed or why it could not."""
        self.discover()
        return tuple(self._plugins)

    def has_failed(self, name: str, error: Exception) -> bool:
        """Note that an entry of a plug-in failed in use; False for one of our own, whose error is a fault."""
        for number, plugin in enumerate(self._plugins):
            if name in plugin.entries:
                self._plugins[number] = replace(plugin, problem=f"{name}: {type(error).__name__}: {error}")
                return True
        return False

    def _sort(self, modules: tuple[str, ...]) -> None:
        """Bring the entries into the order of the modules, whichever of these was imported first."""
        place = {f"{self._package}.{module}": number for number, module in enumerate(modules)}
        entries = list(self._entries.items())
        self._entries.clear()
        self._entries.update(
            sorted(entries, key=lambda entry: place.get(getattr(entry[1], "__module__", ""), len(place)))
        )

    def get(self, name: str) -> T:
        """Return the entry, or raise a MethodError that lists what exists."""
        self.discover()
        if name not in self._entries:
            raise MethodError(f"no {self.kind} is called {name!r}; there are: {', '.join(self._entries)}")
        return self._entries[name]

    def names(self) -> tuple[str, ...]:
        """Every name, in the order of the entries."""
        self.discover()
        return tuple(self._entries)

    def failures(self) -> dict[str, str]:
        """Modules that could not be imported, each with the reason."""
        self.discover()
        return dict(self._failures)

    def __iter__(self) -> Iterator[T]:
        self.discover()
        return iter(tuple(self._entries.values()))


def _require_whole(name: str, entry: object, kind: type) -> None:
    """Refuse an entry of a plug-in that is not of its kind, or lacks what the kind declares."""
    if not isinstance(entry, kind):
        raise TypeError(f"{name} is no {kind.__name__}")
    declared = (word for base in kind.__mro__ for word in vars(base).get("__annotations__", ()))
    lacking = [word for word in declared if not word.startswith("_") and not hasattr(entry, word)]
    if lacking:
        raise TypeError(f"{name} lacks {', '.join(lacking)}")
