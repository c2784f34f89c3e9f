"""No command replaces the files that it reads, whatever name it is given for its output."""

import os
from pathlib import Path

import pytest

from app.cli import main


@pytest.mark.parametrize("way", ["itself", "another path", "link", "hard link"])
def test_estimate_never_replaces_the_recording(
    rf_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], way: str
) -> None:
    recording = tmp_path / "scan.h5"
    recording.write_bytes(rf_file.read_bytes())
    output = tmp_path / "result.h5"
    match way:
        case "itself":
            output = recording
        case "another path":
            output = tmp_path / ".." / tmp_path.name / "scan.h5"
        case "link":
            output.symlink_to(recording)
        case "hard link":
            os.link(recording, output)
    assert main(["estimate", str(recording), "-o", str(output), "--method", "ncc"]) == 2
    assert "scan.h5 itself, which would be lost" in capsys.readouterr().err
    assert recording.read_bytes() == rf_file.read_bytes()


def test_export_never_replaces_what_it_reads(
    rf_file: Path, result_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recording, result = tmp_path / "scan.hdf5", tmp_path / "result.hdf5"
    recording.write_bytes(rf_file.read_bytes())
    result.write_bytes(result_file.read_bytes())
    for output in (recording, result):
        assert main(["export", str(result), "--rf", str(recording), "-o", str(output)]) == 2
        assert "which would be lost" in capsys.readouterr().err
    assert recording.read_bytes() == rf_file.read_bytes()
    assert result.read_bytes() == result_file.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["result.hdf5", "scan.hdf5"]


def test_adapting_says_before_it_begins_that_its_weights_cannot_be_written(
    rf_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_arguments: object) -> None:
        raise AssertionError("it began")

    monkeypatch.setattr("engine.training.adapt.adapt", never)
    output = tmp_path / "absent" / "mine.safetensors"
    assert main(["adapt", str(rf_file), "-o", str(output), "--method", "musse-net", "--device", "cpu"]) == 2
    assert "does not exist" in capsys.readouterr().err
