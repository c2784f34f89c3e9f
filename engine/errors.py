"""Errors a user can cause: each message is one line that says what was wrong, where, and what was found."""

from collections.abc import Iterable
from pathlib import Path


class StrainscopeError(Exception):
    """Base of every error that the window shows in a dialog and the command line as one line with exit status 2."""


class ReadError(StrainscopeError):
    """A file that cannot be read as an RF recording or result: names the file and what was found in it."""

    def __init__(self, path: Path | str, problem: str) -> None:
        super().__init__(f"{Path(path).name or path}: {problem}")
        self.path = Path(path)
        self.problem = problem

    def __reduce__(self) -> tuple[type["ReadError"], tuple[Path, str]]:
        """Survive the trip between processes: the constructor takes two arguments, the message is one."""
        return ReadError, (self.path, self.problem)


class WriteError(StrainscopeError):
    """A file that cannot be written: the target is left as it was."""


class MissingGeometryError(StrainscopeError):
    """Geometry that neither the file nor the user gives and that may not be assumed."""

    def __init__(self, name: str, fields: Iterable[str]) -> None:
        self.name = name
        self.fields = tuple(fields)
        options = ", ".join(f"--{field.replace('_', '-')}" for field in self.fields)
        super().__init__(f"{name} does not say {', '.join(self.fields)}: give {options}")

    def __reduce__(self) -> tuple[type["MissingGeometryError"], tuple[str, tuple[str, ...]]]:
        """Survive the trip between processes."""
        return MissingGeometryError, (self.name, self.fields)


class ParameterError(StrainscopeError):
    """A parameter outside its range, of the wrong type or unknown."""


class MethodError(StrainscopeError):
    """A method that does not exist or cannot run, with the reason (no weights, module missing, input too small)."""


class WeightsError(StrainscopeError):
    """Weights that are absent, damaged or of another architecture."""


class CancelledError(StrainscopeError):
    """The user cancelled: nothing is shown and nothing is kept."""
