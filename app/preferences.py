"""What the program remembers of its user: a JSON file that a damaged copy of can never keep the window from opening."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from platformdirs import user_config_path
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from engine.errors import WriteError
from engine.files.shared_json import merge_json, read_json

RECENT = 10


class Preferences(BaseModel):
    """All that is remembered from one window to the next; unknown entries of other versions are passed over.

    `method` is the one used last, `start_method` the one that a window begins with, empty for the same.
    `assumed_rate_hz` is the playing rate of recordings that do not tell theirs. With `keep_nothing` nothing stays on
    this computer of the recordings that are opened, their names included; `results_limit_gb` is the room for results.
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
    keep_nothing: bool = False
    results_limit_gb: float = Field(default=10.0, ge=0.0, le=1000.0)
    display: dict[str, bool | int | float | str] = Field(default_factory=dict)
    export_choices: dict[str, dict[str, bool | int | float | str]] = Field(default_factory=dict)
    window_geometry: str = ""
    window_state: str = ""
    _saved: dict[str, Any] = PrivateAttr(default_factory=dict)

    def changes(self) -> dict[str, Any]:
        """Entries that differ from what was read or written last; everything, before there was such a time."""
        return {name: value for name, value in self.model_dump().items() if self._saved.get(name, self) != value}

    def take_as_saved(self) -> None:
        """Take note that the entries as they are now lie in the file."""
        self._saved = self.model_dump()

    def add_recent(self, paths: tuple[Path, ...]) -> None:
        """Put an opened recording first in the list, unless nothing is to be kept."""
        if self.keep_nothing:
            return
        entry = [str(path) for path in paths]
        self.recent = [entry, *(other for other in self.recent if other != entry)][:RECENT]
        self.last_folder = str(paths[0].parent)


def preferences_path() -> Path:
    """Return the place of the preferences, which a test or a portable copy may move by an environment variable."""
    folder = os.environ.get("STRAINSCOPE_CONFIG")
    return (Path(folder) if folder else user_config_path("strainscope", appauthor=False)) / "preferences.json"


def load_preferences(path: Path | None = None) -> Preferences:
    """Read the preferences; a missing or damaged file gives the defaults, and so does each entry that is wrong."""
    content = read_json(path or preferences_path())
    try:
        preferences = Preferences.model_validate(content)
    except ValidationError as error:
        wrong = {entry["loc"][0] for entry in error.errors()}
        preferences = Preferences.model_validate({name: value for name, value in content.items() if name not in wrong})
    preferences.take_as_saved()
    return preferences


def save_preferences(preferences: Preferences, path: Path | None = None) -> None:
    """Write what this window has changed, beside what others have; a folder that cannot be written is no trouble."""
    changed = preferences.changes()
    if changed:
        write_json(path or preferences_path(), changed)
        preferences.take_as_saved()


def write_json(path: Path, changed: Mapping[str, Any], *, most: int | None = None) -> None:
    """Merge the changed keys into a small JSON file; does nothing where writing is not allowed."""
    with suppress(WriteError):
        merge_json(path, changed, most=most)
