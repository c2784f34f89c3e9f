"""One small registry for readers, estimators, strain methods, metrics, networks and panels.

A package makes a `Registry` with the names of its modules; `discover` imports them once, and a decorator in each
files its entry. A module that cannot be imported is kept with its reason, so the window can show it greyed.
"""

import threading
from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Generic, TypeVar

from engine.errors import MethodError

T = TypeVar("T")


class Registry(Generic[T]):
    """Named entries of one kind, in the order of their modules; names are unique.

    Without a tuple of modules every module of the package is asked, in alphabetical order.
    """

    def __init__(self, kind: str, package: str, modules: tuple[str, ...] | None = None) -> None:
        self.kind = kind
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
