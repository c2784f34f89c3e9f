"""The data file of a text header: where it may lie."""

from pathlib import Path

from engine.errors import ReadError


def beside(path: Path, target: str, field: str) -> Path:
    """Return a data file, which must lie in the header's folder or below it; `field` is what names it."""
    where = (path.parent / target).resolve()
    if not where.is_relative_to(path.parent.resolve()):
        raise ReadError(path, f"{field} {target!r} lies outside the header's folder")
    if not where.is_file():
        raise ReadError(path, f"{field} {target!r} does not exist")
    return where
