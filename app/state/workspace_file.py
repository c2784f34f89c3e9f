"""A workspace as a file: which recording, what was said about it, and what each part of the state keeps; no results.

The file is JSON. Nothing in it is code, and whatever is wrong is one `WorkspaceError` that names file and field.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path, PureWindowsPath
from typing import Any, Final, Literal, Self

from pydantic import Field, FiniteFloat, ValidationError

from app.state.geometry_answer import GeometryAnswer
from app.state.session_migration import from_session
from app.state.workspace import Kept, WorkspaceError, first_problem
from engine.errors import StrainscopeError
from engine.files.atomic import write_text
from engine.readers.base import ReadOptions
from engine.types import geometry_fields

EXTENSION = ".strainscope"
FORMAT: Final = "strainscope-workspace"
VERSION: Final = 2
MOST_BYTES = 1 << 24
"""Thousands of files of one frame each fit; nothing that is larger is a workspace."""


class KeptGeometry(Kept):
    """What the user said about a recording's files: values in SI units, and how to read them."""

    values: dict[str, FiniteFloat] = Field(default_factory=dict)
    options: ReadOptions = Field(default_factory=ReadOptions)

    @classmethod
    def of(cls, answer: GeometryAnswer) -> Self:
        """Take down an answer."""
        return cls(values=dict(answer.values), options=answer.options)

    def answer(self) -> GeometryAnswer:
        """Return the answer; names and values that no geometry has are a WorkspaceError."""
        for name, value in self.values.items():
            if name not in geometry_fields():
                raise WorkspaceError(f"geometry.{name} is unknown; known: {', '.join(geometry_fields())}")
            if value <= 0 and name != "start_depth_m":
                raise WorkspaceError(f"geometry.{name} must be a positive number, found {value:g}")
        return GeometryAnswer(dict(self.values), self.options)


class Workspace(Kept):
    """All that is kept of a recording.

    `key` is the recording's, empty in files of programs that knew recordings by headers. `paths` say where it lay,
    `relative` the same as seen from the workspace file's folder. `geometry` is None where nothing was asked.
    """

    format: Literal["strainscope-workspace"] = FORMAT
    version: Literal[2] = VERSION
    program_version: str = ""
    key: str
    paths: tuple[str, ...] = ()
    relative: tuple[str, ...] = ()
    geometry: KeptGeometry | None = None
    parts: dict[str, dict[str, Any]] = Field(default_factory=dict)

    @property
    def recording_name(self) -> str:
        """What its recording is called."""
        names = [PureWindowsPath(path).name for path in self.paths]
        return "the recording" if not names else names[0] + (f" and {len(names) - 1} more" if len(names) > 1 else "")


def is_workspace(path: Path) -> bool:
    """Say by its name whether a file is a workspace."""
    return path.suffix.lower() == EXTENSION


def save_workspace(workspace: Workspace, path: Path) -> None:
    """Write a workspace in one step: whatever happens, either the old file or the whole new one is there."""
    try:
        write_text(path, workspace.model_dump_json(indent=1))
    except (StrainscopeError, UnicodeEncodeError) as error:
        raise WorkspaceError(f"the workspace was not saved: {error}") from error


def load_workspace(path: Path) -> Workspace:
    """Read a workspace, or a session of an older program; anything wrong with it is one WorkspaceError."""
    content = _read_json(path)
    if isinstance(content, dict) and content.get("format") == "strainscope-session":
        content = from_session(content)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise WorkspaceError(f"{path}: not a workspace: it does not say that its format is {FORMAT}")
    if content.get("version") != VERSION or isinstance(content.get("version"), bool):
        version = content.get("version")
        raise WorkspaceError(f"{path}: a workspace of version {version!r}; this program reads version {VERSION}")
    try:
        return Workspace.model_validate(content)
    except ValidationError as error:
        raise WorkspaceError(f"{path}: not a valid workspace: {first_problem(error)}") from error


def seen_from(workspace: Workspace, folder: Path) -> Workspace:
    """Add where the recording lies as seen from a folder, unless that is on another drive."""
    try:
        relative = tuple(Path(os.path.relpath(path, folder)).as_posix() for path in workspace.paths)
    except ValueError:
        relative = ()
    return workspace.model_copy(update={"relative": relative})


def places(workspace: Workspace, folder: Path, known: frozenset[str] = frozenset()) -> list[tuple[Path, ...]]:
    """List where a workspace's recording may lie, best first: as seen from the file's folder, then where it was.

    A path that leads to another computer's share is looked at only if the file comes from there, or if the path is one
    of those `known` to the user: looking at it would already tell that computer who looks.
    """
    found: list[tuple[Path, ...]] = []
    for names in ([str(folder / name) for name in workspace.relative], workspace.paths):
        paths = tuple(Path(os.path.abspath(name)) for name in names)
        trusted = all(share(name) in {"", share(str(folder))} or name in known for name in names)
        if paths and paths not in found and trusted and all(path.is_file() or path.is_dir() for path in paths):
            found.append(paths)
    return found


def share(path: str) -> str:
    """Return the computer's share that a path leads to, as in `//server/share/file`; empty for one of this computer."""
    drive = PureWindowsPath(path).drive
    return drive.lower() if drive.startswith("\\\\") else ""


def foreign_weights(parts: Mapping[str, Any]) -> str:
    """Return weights on another computer that a workspace names, where no file from elsewhere may reach; or nothing."""
    comparison = parts.get("comparison", {}).get("other") or {}
    for settings in (parts.get("settings", {}), comparison):
        given = settings.get("parameters") if isinstance(settings, dict) else None
        weights = str((given if isinstance(given, dict) else {}).get("weights", ""))
        if share(weights):
            return weights
    return ""


def _read_json(path: Path) -> object:
    try:
        if not path.is_file():
            raise WorkspaceError(f"{path}: there is no such workspace file")
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise WorkspaceError(f"{path}: not a workspace: the file is larger than {MOST_BYTES >> 20} MiB")
        parsed: object = json.loads(content.decode("utf-8"))
    except OSError as error:
        raise WorkspaceError(f"{path}: the workspace cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise WorkspaceError(f"{path}: not a workspace: the file is damaged, cut short, or no JSON text") from error
    return parsed
