"""What `estimate` warns of: frames without an estimate, and images less deep than the windows."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from app.cli import main


def test_a_blank_frame_is_warned_of_and_left_out_of_the_medians(
    rf_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recording = tmp_path / "dropped.h5"
    recording.write_bytes(rf_file.read_bytes())
    with h5py.File(recording, "r+") as file:
        file["rf"][2] = 0
    assert main(["estimate", str(recording), "-o", str(tmp_path / "r.h5"), "--method", "ncc"]) == 0
    shown = capsys.readouterr()
    assert "warning: frame 2 does not match the reference (correlation 0.00): no strain" in shown.err
    assert "nan" not in shown.out
    assert main(["estimate", str(recording), "-o", str(tmp_path / "r.h5"), "--method", "ncc", "--json"]) == 0
    medians = json.loads(capsys.readouterr().out)["median_strain_percent"]
    assert medians[1] is None
    assert medians[0] == pytest.approx(1, abs=0.1)
    call = ["estimate", str(recording), "-o", str(tmp_path / "r.h5"), "--method", "ncc", "--frames", "2"]
    assert main(call) == 0
    assert "1 frame with ncc on cpu, no strain\n" in capsys.readouterr().out


def test_an_image_less_deep_than_the_window_is_warned_of(
    rf_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with h5py.File(rf_file) as file:
        rf = np.asarray(file["rf"][:, :60])
        attributes = dict(file.attrs)
    with h5py.File(tmp_path / "shallow.h5", "w") as file:
        file["rf"] = rf
        file.attrs.update(attributes)
    call = ["estimate", str(tmp_path / "shallow.h5"), "-o", str(tmp_path / "r.h5"), "--method", "ncc"]
    assert main(call) == 0
    assert "1.2 mm deep, less than the window of ncc, 2 mm" in capsys.readouterr().err
    assert main([*call, "--set", "window_m=0.6e-3", "--set", "strain.window_m=0.6e-3"]) == 0
    assert capsys.readouterr().err == ""
