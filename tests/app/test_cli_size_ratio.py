"""`strainscope metrics --lesion`: the E/B size ratio beside the other numbers."""

import csv
import json
from pathlib import Path

import pytest

from app.cli import main

TARGET, BACKGROUND, LESION = "-2,6,2,2", "2,6,2,2", "-2,6,1,2"


def measure(result: Path, capsys: pytest.CaptureFixture[str], *more: str) -> str:
    assert main(["metrics", str(result), "--target", TARGET, "--background", BACKGROUND, *more]) == 0
    return capsys.readouterr().out


def test_csv_and_json_have_the_ratios(result_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = measure(result_file, capsys, "--lesion", LESION, "--csv")
    row = next(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))
    assert (float(row["eb_area_ratio"]), float(row["eb_diameter_ratio"])) == pytest.approx((2.0, 1.0))
    found = json.loads(measure(result_file, capsys, "--lesion", LESION, "--json"))
    assert found["frames"][0]["metrics"]["eb_area_ratio"]["value"] == pytest.approx(2.0)
    assert "E/B size ratio" in measure(result_file, capsys, "--lesion", LESION)


def test_without_a_lesion_nothing_changes(result_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "eb_" not in measure(result_file, capsys, "--csv")


def test_a_wrong_outline_is_one_line(result_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["metrics", str(result_file), "--target", TARGET, "--lesion", "1,2"]) == 2
    assert "--lesion" in capsys.readouterr().err


def test_an_outline_that_leaves_the_image_is_warned_of(result_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["metrics", str(result_file), "--target", TARGET, "--lesion", "-2,0.5,1,2"]) == 0
    assert "warning: lesion: this outline reaches beyond the image" in capsys.readouterr().err


def test_the_figure_shows_the_outline(result_file: Path, tmp_path: Path) -> None:
    def letters(*more: str) -> str:
        path = tmp_path / "figure.svg"
        assert main(["figure", str(result_file), "-o", str(path), "--target", TARGET, *more]) == 0
        return path.read_text(encoding="utf-8")

    assert letters("--lesion", LESION) != letters()
