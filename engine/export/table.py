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
from engine.files.atomic import write_text
from engine.following import Regions, Tissue, carried
from engine.frames import COUNTED
from engine.maps.base import other_map
from engine.maps.reading import ReadMap, map_reader, measured_map
from engine.metrics.base import METRICS, Measurement
from engine.metrics.contrast import RegionName, RegionWarning, region_warnings, strain_metrics
from engine.metrics.map_values import map_metrics
from engine.quantity import AXIAL_STRAIN
from engine.reliability.sigma import interval_words
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

    def __init__(self, rows: Sequence[FrameMetrics], provenance: Provenance, regions: Regions = (None,) * 3) -> None:
        names, averaged = measured_names(rows), any(row.averaged_frames > 1 for row in rows)
        count = ["averaged_frames"] * averaged
        self.columns = ("frame", "reference", *count, *(title for name in names for title in columns(name)), "missing")
        super().__init__(
            dict(zip(self.columns, row_values(row, names, averaged=averaged), strict=True)) for row in rows
        )
        self.rows = tuple(rows)
        self.provenance = provenance
        self.regions = regions

    @property
    def intervals(self) -> str:
        """Say what the intervals hold and what they do not; nothing where no number has one."""
        return intervals_said(self.rows, [self.provenance.method])

    def text(self) -> str:
        """Write it as CSV: comment lines, a header, and a line for each frame.

        A column's unit is part of its name. A value that could not be computed is empty, and the column `missing` says
        why, as `name=reason` separated by blanks. Numbers have nine digits, more than a float32 strain holds.
        """
        lines = [*csv_head([*provenance_lines(self.provenance), *_regions_said(self.regions)], self.intervals)]
        lines += [",".join(self.columns), *(",".join(map(cell, row.values())) for row in self)]
        return "\n".join(lines) + "\n"

    def write(self, path: Path) -> None:
        """Write it as CSV, whole or not at all; a WriteError says why it cannot be."""
        if path.suffix.lower() != ".csv":
            raise WriteError(f"cannot write {path}: a table ends in .csv")
        write_text(path, self.text())


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


def csv_head(
    pairs: Iterable[tuple[str, str]], intervals: str = "", sign: str = "strain is positive in compression"
) -> list[str]:
    """Write the comment lines above a table: names and texts, whose errors its intervals hold, counting, and sign."""
    said = [("intervals", intervals)] if intervals else []
    lines = [*pairs, *said, ("frames", COUNTED), ("sign", sign)]
    return [f"# {name}: {' '.join(text.split())}" for name, text in lines]


def intervals_said(rows: Sequence[FrameMetrics], methods: Iterable[str]) -> str:
    """Say what the intervals of some rows hold and what they do not; nothing where no number has one."""
    ranged = any(math.isfinite(entry.sigma) for row in rows for entry in row.metrics.values())
    return " ".join(dict.fromkeys(map(interval_words, methods))) if ranged else ""


def _regions_said(regions: Regions) -> Iterator[tuple[str, str]]:
    for name, region in zip(get_args(RegionName), regions, strict=True):
        if region is not None or name != "lesion":
            yield name, ellipse_text(region)


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


def measured_names(rows: Iterable[FrameMetrics]) -> list[str]:
    """Names of the metrics that any of the rows has, in their order."""
    return list(dict.fromkeys(name for row in rows for name in row.metrics))


def row_values(row: FrameMetrics, names: Sequence[str], *, averaged: bool = False) -> list[Any]:
    """Give what stands in one line: frames, the metrics `names` under their `columns`, and what is missing.

    With `averaged` the number of averaged frames follows the reference.
    """
    numbers = (value for name in names for value in _numbers(row, name))
    count = [row.averaged_frames] * averaged
    return [row.deformed_frame, row.reference_frame, *count, *numbers, _missing(row, names)]


def cell(value: float | str) -> str:
    """Write a value of a line; a number that is not known is empty."""
    if isinstance(value, str):
        return value
    return "" if math.isnan(value) else f"{value:.9g}"


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
