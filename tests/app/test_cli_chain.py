"""The chain a user walks on the command line: info, estimate, metrics, figure; the same numbers everywhere."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.cli import main
from engine.export.result_file import read_result
from engine.metrics.base import METRICS, Finding, Metric, register
from engine.metrics.contrast import strain_metrics
from engine.types import Ellipse

TARGET = ["--target", "-2.5,6,2,3"]
BACKGROUND = ["--background", "2.5,6,2,3"]
ELLIPSES = (Ellipse(-2.5e-3, 6e-3, 2e-3, 3e-3), Ellipse(2.5e-3, 6e-3, 2e-3, 3e-3))


def run_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict:
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


def test_info_says_shape_geometry_and_sources(rf_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    facts = run_json(capsys, "info", str(rf_file), "--frame-rate-hz", "25")
    assert (facts["frames"], facts["axial_samples"], facts["lines"]) == (4, 640, 40)
    assert facts["geometry"]["sampling_hz"] == {"value": 40e6, "source": "file"}
    assert facts["geometry"]["frame_rate_hz"] == {"value": 25.0, "source": "user"}
    assert main(["info", str(rf_file)]) == 0
    text = capsys.readouterr().out
    assert "4 frames x 640 samples x 40 lines" in text
    assert "40 MHz" in text
    assert "0.3 mm" in text


def test_info_of_a_result_says_how_it_was_made(result_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    facts = run_json(capsys, "info", str(result_file))
    assert facts["provenance"]["method"] == "ncc"
    assert facts["deformed_frames"] == [1, 2, 3]


def test_methods_are_listed_with_their_parameters(capsys: pytest.CaptureFixture[str]) -> None:
    listed = run_json(capsys, "methods")
    by_name = {entry["name"]: entry for entry in listed["methods"]}
    assert listed["default"] in by_name
    window = next(entry for entry in by_name["ncc"]["parameters"] if entry["name"] == "window_m")
    assert window["unit"] == "m"
    assert window["minimum"] < window["default"] < window["maximum"]
    assert "usse-net-unsupervised-v1" in by_name["usse-net"]["other_weights"]
    assert listed["elasticity"][0]["name"] == "strain-inverse"
    assert main(["methods"]) == 0
    short = capsys.readouterr().out
    assert "default" in short
    assert "window_m" not in short
    assert main(["methods", "ncc", "least-squares", "preparation", "adapt"]) == 0
    keys = capsys.readouterr().out
    assert all(key in keys for key in ("  window_m = ", "strain.window_m", "prepare.band_pass", "learning_rate"))
    assert "loupas" not in keys
    assert main(["methods", "nc"]) == 2
    assert "nothing is called nc; there are: usenet" in capsys.readouterr().err


def test_estimate_finds_the_compression_and_records_how(rf_file: Path, result_file: Path) -> None:
    result = read_result(result_file)
    assert result.deformed_frames == (1, 2, 3)
    for row in range(3):
        strain = result.read_frame(row).strain.axial
        assert float(np.nanmedian(strain)) == pytest.approx(-0.01 * (row + 1), rel=0.05)
    assert result.provenance.method == "ncc"
    assert result.provenance.parameters["strain_method"] == "least-squares"
    assert "window_m" in result.provenance.parameters["method"]
    assert len(result.provenance.input_sha256) == 64
    assert result.geometry.sources.sampling_hz == "file"


def test_estimate_takes_frames_settings_and_reference(
    rf_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "r.h5"
    options = ["--method", "ncc", "--frames", ":", "--reference", "1", "--set", "window_m=3e-3"]
    options += ["--set", "prepare.band_pass=true", "--set", "strain.window_m=1.5e-3"]
    facts = run_json(capsys, "estimate", str(rf_file), "-o", str(path), *options)
    assert facts["deformed_frames"] == [0, 2, 3]
    result = read_result(path)
    assert result.reference_frame == 1
    assert result.read_frame(0).strain.window_m == pytest.approx(1.5e-3, rel=0.05)
    assert result.provenance.parameters["method"]["window_m"] == 3e-3
    assert result.provenance.parameters["preparation"]["band_pass"] is True


def test_json_csv_and_the_engine_agree(result_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    facts = run_json(capsys, "metrics", str(result_file), *TARGET, *BACKGROUND)
    assert main(["metrics", str(result_file), *TARGET, *BACKGROUND, "--csv"]) == 0
    text = capsys.readouterr().out
    table = list(csv.DictReader(io.StringIO("".join(line for line in text.splitlines(True) if line[0] != "#"))))
    result = read_result(result_file)
    for row, frame in enumerate(facts["frames"]):
        wanted = strain_metrics(result.read_frame(row).strain, *ELLIPSES)
        for name, entry in frame["metrics"].items():
            assert entry["value"] == pytest.approx(wanted[name].value, rel=1e-12)
        assert float(table[row]["cnr"]) == pytest.approx(wanted["cnr"].value, rel=1e-8)
    assert facts["frames"][0]["metrics"]["mean_target"]["value"] == pytest.approx(1.0, rel=0.1)


def test_a_metric_that_is_registered_is_printed_in_every_form(
    result_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    METRICS.discover()
    monkeypatch.setattr(METRICS, "_entries", dict(METRICS._entries))
    register(Metric("answer", "Answer", "The answer", "Always 42", lambda source: Finding(42.0), ("strain",), "%"))
    facts = run_json(capsys, "metrics", str(result_file), *TARGET, "--frame", "2")
    assert facts["frames"][0]["metrics"]["answer"]["value"] == 42.0
    assert main(["metrics", str(result_file), *TARGET, "--frame", "2", "--csv"]) == 0
    assert "answer_percent" in capsys.readouterr().out
    assert main(["metrics", str(result_file), *TARGET, "--frame", "2"]) == 0
    assert "The answer" in capsys.readouterr().out


def test_a_quality_leaves_pixels_out_and_says_how_many(result_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("metrics", str(result_file), *TARGET, "--frame", "2")
    (every,) = run_json(capsys, *asked)["frames"]
    facts = run_json(capsys, *asked, "--quality", "1")
    (some,) = facts["frames"]
    assert some["metrics"]["used_target"]["value"] < every["metrics"]["used_target"]["value"]
    assert facts["provenance"]["parameters"]["shown"] == {"measured_quality_above": 1.0}


def test_missing_numbers_are_null_with_a_reason(result_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    facts = run_json(capsys, "metrics", str(result_file), *TARGET, "--frame", "2")
    (frame,) = facts["frames"]
    assert frame["deformed_frame"] == 2
    assert frame["metrics"]["cnr"]["value"] is None
    assert frame["metrics"]["cnr"]["reason"] == "not_drawn"
    assert frame["metrics"]["snr_target"]["value"] > 0


def test_the_table_for_people_shows_dashes_and_warnings(result_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["metrics", str(result_file), *TARGET, "--background", "40,6,2,2", "--frame", "1"]) == 0
    shown = capsys.readouterr()
    assert "SNR of the target" in shown.out
    assert "dB" in shown.out
    assert "outside the image" in shown.out
    assert shown.err.startswith("strainscope: warning: background")


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg", "tif"])
def test_figures_are_written(result_file: Path, rf_file: Path, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"figure.{suffix}"
    arguments = ["figure", str(result_file), "--rf", str(rf_file), "-o", str(path), *TARGET, *BACKGROUND, "--dpi", "60"]
    assert main(arguments) == 0
    assert path.stat().st_size > 5000


def test_a_figure_without_rf_shows_strain_alone(result_file: Path, tmp_path: Path) -> None:
    wide, narrow = tmp_path / "wide.png", tmp_path / "narrow.png"
    common = ["figure", str(result_file), "--dpi", "50", "--frame", "1", "--limits", "0,2", "--scale-bar", "--caption"]
    assert main([*common, "-o", str(narrow), "--colormap", "magma_r"]) == 0
    with Image.open(narrow) as image:
        assert image.width > 100
    assert not wide.exists()


def test_info_ends_with_what_to_do_next(rf_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    facts = run_json(capsys, "info", str(rf_file))
    assert (facts["ready"], facts["missing"]) == (True, [])
    assert main(["info", str(rf_file)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "  Ready for `strainscope estimate`."
    rows = np.sin(np.arange(400))[None, :, None] * np.ones((2, 1, 16))
    np.save(tmp_path / "a.npy", rows)
    assert main(["info", str(tmp_path / "a.npy"), "--sampling-hz", "40e6"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == (
        "  Missing: centre frequency, line pitch; give, for example, --center-hz 6.366e6 --pitch-m 0.2e-3, or take the "
        "suggested centre frequency with --accept-suggested."
    )
    fan = ["--radius-mm", "60", "--angle-step-deg", "0.5", "--center-hz", "6e6", "--sampling-hz", "40e6"]
    facts = run_json(capsys, "info", str(tmp_path / "a.npy"), *fan, "--data-kind", "rf")
    assert facts["ready"]
    assert facts["sector"] == {
        "apex_radius_m": 0.06,
        "angle_step_rad": pytest.approx(0.0087266, 1e-4),
        "source": "user",
    }
    assert main(["info", str(tmp_path / "a.npy"), "--radius-mm", "60"]) == 2
    assert "--radius-mm needs --angle-step-deg" in capsys.readouterr().err


def test_pairs_are_typed_once_and_stand_in_the_result(
    rf_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A list of pairs keeps each its reference; steps added up have one, and state their drift."""
    target = tmp_path / "r.h5"
    run_json(capsys, "estimate", str(rf_file), "-o", str(target), "--method", "ncc", "--pairs", "(0, 2), (1, 3)")
    result = read_result(target)
    assert [result.frame(frame).reference_frame for frame in result.deformed_frames] == [0, 1]
    assert result.provenance.parameters["preparation"]["pairing"] == "(0, 2), (1, 3)"
    command = ["estimate", str(rf_file), "-o", str(target), "--method", "ncc", "--pairs", "sliding added up"]
    told = run_json(capsys, *command)
    assert told["deformed_frames"] == [1, 2, 3]
    assert len(told["drift_m"]) == 3
    ways = run_json(capsys, *command, "--set", "prepare.inverse_consistent=true")
    kept = read_result(target)
    for frame, drift_m in zip((1, 2, 3), ways["drift_m"], strict=True):
        report = kept.frame(frame).displacement.report
        assert (report["steps"], report["drift_m"]) == (frame, pytest.approx(drift_m))
        assert 0 < report["inconsistency_m"] < 20e-6
    assert main(["info", str(target)]) == 0
    assert "axial drift" in capsys.readouterr().out
    again = tmp_path / "again.h5"
    assert main(["export", str(target), "-o", str(again)]) == 0
    assert read_result(again).frame(3).displacement.report == kept.frame(3).displacement.report
    assert main(["figure", str(target), "-o", str(tmp_path / "f.svg"), "--frame", "2"]) == 0
    assert "over 2 steps, inconsistency of a step" in (tmp_path / "f.svg").read_text()
    capsys.readouterr()
    assert main(["estimate", str(rf_file), "-o", str(target), "--pairs", "often"]) == 2
    assert "pairs: 'often' is not fixed, sliding, 'lag 5'" in capsys.readouterr().err
