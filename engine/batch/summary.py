"""One table for a whole batch: the metrics of every frame of every recording as CSV."""

import csv
import io
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from engine.batch.job import Outcome
from engine.export.table import cell, columns, csv_head, ellipse_text, intervals_said, measured_names, row_values
from engine.files.atomic import atomic_path
from engine.types import Ellipse

SUMMARY = "summary.csv"
"""What the table is called in the folder of the results."""
LEAD = (
    "recording",
    "result",
    "target",
    "background",
    "method",
    "weights_sha256",
    "input_sha256",
    "program",
    "frame",
    "reference",
)
TRAIL = ("missing", "valid_percent", "correlation", "reliability")


def summary_text(
    outcomes: Sequence[Outcome], target: Ellipse | None, background: Ellipse | None, quality: float = 0.0
) -> str:
    """Write the table as text: comment lines with the regions and the sign, a header, a line for each frame.

    Columns are those of the table of one recording, led by recording, result and provenance. Recordings come in the
    order of their paths; those that failed are left out.
    """
    measured = sorted((entry for entry in outcomes if entry.metrics), key=lambda entry: str(entry.recording))
    rows = [row for entry in measured for row in entry.metrics]
    names = measured_names(rows)
    titles = [columns(name) for name in names]
    text = io.StringIO()
    said = [("target", ellipse_text(target)), ("background", ellipse_text(background))]
    said += [("quality", f"pixels below {quality:g} are not measured")] * (quality > 0)
    methods = [entry.provenance.method for entry in measured if entry.provenance is not None]
    text.writelines(f"{line}\n" for line in csv_head(said, intervals_said(rows, methods)))
    table = csv.writer(text, lineterminator="\n")
    table.writerow([*LEAD, *(title for group in titles for title in group), *TRAIL])
    for entry in measured:
        lead = _lead(entry)
        assert entry.reliability is not None
        judged = {frame.frame: frame for frame in entry.reliability.frames}
        for row in entry.metrics:
            found = judged[row.deformed_frame]
            trail = (f"{100 * found.valid_share:.4g}", f"{found.correlation:.4g}", found.verdict)
            table.writerow([*lead, *map(cell, row_values(row, names)), *trail])
    return text.getvalue()


def write_parquet(table: Path) -> Path | None:
    """Write the table again as Parquet beside it, where pyarrow is installed; return the path, or None."""
    if find_spec("pyarrow") is None:
        return None
    parquet, csv_of = import_module("pyarrow.parquet"), import_module("pyarrow.csv")
    lines = [line for line in table.read_text(encoding="utf-8").splitlines(keepends=True) if not line.startswith("#")]
    path = table.with_suffix(".parquet")
    with atomic_path(path) as temporary:
        parquet.write_table(csv_of.read_csv(io.BytesIO("".join(lines).encode())), temporary)
    return path


def _lead(entry: Outcome) -> tuple[str, ...]:
    made = entry.provenance
    assert made is not None
    return (
        str(entry.recording),
        entry.output.name,
        ellipse_text(entry.target),
        ellipse_text(entry.background),
        made.method,
        made.weights_sha256,
        made.input_sha256,
        f"strainscope {made.program_version}",
    )
