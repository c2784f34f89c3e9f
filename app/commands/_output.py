"""What commands print: valid JSON for programs, plain lines and tables for people."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import typer

from engine.errors import printable

SCHEMA_VERSION = 1


def echo(text: object = "", *, err: bool = False) -> None:
    """Print lines for a person; whatever a file gave to them, a terminal does nothing but show it."""
    typer.echo(printable(str(text), keep="\n\t"), err=err)


def warn(lines: Iterable[str]) -> None:
    """Print warnings on stderr, a line each; an empty one is none."""
    for line in filter(None, lines):
        echo(f"strainscope: warning: {line}", err=True)


def echo_json(value: Mapping[str, Any]) -> None:
    """Print values as JSON, under the version of their schema; what is not a finite number becomes null.

    `docs/json.md` says what the keys of each command mean; a key that changes or goes raises the version.
    """
    echo(json.dumps(plain({"schema_version": SCHEMA_VERSION, **value}), indent=2, allow_nan=False))


def plain(value: Any) -> Any:
    """Reduce to what JSON knows: dataclasses to objects, tuples to lists, NaN and infinity to null.

    >>> plain({"cnr": float("nan"), "frames": (1, 2)})
    {'cnr': None, 'frames': [1, 2]}
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Path):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {entry.name: plain(getattr(value, entry.name)) for entry in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, Iterable):
        return [plain(entry) for entry in value]
    return plain(value.item()) if hasattr(value, "item") else str(value)


def echo_columns(rows: Sequence[Sequence[str]], indent: str = "") -> None:
    """Print rows with their columns aligned."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))] if rows else []
    for row in rows:
        cells = (text.ljust(width) for text, width in zip(row, widths, strict=True))
        echo(f"{indent}{'  '.join(cells)}".rstrip())
