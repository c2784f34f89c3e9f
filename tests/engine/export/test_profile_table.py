"""A profile as CSV: its columns, its sign, what is missing, and where it comes from."""

import csv

import numpy as np
import pytest

from engine.export.profile_table import profile_text
from engine.metrics.profile import ProfileLine
from engine.types import Provenance

PROVENANCE = Provenance("ncc", {"window_m": 2e-3}, "", "1.0", "abc")
LINE = ProfileLine(-1e-3, 4e-3, 3e-3, 7e-3)


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))


def test_columns_are_millimetres_percent_and_decibel() -> None:
    distance = np.array([0.0, 2.5e-3, 5e-3])
    text = profile_text(
        LINE, distance, np.array([-0.01, np.nan, 0.002]), np.array([-20.0, -30.0, np.nan]), PROVENANCE, {"frame": "3"}
    )
    first, middle, last = rows_of(text)
    assert [float(row["distance_mm"]) for row in (first, middle, last)] == pytest.approx([0, 2.5, 5])
    assert (float(middle["lateral_mm"]), float(middle["depth_mm"])) == pytest.approx((1.0, 5.5))
    assert float(first["compressive_strain_percent"]) == pytest.approx(1.0)
    assert float(last["compressive_strain_percent"]) == pytest.approx(-0.2)
    assert middle["compressive_strain_percent"] == ""
    assert last["bmode_db"] == ""
    comments = [line for line in text.splitlines() if line.startswith("#")]
    for words in ("# method: ncc", "# input_sha256: abc", "# frame: 3", "# line: -1 4 to 3 7 mm", "positive in compr"):
        assert any(words in line for line in comments), words


def test_without_strain_there_is_no_such_column() -> None:
    text = profile_text(LINE, np.array([0.0, 5e-3]), None, np.array([-20.0, -30.0]), PROVENANCE)
    assert list(rows_of(text)[0]) == ["distance_mm", "lateral_mm", "depth_mm", "bmode_db"]
