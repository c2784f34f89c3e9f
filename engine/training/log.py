"""The log of a run: one CSV row every few iterations, and a picture of the curves."""

import csv
import math
from collections.abc import Mapping
from pathlib import Path

from engine.errors import ReadError
from engine.files.atomic import atomic_path

TERMS = ("similarity", "consistency", "smoothness", "endpoint", "strain", "tall_strain")
SCORES = (
    "axial_rmse",
    "nrmse",
    "strain_rmse",
    "oracle_strain_rmse",
    "strain_error",
    "cnr",
    "oracle_cnr",
    "similarity",
)
COLUMNS = (
    "iteration",
    "phase",
    "seconds",
    "learning_rate",
    "max_strain",
    "loss",
    *(f"loss_{name}" for name in TERMS),
    "gradient_norm",
    "skipped",
    *(f"validation_{name}" for name in SCORES),
)


class Log:
    """Rows of `COLUMNS`, appended to `path`; rows after `iteration` are dropped when a run resumes there."""

    def __init__(self, path: Path, iteration: int) -> None:
        self.path = path
        kept = [row for row in read(path) if int(row["iteration"]) <= iteration] if path.exists() else []
        with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, COLUMNS)
            writer.writeheader()
            writer.writerows(kept)

    def add(self, values: Mapping[str, object]) -> None:
        """Append one row; columns without a value stay empty."""
        with self.path.open("a", newline="", encoding="utf-8") as stream:
            csv.DictWriter(stream, COLUMNS).writerow({name: _text(value) for name, value in values.items()})


def read(path: Path) -> list[dict[str, str]]:
    """Return the complete rows of a log; one cut off by a kill is left out."""
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            table = csv.DictReader(stream)
            columns = set(table.fieldnames or ())
            rows = [row for row in table if None not in row and None not in row.values()]
    except (UnicodeDecodeError, csv.Error):
        raise ReadError(path, "is no log of a training run: not a table of text") from None
    if columns and not set(COLUMNS) <= columns:
        raise ReadError(path, f"is no log of a training run: it lacks the column {min(set(COLUMNS) - columns)}")
    return [row for row in rows if row["iteration"].isascii() and row["iteration"].isdecimal()]


PANELS = (
    ("training loss", ("loss", *(f"loss_{name}" for name in TERMS))),
    ("axial error, samples RMS", ("validation_axial_rmse",)),
    ("strain error, % RMS", ("validation_strain_rmse", "validation_oracle_strain_rmse")),
    ("NRMSE, %", ("validation_nrmse",)),
)
"""Title and columns of each panel of the picture."""


def plot(log: Path, picture: Path) -> None:
    """Draw the loss and the validation errors over the iterations."""
    from matplotlib.figure import Figure

    rows = read(log)
    figure = Figure(figsize=(9, 6), layout="constrained")
    for panel, (title, names) in zip(figure.subplots(2, 2).flat, PANELS, strict=True):
        for name in names:
            points = [(int(row["iteration"]), float(row[name])) for row in rows if row[name]]
            if points and max(value for _, value in points) > 0:
                label = name.removeprefix("loss_").removeprefix("validation_").replace("_", " ")
                panel.plot(*zip(*points, strict=True), label=label, linewidth=1)
        panel.set(title=title, xlabel="iteration", yscale="log")
        if panel.get_legend_handles_labels()[0]:
            panel.legend(fontsize=7)
    figure.savefig(picture, dpi=110)


def _text(value: object) -> object:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.6g}"
    return value
