"""Errors a user can cause: each message is one line that says what was wrong, where, and what was found."""

from collections.abc import Iterable
from pathlib import Path

LONGEST = 600
"""Letters of a message; a damaged file may have a name or a value of many thousands."""

_UNSEEN = {
    code: f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
    for code in (*range(32), *range(127, 160), 0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
}
"""Control characters, which can change a terminal's title, colours or text that is shown already, as escapes."""


def printable(text: str, keep: str = "") -> str:
    r"""Return text from a file as it may be shown: control characters are written out, but for those to `keep`.

    >>> printable("gain\x1b[2J")
    'gain\\x1b[2J'
    """
    table = {code: seen for code, seen in _UNSEEN.items() if chr(code) not in keep} if keep else _UNSEEN
    return text.translate(table)


def one_line(text: str) -> str:
    """Return a message on one line, printable and of a length that can be read."""
    line = printable(" ".join(text.split()))
    half = LONGEST // 2
    return line if len(line) <= LONGEST else f"{line[:half]} ... {line[-half:]}"


class StrainscopeError(Exception):
    """Base of every error that the window shows in a dialog and the command line as one line with exit status 2."""

    def __str__(self) -> str:
        """Return the message on one line, with nothing in it that a terminal would act on."""
        return one_line(super().__str__())


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
