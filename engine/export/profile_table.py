"""A profile as CSV: strain and B-mode level along a line, with where they come from as comment lines on top."""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.export.table import MILLI, provenance_lines
from engine.files.atomic import atomic_path
from engine.frames import COUNTED
from engine.metrics.profile import ProfileLine
from engine.quantity import PERCENT
from engine.types import Provenance

Values = NDArray[np.float64]


def profile_text(
    line: ProfileLine,
    distances_m: Values,
    strain: Values | None,
    bmode_db: Values,
    provenance: Provenance,
    facts: Mapping[str, str] | None = None,
) -> str:
    """Write a profile as text: comment lines, a header, and a line for each of the N points.

    `strain` (N,) is as stored and written in per cent, compression positive, as every table does; `bmode_db` (N,). What
    is NaN is empty. `facts` are further comments, such as the frame.
    """
    lateral, depth = line.at(distances_m)
    columns = {
        "distance_mm": MILLI * distances_m,
        "lateral_mm": MILLI * np.asarray(lateral),
        "depth_mm": MILLI * np.asarray(depth),
        **({} if strain is None else {"compressive_strain_percent": -PERCENT * strain}),
        "bmode_db": bmode_db,
    }
    ends = (line.start_lateral_m, line.start_depth_m, line.end_lateral_m, line.end_depth_m)
    words = "{:.6g} {:.6g} to {:.6g} {:.6g} mm (lateral depth)".format(*(MILLI * end for end in ends))
    comments = [*provenance_lines(provenance), *(facts or {}).items(), ("line", words)]
    lines = [f"# {name}: {' '.join(text.split())}" for name, text in comments]
    lines += [f"# frames: {COUNTED}", "# sign: strain is positive in compression", ",".join(columns)]
    lines += [",".join(_number(value) for value in row) for row in zip(*columns.values(), strict=True)]
    return "\n".join(lines) + "\n"


def write_profile(path: Path, text: str) -> None:
    """Write `profile_text` to a file, whole or not at all; a WriteError says why it cannot be."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def _number(value: float) -> str:
    return f"{value:.9g}" if math.isfinite(value) else ""
