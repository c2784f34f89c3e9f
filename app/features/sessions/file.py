"""A session as a file: which recording, how it is estimated, what is drawn on it and how it is shown; no results.

The file is JSON. Nothing in it is code, nothing unknown is passed over, and whatever is wrong is one `SessionError`
that names the file and the field. `version` grows when a file can no longer be read by older programs.
"""

import json
import os
from pathlib import Path, PureWindowsPath
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, StrictBool, StrictInt, StrictStr, ValidationError

from engine.errors import StrainscopeError
from engine.files.atomic import atomic_path

EXTENSION = ".strainscope"
FORMAT: Final = "strainscope-session"
VERSION: Final = 1
MOST_BYTES = 1 << 24
"""Thousands of files of one frame each fit; nothing that is larger is a session."""
LARGEST = 2**53
"""Whole numbers up to here are exact as a float too."""

Whole = Annotated[StrictInt, Field(ge=-LARGEST, le=LARGEST)]
Index = Annotated[StrictInt, Field(ge=0, le=LARGEST)]
Value = StrictBool | Whole | FiniteFloat | StrictStr
Values = dict[str, Value]
Entry = Value | list[Value] | dict[str, Value | Values] | None
Part = dict[str, Entry]


class SessionError(StrainscopeError):
    """A session that cannot be read, written or restored."""


class _Saved(BaseModel):
    """What all parts of a session have in common: nothing unknown, nothing converted, nothing changed later."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class SavedEllipse(_Saved):
    """An ellipse: centre and semi-axes in metres, angle in degrees."""

    lateral_m: FiniteFloat
    depth_m: FiniteFloat
    semi_lateral_m: FiniteFloat = Field(gt=0)
    semi_axial_m: FiniteFloat = Field(gt=0)
    angle_deg: FiniteFloat = 0.0


class SavedSource(_Saved):
    """The files of a recording and the key that tells their content, and what the user once said about them.

    `paths` are absolute, `relative` the same as seen from the session's folder. `geometry` holds typed-in values in SI
    units, None where nothing was asked; `variable` and `axes` say how to read the files.
    """

    paths: list[str] = Field(min_length=1)
    relative: list[str] = Field(default_factory=list)
    key: str = Field(min_length=1)
    geometry: dict[str, FiniteFloat] | None = None
    variable: str | None = None
    axes: str | None = None


class SavedSettings(_Saved):
    """Everything that decides a result; parameters None are the method's defaults."""

    method: str = Field(min_length=1)
    parameters: Values | None = None
    strain_method: str = Field(min_length=1)
    strain_parameters: Values | None = None
    preparation: Values = Field(default_factory=dict)
    reference: Index = 0


class Session(_Saved):
    """All that a session file holds.

    `parts` is what single features of the window remember, under their names. `saved_as` is the file to which an
    autosaved session belongs.
    """

    format: Literal["strainscope-session"] = FORMAT
    version: Literal[1] = VERSION
    program_version: str = ""
    source: SavedSource
    settings: SavedSettings
    regions: dict[str, SavedEllipse] = Field(default_factory=dict)
    display: Values = Field(default_factory=dict)
    frame: Index = 0
    parts: dict[str, Part] = Field(default_factory=dict)
    saved_as: str | None = None


def is_session(path: Path) -> bool:
    """Say by its name whether a file is a session."""
    return path.suffix.lower() == EXTENSION


def save_session(session: Session, path: Path) -> None:
    """Write a session in one step: whatever happens, either the old file or the whole new one is there."""
    source = session.source.model_copy(update={"relative": relative_paths(session.source.paths, path.parent)})
    text = session.model_copy(update={"source": source}).model_dump_json(indent=1)
    try:
        with atomic_path(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    except StrainscopeError as error:
        raise SessionError(f"the session was not saved: {error}") from error


def load_session(path: Path) -> Session:
    """Read a session; anything wrong with the file is one SessionError that names the file and the field."""
    content = _read_json(path)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise SessionError(f"{path}: not a session: it does not say that its format is {FORMAT}")
    version = content.get("version")
    if version != VERSION or isinstance(version, bool):
        raise SessionError(f"{path}: a session of version {version!r}; this program reads version {VERSION}")
    try:
        return Session.model_validate(content)
    except ValidationError as error:
        raise SessionError(f"{path}: not a valid session: {first_problem(error)}") from error


def candidates(source: SavedSource, folder: Path, known: frozenset[str] = frozenset()) -> list[tuple[Path, ...]]:
    """List where a session's recording may lie, best first: as seen from the session's folder, then where it was.

    A path that leads to another computer's share is asked for only if the session comes from there, or if the path is
    one of those `known` to the user: looking at it would already tell that computer who looks.
    """
    found: list[tuple[Path, ...]] = []
    for names in ([str(folder / name) for name in source.relative], source.paths):
        paths = tuple(Path(os.path.abspath(name)) for name in names)
        trusted = all(share(name) in {"", share(str(folder))} or name in known for name in names)
        if paths and paths not in found and trusted and all(_is_there(path) for path in paths):
            found.append(paths)
    return found


def _is_there(path: Path) -> bool:
    """Say whether something lies there that can be read without waiting, as a pipe cannot."""
    return path.is_file() or path.is_dir()


def share(path: str) -> str:
    """Return the computer's share that a path leads to, as in `//server/share/file`; empty for one of this computer."""
    drive = PureWindowsPath(path).drive
    return drive.lower() if drive.startswith("\\\\") else ""


def relative_paths(paths: list[str], folder: Path) -> list[str]:
    """Return paths as seen from a folder; none where they lie on another drive."""
    try:
        return [Path(os.path.relpath(path, folder)).as_posix() for path in paths]
    except ValueError:
        return []


def _read_json(path: Path) -> object:
    try:
        if not path.is_file():
            raise SessionError(f"{path}: there is no such session file")
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise SessionError(f"{path}: not a session: the file is larger than {MOST_BYTES >> 20} MiB")
        parsed: object = json.loads(content.decode("utf-8"))
    except OSError as error:
        raise SessionError(f"{path}: the session cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise SessionError(f"{path}: not a session: the file is damaged, cut short, or no JSON text") from error
    return parsed


def first_problem(error: ValidationError) -> str:
    """Name the field and what is wrong with it, in one line."""
    problems = error.errors(include_url=False)
    first = problems[0]
    where = [str(part) for part in first["loc"]]
    if first["type"] == "extra_forbidden":
        return f"{'.'.join(where)} is unknown to this version of the program"
    # A value that fits none of several types is reported once for each: the names of the types say nothing.
    kept = [part for part in where if not part.startswith(("constrained-", "list[", "dict[")) and part not in _TYPES]
    if any(problem["loc"][:-1] == first["loc"][:-1] and problem["loc"] != first["loc"] for problem in problems):
        return f"{'.'.join(kept)}: {_shortened(first['input'])} is no value that can stand here"
    return f"{'.'.join(kept)}: {first['msg']}, found {_shortened(first['input'])}"


_TYPES = {"bool", "int", "float", "str", "none", "finite-float"}


def _shortened(value: object) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{text[:57]}..."
