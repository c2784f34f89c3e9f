"""What the program remembers of its user: a JSON file that a damaged copy of can never keep the window from opening."""

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Literal

from platformdirs import user_config_path
from pydantic import BaseModel, ConfigDict, Field, ValidationError

RECENT = 10


class Preferences(BaseModel):
    """All that is remembered between two sessions; unknown entries of other versions are passed over.

    `method` is the one used last, `start_method` the one that a window begins with, empty for the same.
    `assumed_rate_hz` is the playing rate of recordings that do not tell theirs.
    """

    model_config = ConfigDict(extra="ignore", validate_assignment=True)

    theme: Literal["system", "light", "dark"] = "system"
    recent: list[list[str]] = Field(default_factory=list)
    last_folder: str = ""
    last_export_folder: str = ""
    method: str = ""
    start_method: str = ""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    speed: float = Field(default=1.0, ge=0.1, le=4.0)
    assumed_rate_hz: float = Field(default=20.0, ge=0.5, le=1000.0)
    layout: Literal["automatic", "side by side", "stacked"] = "automatic"
    estimate_on_open: bool = True
    autosave_s: float = Field(default=20.0, ge=5.0, le=3600.0)
    display: dict[str, bool | int | float | str] = Field(default_factory=dict)
    window_geometry: str = ""
    window_state: str = ""

    def add_recent(self, paths: tuple[Path, ...]) -> None:
        """Put an opened recording first in the list."""
        entry = [str(path) for path in paths]
        self.recent = [entry, *(other for other in self.recent if other != entry)][:RECENT]
        self.last_folder = str(paths[0].parent)


def preferences_path() -> Path:
    """Return the place of the preferences, which a test or a portable copy may move by an environment variable."""
    folder = os.environ.get("STRAINSCOPE_CONFIG")
    return (Path(folder) if folder else user_config_path("strainscope", appauthor=False)) / "preferences.json"


def load_preferences(path: Path | None = None) -> Preferences:
    """Read the preferences; a missing or damaged file gives the defaults, and so does each entry that is wrong."""
    try:
        content = json.loads((path or preferences_path()).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return Preferences()
    if not isinstance(content, dict):
        return Preferences()
    try:
        return Preferences.model_validate(content)
    except ValidationError as error:
        wrong = {entry["loc"][0] for entry in error.errors()}
        return Preferences.model_validate({name: value for name, value in content.items() if name not in wrong})


def save_preferences(preferences: Preferences, path: Path | None = None) -> None:
    """Write the preferences in one step; a folder that cannot be written is no reason to trouble the user."""
    write_json(path or preferences_path(), preferences.model_dump())


def write_json(path: Path, content: object) -> None:
    """Write a small JSON file through a temporary one beside it; does nothing where writing is not allowed."""
    partial = path.with_suffix(".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps(content, indent=1), encoding="utf-8")
        os.replace(partial, path)
    except OSError:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
