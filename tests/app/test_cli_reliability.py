"""Frames with nothing in common: every command says so, and no number or colour comes of them."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from app.cli import main
from engine.export.result_file import read_result

REGIONS = ["--target", "-2.5,6,2,3", "--background", "2.5,6,2,3"]
WORDS = "frame 2 does not match the reference (correlation 0."


@pytest.fixture(scope="module")
def stranger(rf_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small recording, with a frame 2 of another place: its lines are those of frame 0 shuffled and mirrored."""
    path = tmp_path_factory.mktemp("stranger") / "stranger.h5"
    path.write_bytes(rf_file.read_bytes())
    with h5py.File(path, "r+") as file:
        file["rf"][2] = np.asarray(file["rf"][0])[::-1, np.random.default_rng(0).permutation(file["rf"].shape[2])]
    return path


@pytest.fixture(scope="module")
def result(stranger: Path) -> Path:
    path = stranger.with_name("result.h5")
    assert main(["estimate", str(stranger), "-o", str(path), "--method", "ncc"]) == 0
    return path


def test_estimate_says_which_frames_do_not_match(stranger, tmp_path, capsys) -> None:
    call = ["estimate", str(stranger), "-o", str(tmp_path / "r.h5"), "--method", "ncc", "--json"]
    assert main(call) == 0
    shown = capsys.readouterr()
    assert WORDS in shown.err
    reliability = json.loads(shown.out)["reliability"]
    assert [entry["verdict"] for entry in reliability["frames"]] == ["good", "no match", "good"]
    assert reliability["worth_keeping"] == [1, 3]
    assert reliability["best_frame"] in {1, 3}
    assert reliability["words"][0].startswith(WORDS)
    frame = read_result(tmp_path / "r.h5").read_frame(1)
    assert np.isfinite(frame.strain.axial).mean() <= 0.02
    assert frame.sigma is not None


def test_no_frame_without_strain_counts_as_explained(stranger, tmp_path, capsys) -> None:
    assert main(["estimate", str(stranger), "-o", str(tmp_path / "r.h5"), "--method", "glue-stack"]) == 0
    assert " of 2 frames" in capsys.readouterr().out  # of three, one does not match


def test_metrics_and_figure_say_it_too(result, tmp_path, capsys) -> None:
    assert main(["metrics", str(result), *REGIONS, "--json"]) == 0
    shown = capsys.readouterr()
    assert WORDS in shown.err
    answer = json.loads(shown.out)
    assert answer["reliability"]["frames"][1]["verdict"] == "no match"
    values = {
        name: entry["value"] for name, entry in answer["frames"][1]["metrics"].items() if entry["value"] is not None
    }
    assert values == {"used_target": 0, "used_background": 0}
    assert set(answer["over_frames_worth_keeping"]["mean_target"]["frames"]) == {1, 3}
    assert main(["metrics", str(result), *REGIONS]) == 0
    shown = capsys.readouterr().out
    assert "over the 2 frames worth keeping (1, 3)" in shown
    assert "compressed unlike" in shown
    assert "Intervals follow the random errors of ncc on simulated recordings:" in shown
    assert answer["intervals"] in shown
    assert main(["figure", str(result), "--frame", "2", "-o", str(tmp_path / "f.png")]) == 0
    assert WORDS in capsys.readouterr().err
    assert main(["figure", str(result), "--frame", "1", "-o", str(tmp_path / "f.png")]) == 0
    assert capsys.readouterr().err == ""


def test_quality_and_sigma_are_drawn_like_strain(result, tmp_path, capsys) -> None:
    for name in ("quality", "sigma"):
        target = tmp_path / f"{name}.png"
        assert main(["figure", str(result), "--frame", "1", "--map", name, "-o", str(target)]) == 0
        assert target.stat().st_size > 5000
    assert main(["figure", str(result), "--map", "nix", "-o", str(tmp_path / "n.png")]) == 2
    assert "there are: axial-strain, lateral-strain" in capsys.readouterr().err


def test_the_caption_has_intervals_on_request(result, tmp_path, capsys) -> None:
    call = ["figure", str(result), "--frame", "1", *REGIONS, "-o", str(tmp_path / "f.svg")]
    assert main(call) == 0
    assert "95 %:" not in (tmp_path / "f.svg").read_text(encoding="utf-8")
    assert main([*call[:-1], str(tmp_path / "g.svg"), "--intervals"]) == 0
    assert "95 %:" in (tmp_path / "g.svg").read_text(encoding="utf-8")


def test_metrics_say_whose_errors_the_intervals_follow(rf_file: Path, tmp_path: Path, capsys) -> None:
    path = tmp_path / "loupas.h5"
    assert main(["estimate", str(rf_file), "-o", str(path), "--method", "loupas", "--frames", "1"]) == 0
    assert main(["metrics", str(path), *REGIONS]) == 0
    assert "of ncc on simulated recordings (those of loupas were not calibrated)" in capsys.readouterr().out


def test_evaluate_calibrates(tmp_path, capsys) -> None:
    assert main(["simulate", "-o", str(tmp_path), "--protocol", "small-noisy", "--phantoms", "1"]) == 0
    recording = next(tmp_path.glob("*.h5"))
    capsys.readouterr()
    plot = tmp_path / "reliability.png"
    call = ["evaluate", str(recording), "--method", "ncc", "--calibration", "--plot", str(plot)]
    assert main([*call, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["valid_share"]["ncc"] > 0.99
    whole = answer["methods"]["ncc"][0]
    assert whole["ratio"] == pytest.approx(1.0, abs=0.35)
    assert plot.exists()
    assert main(call) == 0
    assert "Found / stated" in capsys.readouterr().out


def test_info_measures_the_noise_floor_on_request(rf_file: Path, result: Path, capsys) -> None:
    assert main(["info", str(rf_file), "--quality"]) == 0
    assert "Noise floor of strain at most" in capsys.readouterr().out
    assert main(["info", str(rf_file), "--quality", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["noise_floor"]
    assert 0 < found["deviation"] < 0.01
    assert found["frames"][1] == found["frames"][0] + 1
    assert main(["info", str(result), "--quality"]) == 2
    assert "on a recording" in capsys.readouterr().err
