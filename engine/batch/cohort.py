"""Which recordings a batch is made of: files, folders, patterns, lists, and tables with geometry and regions."""

import csv
import glob
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from engine.batch.outputs import SUFFIX
from engine.errors import ParameterError, ReadError
from engine.readers.base import READERS
from engine.readers.recognise import natural_key
from engine.types import Ellipse, geometry_fields

LISTS, TABLES = (".txt", ".lst"), (".csv",)
RECORDING = ("recording", "path", "file")
REGIONS = ("target", "background")
HEADERS = {".raw": (".mhd",), ".zraw": (".mhd",), ".bmode": (".xml",), ".iqmode": (".xml",)}
"""Data files that belong to a header beside them, which stands for both."""

LARGEST_LIST = 2**26


@dataclass(frozen=True)
class Member:
    """One recording of a cohort, and what the table says of it: geometry in SI units, regions."""

    recording: Path
    given: Mapping[str, float] = field(default_factory=dict)
    target: Ellipse | None = None
    background: Ellipse | None = None


def read_cohort(entries: Iterable[Path], parse_region: Callable[[str, str], Ellipse | None]) -> list[Member]:
    """Return the recordings that files, folders, patterns (`*`, `**`), lists and tables name; none is opened.

    A list (.txt) has a path on each line, a table (.csv) a column `recording` and perhaps columns called like geometry
    values (`pitch_m`), `target` and `background`, each X,Z,A,B[,ANGLE] as on the command line, read by `parse_region`.
    Paths in them count from the file's own folder. Other columns are passed over.
    """
    members: list[Member] = []
    for entry in entries:
        if entry.is_dir():
            members += map(Member, _in_folder(entry))
        elif entry.suffix.lower() in LISTS:
            members += [Member(entry.parent / line) for line in _lines(entry)]
        elif entry.suffix.lower() in TABLES:
            members += _of_table(entry, parse_region)
        elif glob.has_magic(str(entry)) and not entry.exists():
            members += [Member(Path(path)) for path in _matching(entry)]
        else:
            members.append(Member(entry))
    return members


def _matching(pattern: Path) -> Sequence[str]:
    found = [path for path in glob.glob(str(pattern), recursive=True) if Path(path).is_file()]
    if not found:
        raise ParameterError(f"no file fits {pattern}")
    return sorted(found, key=lambda path: natural_key(Path(path)))


def _in_folder(folder: Path) -> Iterator[Path]:
    """Yield files below a folder that have a recording's suffix, in natural order."""
    suffixes = {suffix for reader in READERS for suffix in reader.extensions}
    found = [path for path in folder.rglob("*") if path.suffix.lower() in suffixes and not path.name.startswith(".")]
    kept = [path for path in found if not path.name.endswith(SUFFIX) and not _belongs(path) and path.is_file()]
    if not kept:
        raise ReadError(folder, "this folder holds no file with a recording's suffix")
    yield from sorted(kept, key=natural_key)


def _belongs(path: Path) -> bool:
    return any(path.with_suffix(header).is_file() for header in HEADERS.get(path.suffix.lower(), ()))


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST_LIST:
            raise ReadError(path, f"has {path.stat().st_size} bytes, more than a list can have")
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ReadError(path, "no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ReadError(path, f"is no list of recordings: {error}") from None


def _lines(path: Path) -> list[str]:
    lines = [line.strip() for line in _text(path).splitlines()]
    kept = [line for line in lines if line and not line.startswith("#")]
    if not kept:
        raise ReadError(path, "names no recording")
    return kept


def _of_table(path: Path, parse_region: Callable[[str, str], Ellipse | None]) -> Iterator[Member]:
    table = csv.DictReader(io.StringIO("\n".join(_lines(path))))
    column = next((name for name in RECORDING if name in (table.fieldnames or ())), None)
    if column is None:
        raise ReadError(path, f"has no column {RECORDING[0]}; found: {', '.join(table.fieldnames or ())}")
    for number, row in enumerate(table, 1):
        where = f"{path.name}, recording {number}"
        if not row[column]:
            raise ParameterError(f"{where}: names no file")
        given = {name: _number(where, name, row[name]) for name in geometry_fields() if row.get(name)}
        target, background = (
            parse_region(row[name], f"{where}, {name}") if row.get(name) else None for name in REGIONS
        )
        yield Member(path.parent / row[column], given, target, background)


def _number(where: str, name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ParameterError(f"{where}: {name} must be a number, found {text!r}") from None
