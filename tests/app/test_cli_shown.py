"""Relative strain and averaging on the command line: figures, movies, sheets and the numbers."""

import json
import shutil
from pathlib import Path

import h5py
import pytest
from PIL import Image

from app.cli import USER_ERROR, main

REGIONS = ["--target", "-2.5,6,2,3", "--background", "2.5,6,2,3"]


def test_figure_and_sheet_tell_how_strain_is_shown(
    result_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in ("figure", "sheet"):
        path = tmp_path / f"{command}.png"
        options = ["--relative", "--average", "2", "--dpi", "60"]
        assert main([command, str(result_file), "-o", str(path), *options]) == 0
        with Image.open(path) as image:
            text = image.info["Description"]
        assert "divided by the mean of each frame" in text
        assert ('"averaged_frames": 2' if command == "figure" else '"averaged_frames": "up to 2"') in text
        plain = tmp_path / f"plain-{command}.png"
        assert main([command, str(result_file), "-o", str(plain), "--dpi", "60"]) == 0
        with Image.open(plain) as image:
            assert "shown" not in image.info["Description"]


def test_pages_of_a_movie_are_of_one_size(result_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "movie.gif"
    options = ["--relative", "--average", "3", "--dpi", "50"]
    assert main(["movie", str(result_file), "-o", str(path), *REGIONS, *options]) == 0
    with Image.open(path) as image:
        assert image.n_frames == 3  # type: ignore[attr-defined]


def test_numbers_are_of_the_averaged_map(result_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = []
    for average in ("1", "3"):
        assert main(["metrics", str(result_file), *REGIONS, "--frame", "3", "--average", average, "--json"]) == 0
        found.append(json.loads(capsys.readouterr().out))
    alone, averaged = (entry["frames"][0] for entry in found)
    assert (alone["averaged_frames"], averaged["averaged_frames"]) == (1, 3)
    mean = "mean_background"
    assert averaged["metrics"][mean]["value"] == pytest.approx(alone["metrics"][mean]["value"], rel=0.05)
    assert averaged["metrics"]["snr_background"]["value"] != alone["metrics"]["snr_background"]["value"]
    assert main(["metrics", str(result_file), *REGIONS, "--average", "3", "--csv"]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if not line.startswith("#")]
    assert lines[0].startswith("frame,reference,averaged_frames,")
    assert [line.split(",")[2] for line in lines[1:]] == ["1", "2", "3"]
    assert main(["metrics", str(result_file), *REGIONS, "--frame", "3", "--average", "3"]) == 0
    assert "averaged over 3 frames" in capsys.readouterr().out


def test_too_many_frames_are_refused(result_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["metrics", str(result_file), *REGIONS, "--average", "99"]) == USER_ERROR
    assert "between 1 and 10 frames" in capsys.readouterr().err


def test_export_for_zea_reads_back(
    rf_file: Path, result_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both, alone = tmp_path / "both.hdf5", tmp_path / "recording.h5"
    assert main(["export", str(result_file), "-o", str(both), "--rf", str(rf_file)]) == 0
    assert main(["export", str(rf_file), "-o", str(alone), "--format", "zea"]) == 0
    capsys.readouterr()
    for path in (both, alone):
        assert main(["info", str(path), "--json"]) == 0
        facts = json.loads(capsys.readouterr().out)
        assert (facts["frames"], facts["axial_samples"], facts["lines"]) == (4, 640, 40)
        assert facts["geometry"]["sampling_hz"] == {"value": 40e6, "source": "file"}
    assert main(["export", str(result_file), "-o", str(tmp_path / "a.mat"), "--rf", str(rf_file)]) == USER_ERROR
    assert "Arrays holds no recording" in capsys.readouterr().err
    assert main(["export", str(result_file), "-o", str(tmp_path / "a.mat"), "--format", "npz"]) == USER_ERROR
    assert "must end in .npz" in capsys.readouterr().err


def test_figure_of_two_frames_and_of_two_methods(
    rf_file: Path, result_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other, path = tmp_path / "other.h5", tmp_path / "c.png"
    assert main(["estimate", str(rf_file), "-o", str(other), "--method", "ncc", "--set", "window_m=3e-3"]) == 0
    options = [*REGIONS, "--average", "2", "--relative", "--dpi", "60"]
    for more in (["--compare-frame", "1"], ["--compare", str(other)], ["--compare", str(other), "--frame", "2"]):
        assert main(["figure", str(result_file), "-o", str(path), *options, *more]) == 0
        with Image.open(path) as image:
            text = image.info["Description"]
            width = image.width
        assert text.startswith("A: program")
        assert "; B: program" in text
    assert '"window_m": 0.003' in text.partition("; B: ")[2]
    assert main(["figure", str(result_file), "-o", str(path), *options]) == 0
    with Image.open(path) as image:
        assert image.width < width
    capsys.readouterr()
    assert main(["figure", str(result_file), "-o", str(path), "--compare-frame", "9"]) == USER_ERROR
    assert "frame 9 was not estimated" in capsys.readouterr().err
    assert (
        main(["figure", str(result_file), "-o", str(path), "--compare-frame", "1", "--rf", str(rf_file)]) == USER_ERROR
    )
    assert "without the B-mode" in capsys.readouterr().err


def test_results_of_different_recordings_are_not_compared(
    rf_file: Path, result_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other, result = tmp_path / "other.h5", tmp_path / "result.h5"
    shutil.copy(rf_file, other)
    with h5py.File(other, "a") as file:
        file["rf"][:] = file["rf"][:][::-1]
    assert main(["estimate", str(other), "-o", str(result), "--method", "ncc"]) == 0
    assert main(["figure", str(result_file), "-o", str(tmp_path / "c.png"), "--compare", str(result)]) == USER_ERROR
    assert "different recordings" in capsys.readouterr().err


def test_pixels_of_low_quality_count_in_no_profile_and_no_histogram(result_file: Path, tmp_path: Path) -> None:
    found = {}
    for quality in ("0", "1"):
        path = tmp_path / f"{quality}.csv"
        call = ["profile", str(result_file), "-o", str(path), "--line", "-4,6,4,6", "--frame", "2"]
        assert main([*call, "--quality", quality]) == 0
        text = path.read_text()
        rows = [line.split(",") for line in text.splitlines() if not line.startswith("#")]
        column = rows[0].index("compressive_strain_percent")
        found[quality] = sum(row[column] != "" for row in rows[1:])
        assert ("measured_quality_above" in text) == (quality != "0")
        counted = tmp_path / f"h{quality}.csv"
        status = main(["histogram", str(result_file), "-o", str(counted), *REGIONS, "--quality", quality])
        assert status == (0 if quality == "0" else USER_ERROR)  # no pixel is left
    assert found["0"] > found["1"]


def test_the_noise_floor_is_kept_in_the_provenance(
    rf_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "r.h5"
    call = ["estimate", str(rf_file), "-o", str(path), "--method", "ncc", "--frames", "1", "--device", "cpu"]
    assert main([*call, "--noise-floor"]) == 0
    assert "noise floor of strain at most" in capsys.readouterr().err
    with h5py.File(path, "r") as file:
        kept = json.loads(file.attrs["parameters"])["noise_floor"]
    assert 0 < kept["deviation"] < 0.01
    assert kept["frames"][1] - kept["frames"][0] == 1


@pytest.mark.parametrize("command", [["figure"], ["movie"], ["figure", "--compare-frame", "1"]])
def test_a_map_over_no_bmode_is_refused(
    result_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    name, *more = command
    path = tmp_path / ("a.gif" if name == "movie" else "a.png")
    assert main([name, str(result_file), "-o", str(path), "--overlay", *more]) == USER_ERROR
    assert capsys.readouterr().err.startswith("strainscope: --overlay: ")
    assert not path.exists()
