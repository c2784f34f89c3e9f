"""The table of a batch read again: which results it is of, and what it says of each in a few words."""

import csv
import math
import statistics
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from engine.errors import ReadError
from engine.metrics.base import METRICS
from engine.metrics.number_text import three_figures

TABLES = (".csv", ".parquet")
NEEDED = {"result", "frame", "reliability"}
SAID = ("strain_ratio", "cnr")
"""Metrics whose mean over the frames worth keeping is said of each result."""
LONGEST_LINE = 2**20

Row = Mapping[str, object]


def listed_results(table: Path) -> dict[Path, str]:
    """Return the results that a table of `batch` names and that lie beside it, each with words; none for other files.

    The words tell how many frames are worth keeping, and means over these. Rows are read one by one.

    Parameters
    ----------
    table
        A CSV or Parquet file, as `strainscope batch` writes it.

    Raises
    ------
    ReadError
        Where the file cannot be read, is damaged, names no result that is there, or is Parquet and pyarrow is missing.
    """
    if table.suffix.lower() not in TABLES:
        return {}
    frames: dict[str, list[Row]] = {}
    try:
        for row in _parquet_rows(table) if table.suffix.lower() == ".parquet" else _csv_rows(table):
            frames.setdefault(str(row["result"]), []).append(row)
    except (OSError, ValueError, csv.Error) as error:
        raise ReadError(table, f"is no readable table: {error}") from error
    own = {name: rows for name, rows in frames.items() if Path(name).name == name}
    there = {table.parent / name: _words(rows) for name, rows in own.items() if (table.parent / name).is_file()}
    if frames and not there:
        raise ReadError(table, f"names {len(frames)} results, none of which lies beside it")
    return there


def _words(rows: Iterable[Row]) -> str:
    """Say how many frames are worth keeping, and the means of some metrics over them."""
    every = list(rows)
    kept = [row for row in every if row["reliability"] == "good"]
    words = [f"{len(kept)} of {len(every)} frames worth keeping"]
    for name in SAID:
        metric = METRICS.get(name)
        values = [value for row in kept if math.isfinite(value := _number(row.get(metric.column)))]
        if values:
            words.append(f"{metric.short} {three_figures(statistics.fmean(values))}")
    return ", ".join(words)


def _number(cell: object) -> float:
    try:
        return float(cell)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return math.nan


def _csv_rows(table: Path) -> Iterator[Row]:
    with table.open(encoding="utf-8", newline="") as file:
        lines = (line for line in iter(lambda: file.readline(LONGEST_LINE), "") if not line.startswith("#"))
        reader = csv.DictReader(lines)
        if set(reader.fieldnames or ()) >= NEEDED:
            yield from reader


def _parquet_rows(table: Path) -> Iterator[Row]:
    if find_spec("pyarrow") is None:
        raise ReadError(table, "reading Parquet needs pyarrow (`pip install pyarrow`); its CSV file needs nothing")
    file = import_module("pyarrow.parquet").ParquetFile(table)
    names = set(file.schema_arrow.names)
    if names >= NEEDED:
        wanted = sorted(NEEDED | ({METRICS.get(name).column for name in SAID} & names))
        for batch in file.iter_batches(columns=wanted):
            yield from batch.to_pylist()
