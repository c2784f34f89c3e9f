"""Tables: the metrics of every frame as CSV, with where they come from as comment lines on top."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from engine.as_shown import noted
from engine.export.base import WRITERS, Export, Writer
from engine.files.atomic import atomic_path
from engine.frames import COUNTED
from engine.metrics.base import METRICS, Measurement
from engine.metrics.contrast import RegionWarning, region_warnings, strain_metrics
from engine.strain.persistence import averaged_frames
from engine.strain.quality_mask import measured
from engine.types import Ellipse, FrameEstimate, Provenance, Strain

MILLI = 1e3


@dataclass(frozen=True)
class FrameMetrics:
    """All metrics of one estimated frame, by name, and what is doubtful about its regions."""

    reference_frame: int
    deformed_frame: int
    metrics: Mapping[str, Measurement]
    warnings: tuple[RegionWarning, ...] = ()
    averaged_frames: int = 1


def measure_frames(
    estimates: Iterable[FrameEstimate], target: Ellipse | None, background: Ellipse | None, *, ddof: int = 0
) -> Iterator[FrameMetrics]:
    """Measure every frame under the same two ellipses, one frame in memory at a time.

    Parameters
    ----------
    estimates
        Estimates as `run` or a result's `read_frame` gives them.
    target, background
        Regions in metres; None leaves out the metrics that need it.
    ddof
        Degrees of freedom taken off in standard deviations.

    Yields
    ------
    FrameMetrics
        Metrics by name with their intervals, strain in %, and what is doubtful about the regions.

    >>> frames = map(result.read_frame, range(result.shape[0]))  # doctest: +SKIP
    >>> rows = list(measure_frames(frames, target, background))  # doctest: +SKIP
    """
    for estimate in estimates:
        yield measure_strain(
            estimate.strain, estimate.reference_frame, estimate.deformed_frame, target, background, ddof=ddof
        )


def measure_strain(
    strain: Strain,
    reference_frame: int,
    deformed_frame: int,
    target: Ellipse | None,
    background: Ellipse | None,
    averaged_frames: int = 1,
    *,
    lesion: Ellipse | None = None,
    ddof: int = 0,
) -> FrameMetrics:
    """Measure one strain map, which may be averaged over some frames up to and with the deformed one.

    With the `lesion`'s outline on the B-mode the metrics that need it are among them.
    """
    found = strain_metrics(strain, target, background, lesion=lesion, ddof=ddof, slow=True)
    return FrameMetrics(
        reference_frame,
        deformed_frame,
        {name: entry for name, entry in found.items() if lesion is not None or "lesion" not in METRICS.get(name).needs},
        region_warnings(strain.axial, strain.geometry, target, background, lesion=lesion, window_m=strain.window_m),
        averaged_frames,
    )


def table_text(
    rows: Sequence[FrameMetrics],
    provenance: Provenance,
    target: Ellipse | None = None,
    background: Ellipse | None = None,
    lesion: Ellipse | None = None,
) -> str:
    """Write the table as text: comment lines, a header, and a line for each frame.

    A column's unit is part of its name. A value that could not be computed is empty, and the column `missing` says
    why, as `name=reason` separated by blanks. Numbers have nine digits, more than a float32 strain holds.
    """
    names = list(dict.fromkeys(name for row in rows for name in row.metrics))
    shown = [columns(name) for name in names]
    averaged = any(row.averaged_frames > 1 for row in rows)
    header = [
        "frame",
        "reference",
        *["averaged_frames"] * averaged,
        *(title for titles in shown for title in titles),
        "missing",
    ]
    regions = {"target": target, "background": background, **({} if lesion is None else {"lesion": lesion})}
    lines = [*_comments(provenance, regions), ",".join(header)]
    lines += [",".join(cells(row, names, shown, averaged=averaged)) for row in rows]
    return "\n".join(lines) + "\n"


def write_table(
    path: Path,
    rows: Sequence[FrameMetrics],
    provenance: Provenance,
    target: Ellipse | None = None,
    background: Ellipse | None = None,
    lesion: Ellipse | None = None,
) -> None:
    """Write the metrics of all frames as CSV, whole or not at all.

    Parameters
    ----------
    path
        File to write.
    rows
        What `measure_frames` gives.
    provenance
        Where the strain comes from; stands as comment lines on top.
    target, background, lesion
        The regions measured under, for the comment lines.

    Raises
    ------
    WriteError
        The file cannot be written; a file of that name is left as it was.

    >>> write_table(Path("metrics.csv"), rows, result.provenance, target, background)  # doctest: +SKIP
    """
    with atomic_path(path) as temporary:
        temporary.write_text(table_text(rows, provenance, target, background, lesion), encoding="utf-8", newline="\n")


@WRITERS.entry
class TableWriter(Writer):
    """The metrics of every frame."""

    name = "table"
    title = "Table"
    help = "CSV, every metric of every frame under the regions, frames counted from 0"
    extensions: ClassVar = {".csv": "Table"}
    file_name = "metrics.csv"
    key = "Ctrl+Shift+E"

    def write(self, export: Export, path: Path) -> None:
        """Measure frame by frame, then write."""
        result, regions = export.needed_result(), (export.target, export.background)
        rows: list[FrameMetrics] = []
        read = averaged_frames(result, export.persistence)
        for found in (measured(read(frame), export.measured_above) for frame in result.deformed_frames):
            export.check()
            counts = (found.reference, found.frame, *regions, len(found.averaged))
            rows.append(measure_strain(found.strain, *counts, lesion=export.lesion))
            export.progress(len(rows), len(result.deformed_frames))
        source = noted(
            result.provenance, averaged_frames=export.persistence, at_most=True, measured_above=export.measured_above
        )
        write_table(path, rows, source, *regions, export.lesion)


def provenance_lines(provenance: Provenance) -> tuple[tuple[str, str], ...]:
    """Give the provenance as names and texts, in the order in which exports print it."""
    parameters = json.dumps(dict(provenance.parameters), sort_keys=True)
    return (
        ("program", f"strainscope {provenance.program_version}"),
        ("method", provenance.method),
        ("parameters", parameters),
        ("weights_sha256", provenance.weights_sha256 or "none"),
        ("input_sha256", provenance.input_sha256),
    )


def _comments(provenance: Provenance, regions: Mapping[str, Ellipse | None]) -> list[str]:
    pairs = [*provenance_lines(provenance), *((name, ellipse_text(region)) for name, region in regions.items())]
    pairs += [("frame", COUNTED), ("sign", "strain is positive in compression")]
    return [f"# {name}: {' '.join(text.split())}" for name, text in pairs]


def ellipse_text(ellipse: Ellipse | None) -> str:
    """Write an ellipse for a comment line, in mm and degrees."""
    if ellipse is None:
        return "none"
    lengths = (ellipse.lateral_m, ellipse.depth_m, ellipse.semi_lateral_m, ellipse.semi_axial_m)
    centre = " ".join(f"{MILLI * length:.6g}" for length in lengths)
    return f"{centre} mm {ellipse.angle_deg:.6g} deg (lateral depth semi-lateral semi-axial angle)"


def columns(name: str) -> tuple[str, ...]:
    """Titles of a metric in the table: its value, dB where it has them, and its uncertainty where it states one."""
    metric = METRICS.get(name)
    return (metric.column, *[f"{name}_db"] * bool(metric.decibel), *metric.uncertainty_columns)


def cells(
    row: FrameMetrics, names: Sequence[str], shown: Sequence[tuple[str, ...]], *, averaged: bool = False
) -> Iterator[str]:
    """Write one line of the table: frames, the metrics `names` under the titles `shown`, and what is missing.

    With `averaged` the number of averaged frames follows the reference.
    """
    yield str(row.deformed_frame)
    yield str(row.reference_frame)
    if averaged:
        yield str(row.averaged_frames)
    missing = []
    for name, titles in zip(names, shown, strict=True):
        entry, metric = row.metrics.get(name), METRICS.get(name)
        numbers = [] if entry is None else [entry.value, *[entry.decibel] * bool(metric.decibel)]
        if entry is not None and metric.interval:
            numbers += [entry.sigma, entry.low, entry.high, entry.cells or math.nan]
        yield from map(_number, numbers or [math.nan] * len(titles))
        if entry and entry.reason:
            missing.append(f"{name}={entry.reason}")
    yield " ".join(missing)


def _number(value: float) -> str:
    return f"{value:.9g}" if not math.isnan(value) else ""
