"""Tables: the metrics of every frame as CSV, with where they come from as comment lines on top."""

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, get_args

from engine.as_shown import noted
from engine.errors import WriteError
from engine.export.base import WRITERS, Export, Writer
from engine.files.atomic import atomic_path
from engine.following import Regions, Tissue, carried
from engine.frames import COUNTED
from engine.maps.base import other_map
from engine.maps.reading import ReadMap, map_reader, measured_map
from engine.metrics.base import METRICS, Measurement
from engine.metrics.contrast import RegionName, RegionWarning, region_warnings, strain_metrics
from engine.metrics.map_values import map_metrics
from engine.quantity import AXIAL_STRAIN
from engine.strain.persistence import averaged_frames
from engine.strain.quality_mask import measured
from engine.types import Ellipse, Provenance, Result, Strain

MILLI = 1e3


@dataclass(frozen=True)
class FrameMetrics:
    """All metrics of one estimated frame, by name, and what is doubtful about its regions."""

    reference_frame: int
    deformed_frame: int
    metrics: Mapping[str, Measurement]
    warnings: tuple[RegionWarning, ...] = ()
    averaged_frames: int = 1


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

    Parameters
    ----------
    strain
        Axial strain (H, W), negative in compression, with its geometry and perhaps its sigma.
    reference_frame, deformed_frame, averaged_frames
        Which frames it is of, for the table.
    target, background
        Regions in metres; None leaves out the metrics that need it.
    lesion
        Outline of a lesion on the B-mode, for the metrics of its size.
    ddof
        Degrees of freedom taken off in standard deviations.

    Returns
    -------
    FrameMetrics
        Metrics by name with their intervals, strain in %, and what is doubtful about the regions.
    """
    found = strain_metrics(strain, target, background, lesion=lesion, ddof=ddof, slow=True)
    return FrameMetrics(
        reference_frame,
        deformed_frame,
        {name: entry for name, entry in found.items() if lesion is not None or "lesion" not in METRICS.get(name).needs},
        region_warnings(strain.axial, strain.geometry, target, background, lesion=lesion, window_m=strain.window_m),
        averaged_frames,
    )


class MetricTable(list[dict[str, Any]]):
    """A dictionary for each frame, its keys the columns of the CSV; `rows` hold the measurements behind them.

    `pandas.DataFrame(table)` makes a data frame of it.
    """

    def __init__(self, rows: Sequence[FrameMetrics], provenance: Provenance, regions: Regions) -> None:
        names = list(dict.fromkeys(name for row in rows for name in row.metrics))
        super().__init__(_as_dict(row, names) for row in rows)
        self.rows = tuple(rows)
        self.provenance = provenance
        self.regions = regions

    def write(self, path: Path) -> None:
        """Write it as CSV, whole or not at all; a WriteError says why it cannot be."""
        if path.suffix.lower() != ".csv":
            raise WriteError(f"cannot write {path}: a table ends in .csv")
        write_table(path, self.rows, self.provenance, *self.regions)


def _as_dict(row: FrameMetrics, names: Sequence[str]) -> dict[str, Any]:
    values: dict[str, Any] = {"frame": row.deformed_frame, "reference": row.reference_frame}
    if row.averaged_frames > 1:
        values["averaged_frames"] = row.averaged_frames
    for name in names:
        values |= zip(columns(name), _numbers(row, name), strict=True)
    return values | {"missing": _missing(row, names)}


def measure_result(
    result: Result,
    target: Ellipse | None,
    background: Ellipse | None,
    *,
    frames: Iterable[int] | None = None,
    lesion: Ellipse | None = None,
    average: int = 1,
    quality: float = 0.0,
    ddof: int = 0,
    drawn: str = AXIAL_STRAIN,
    read_map: ReadMap | None = None,
    follow: bool = False,
    measured_row: Callable[[int], None] = lambda count: None,
) -> MetricTable:
    """Measure deformed frames of a result, one in memory at a time.

    Parameters
    ----------
    result, frames
        What was estimated, and numbers of deformed frames; None takes all.
    target, background, lesion, ddof
        As for `measure_strain`.
    average
        Frames up to and with each over which strain is averaged first.
    quality
        Pixels of less do not count, 0 to 1.
    drawn
        Name of a map; of another than axial strain, mean and deviation under the regions are among the numbers.
    read_map
        Reads a map that needs more than the result.
    follow
        Whether regions follow the tissue of the frame on which they are drawn.
    measured_row
        Called before each frame, and at the end, with the number of those that are done; may raise to stop.

    Returns
    -------
    MetricTable
        A row a frame, in order, with where the numbers come from.

    Raises
    ------
    ParameterError
        A frame was not estimated, or no map has that name.
    """
    rows: list[FrameMetrics] = []
    read, other = averaged_frames(result, average), other_map(drawn)
    read_map = read_map if other is None or read_map is not None else map_reader(result, drawn)
    tissue = Tissue.of(result) if follow else None
    for frame in result.deformed_frames if frames is None else frames:
        measured_row(len(rows))
        shown = read(frame)
        found = measured(shown, quality)
        points = tissue.under(frame) if tissue else None
        first, second, outline = carried((target, background, lesion), points)
        counts = (found.reference, found.frame, first, second, len(found.averaged))
        row = measure_strain(found.strain, *counts, lesion=outline, ddof=ddof)
        if other is not None:
            values = measured_map(shown, read_map, quality)
            more = map_metrics(values, other.quantity, result.geometry, first, second)
            row = replace(row, metrics={**row.metrics, **more})
        if tissue and points is None:
            row = replace(row, warnings=(*row.warnings, *_not_followed(target, background, lesion)))
        rows.append(row)
    measured_row(len(rows))
    label = "" if other is None else other.quantity.label
    source = noted(
        result.provenance,
        averaged_frames=average,
        at_most=True,
        measured_above=quality,
        measured_map=label,
        followed_from=None if tissue is None else tissue.home,
    )
    return MetricTable(rows, source, (target, background, lesion))


def _not_followed(*regions: Ellipse | None) -> Iterator[RegionWarning]:
    for name, region in zip(get_args(RegionName), regions, strict=True):
        if region is not None:
            yield RegionWarning(name, "not_followed")


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
    averaged = any(row.averaged_frames > 1 for row in rows)
    header = [
        "frame",
        "reference",
        *["averaged_frames"] * averaged,
        *(title for name in names for title in columns(name)),
        "missing",
    ]
    regions = {"target": target, "background": background, **({} if lesion is None else {"lesion": lesion})}
    lines = [*_comments(provenance, regions), ",".join(header)]
    lines += [",".join(cells(row, names, averaged=averaged)) for row in rows]
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
        What `measure_result` gives.
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
        result = export.needed_result()

        def before(done: int) -> None:
            export.check()
            export.progress(done, result.shape[0])

        measure_result(
            result,
            export.target,
            export.background,
            lesion=export.lesion,
            average=export.persistence,
            quality=export.measured_above,
            drawn=export.map,
            read_map=export.read_map,
            follow=export.follow,
            measured_row=before,
        ).write(path)


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


def cells(row: FrameMetrics, names: Sequence[str], *, averaged: bool = False) -> Iterator[str]:
    """Write one line of the table: frames, the metrics `names` under their `columns`, and what is missing.

    With `averaged` the number of averaged frames follows the reference.
    """
    yield str(row.deformed_frame)
    yield str(row.reference_frame)
    if averaged:
        yield str(row.averaged_frames)
    for name in names:
        yield from map(_number, _numbers(row, name))
    yield _missing(row, names)


def _numbers(row: FrameMetrics, name: str) -> list[float]:
    """Return the numbers of a metric, one for each of its columns."""
    entry, metric = row.metrics.get(name), METRICS.get(name)
    if entry is None:
        return [math.nan] * len(columns(name))
    numbers = [entry.value, *[entry.decibel] * bool(metric.decibel)]
    return numbers + [entry.sigma, entry.low, entry.high, entry.cells or math.nan] * bool(metric.interval)


def _missing(row: FrameMetrics, names: Sequence[str]) -> str:
    """Say of what could not be computed why, as `name=reason`."""
    found = ((name, row.metrics[name].reason) for name in names if name in row.metrics)
    return " ".join(f"{name}={reason}" for name, reason in found if reason)


def _number(value: float) -> str:
    return f"{value:.9g}" if not math.isnan(value) else ""
