"""Sessions of older programs, read as workspaces: the same facts under other names.

Their key was made of the files' first bytes, headers included, and so does not tell one recording from another: it is
dropped, and whoever opens such a file is told that its recording was taken by its place.
"""

from typing import Any


def from_session(content: dict[str, Any]) -> dict[str, Any]:
    """Turn the JSON of a session into that of a workspace; what is no session's is left for the checks to find."""
    if content.get("version") != 1 or isinstance(content.get("version"), bool):
        return content
    source, parts = _table(content.get("source")), _table(content.get("parts"))
    geometry = source.get("geometry")
    choices = {name: source.get(name) for name in ("variable", "axes") if source.get(name) is not None}
    profile, comparison = parts.get("profile"), _table(parts.get("compare"))
    if comparison.get("other"):
        comparison = {**comparison, "other": _settings(comparison["other"])}
    kept = {
        "settings": _settings(content.get("settings")),
        "regions": content.get("regions"),
        "display": content.get("display"),
        "frame": {"frame": content.get("frame", 0)},
        "map": parts.get("map"),
        "comparison": comparison,
        "profile": {"line": profile} if profile else None,
    }
    return {
        "format": "strainscope-workspace",
        "version": 2,
        "program_version": content.get("program_version", ""),
        "key": "",
        "paths": source.get("paths", ()),
        "relative": source.get("relative", ()),
        "geometry": None if geometry is None and not choices else {"values": geometry or {}, "options": choices},
        "parts": {name: values for name, values in kept.items() if values is not None},
    }


def _settings(saved: Any) -> dict[str, Any]:
    return {name: value for name, value in _table(saved).items() if value is not None}


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
