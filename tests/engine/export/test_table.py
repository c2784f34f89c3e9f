import csv
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.errors import WriteError
from engine.export.table import FrameMetrics, MetricTable, measure_result, measure_strain
from engine.metrics.contrast import region_metrics
from engine.types import Displacement, Ellipse, FrameEstimate, Geometry, Provenance, Result, Strain

GEOMETRY = Geometry(40e6, 5e6, 1540.0, 0.3e-3)
PROVENANCE = Provenance("ncc", {"method": {"levels": 3}}, "", "0.1.0", "ab" * 32)
TARGET = Ellipse(-5e-3, 9e-3, 3e-3, 3e-3)
BACKGROUND = Ellipse(5e-3, 9e-3, 3e-3, 3e-3)


def estimates() -> list[FrameEstimate]:
    random = np.random.default_rng(0)
    made = []
    for frame in (1, 2):
        strain = (-0.01 * frame + 1e-3 * random.standard_normal((900, 80))).astype(np.float32)
        zero = np.zeros_like(strain)
        made.append(
            FrameEstimate(0, frame, Displacement(zero, zero, GEOMETRY), Strain(strain, GEOMETRY, 2e-3), zero + 1)
        )
    return made


def measured(target: Ellipse | None, background: Ellipse | None) -> list[FrameMetrics]:
    return [measure_strain(each.strain, 0, each.deformed_frame, target, background) for each in estimates()]


def parse(text: str) -> list[dict[str, str]]:
    body = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    return list(csv.DictReader(io.StringIO(body)))


def test_the_table_holds_the_numbers_of_the_one_function() -> None:
    rows = measured(TARGET, BACKGROUND)
    found = parse(MetricTable(rows, PROVENANCE).text())
    assert [row["frame"] for row in found] == ["1", "2"]
    for estimate, row in zip(estimates(), found, strict=True):
        wanted = region_metrics(estimate.strain.axial, GEOMETRY, TARGET, BACKGROUND)
        assert float(row["cnr"]) == pytest.approx(wanted["cnr"].value, rel=1e-8)
        assert float(row["snr_target_db"]) == pytest.approx(wanted["snr_target"].decibel, rel=1e-8)
        assert float(row["mean_target_percent"]) == pytest.approx(wanted["mean_target"].value, rel=1e-8)
        assert row["missing"] == ""
        assert row["cnr_sigma"] == row["mean_target_low_percent"] == ""


def test_uncertainties_have_columns() -> None:
    known = replace(estimates()[0].strain, sigma=np.full_like(estimates()[0].strain.axial, 1e-4))
    found = measure_strain(known, 0, 1, TARGET, BACKGROUND)
    table = MetricTable([found], PROVENANCE)
    row, entry = parse(table.text())[0], found.metrics["mean_target"]
    names = [f"mean_target_{part}" for part in ("sigma_percent", "low_percent", "high_percent", "cells")]
    wanted = [entry.sigma, entry.low, entry.high, entry.cells]
    assert [float(row[name]) for name in names] == pytest.approx(wanted, rel=1e-8)
    assert row["strain_ratio_cells"] != ""
    assert "std_target_sigma_percent" not in row
    assert f"# intervals: {table.intervals}" in table.text().splitlines()
    assert table.intervals.startswith("Intervals follow the random errors of ncc on simulated recordings")
    assert "# intervals" not in MetricTable(measured(TARGET, BACKGROUND), PROVENANCE).text()


def test_comments_say_where_it_comes_from() -> None:
    comments = [
        line for line in MetricTable([], PROVENANCE, (TARGET, None, None)).text().splitlines() if line.startswith("#")
    ]
    text = "\n".join(comments)
    for words in ("method: ncc", "levels", "strainscope 0.1.0", "ab" * 32, "target: -5 9 3 3 mm", "background: none"):
        assert words in text


def test_missing_values_are_empty_with_their_reason_and_columns_stay() -> None:
    with_both = MetricTable(measured(TARGET, BACKGROUND), PROVENANCE).text()
    without = MetricTable(measured(TARGET, None), PROVENANCE).text()
    first = parse(without)[0]
    assert first["cnr"] == first["cnr_db"] == ""
    assert "cnr=not_drawn" in first["missing"]
    assert list(parse(with_both)[0]) == list(first)


def test_warnings_come_with_the_frame() -> None:
    rows = measured(TARGET, replace(TARGET, lateral_m=-4e-3))
    assert [warning.reason for warning in rows[0].warnings] == ["overlap"]


def test_the_file_is_written_whole(tmp_path: Path) -> None:
    table = MetricTable(measured(TARGET, BACKGROUND), PROVENANCE, (TARGET, BACKGROUND, None))
    table.write(tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text(encoding="utf-8") == table.text()
    with pytest.raises(WriteError):
        table.write(tmp_path / "absent" / "t.csv")
    with pytest.raises(WriteError, match=r"ends in \.csv"):
        table.write(tmp_path)


def test_another_map_is_measured_beside_axial_strain() -> None:
    """Lateral strain of 0.5 % everywhere: its mean is a column, and the comments say which map it is."""
    (first, *_) = estimates()
    geometry, shape = first.strain.geometry, first.strain.axial.shape
    lateral = np.broadcast_to(5e-3 * geometry.laterals_m(shape[1]), shape).astype(np.float32)
    moved = replace(first, displacement=replace(first.displacement, lateral_m=lateral))
    made = Result((1, *shape), geometry, 0, (first.deformed_frame,), PROVENANCE, lambda _row: moved)
    (row,) = table = measure_result(made, TARGET, None, drawn="lateral-strain")
    assert row["map_mean_target"] == pytest.approx(0.5, abs=1e-3)
    assert "Lateral strain (%)" in table.text()
    assert "map_mean_target" not in measure_result(made, TARGET, None)[0]
