"""What the user once said about a recording, kept under its key: moving or renaming it loses nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from app.preferences import preferences_path, write_json
from engine.files.shared_json import read_json
from engine.readers.base import ReadOptions
from engine.types import geometry_fields

REMEMBERED = 500


@dataclass(frozen=True)
class GeometryAnswer:
    """What the user answered: geometry in SI units, and how to read the file; `agreed` says it was asked for."""

    values: Mapping[str, float] = field(default_factory=dict)
    options: ReadOptions = field(default_factory=ReadOptions)
    agreed: bool = False


class GeometryMemory:
    """Answers by recording, in one JSON file beside the preferences; whatever in it does not fit is passed over."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or preferences_path().with_name("geometry.json")

    def recall(self, key: str) -> GeometryAnswer | None:
        """Return what was said of this recording, or None."""
        return _parse(read_json(self._path).get(key))

    def remember(self, key: str, answer: GeometryAnswer) -> None:
        """Keep what was said of this recording; the oldest answers go when there are very many."""
        entry = {"values": dict(answer.values), "variable": answer.options.variable, "axes": answer.options.axes}
        write_json(self._path, {key: entry}, most=REMEMBERED)


def _parse(entry: object) -> GeometryAnswer | None:
    if not isinstance(entry, dict) or not isinstance(entry.get("values"), dict):
        return None
    values = {
        name: float(value)
        for name, value in entry["values"].items()
        if name in geometry_fields() and isinstance(value, int | float)
    }
    texts = {name: entry.get(name) for name in ("variable", "axes")}
    chosen = {name: text if isinstance(text, str) else None for name, text in texts.items()}
    options = ReadOptions(variable=chosen["variable"], axes=chosen["axes"])
    return GeometryAnswer(values, options, agreed=True)
