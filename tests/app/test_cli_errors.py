"""Every mistake is one clear line on stderr and exit status 2, and leaves nothing behind."""

import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from app import cli
from app.cli import main


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    assert main(list(arguments)) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    lines = shown.err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("strainscope: ")
    return lines[0]


def estimate(rf: Path | str, output: Path | str, *more: str) -> list[str]:
    return ["estimate", str(rf), "-o", str(output), "--method", "ncc", *more]


def test_usage_errors_are_one_line(capsys: pytest.CaptureFixture[str], rf_file: Path) -> None:
    assert "No such command" in refused(capsys, "inspect")
    assert "info" in refused(capsys, "inof")
    assert "Missing argument" in refused(capsys, "info")
    assert "No such option" in refused(capsys, "info", str(rf_file), "--nonsense")
    assert "--output" in refused(capsys, "estimate", str(rf_file))
    assert "sampling-hz" in refused(capsys, "info", str(rf_file), "--sampling-hz", "fast")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--pitch-m", "0"], "--pitch-m must be a positive number"),
        (["--sampling-hz", "nan"], "--sampling-hz must be a positive number"),
        (["--sampling-hz", "8e6"], "is sampled at 8 MHz, below twice its carrier"),
        (["--frames", "9"], "frame 9 does not exist"),
        (["--frames", "a:b"], "is not like"),
        (["--frames", "5:"], "chooses none"),
        (["--reference", "7"], "reference frame 7 does not exist"),
        (["--frames", "0"], "no frame to estimate"),
        (["--set", "window=1"], "unknown parameter window"),
        (["--set", "window_m=wide"], "expected float"),
        (["--set", "window_m=5"], "outside"),
        (["--set", "window_m"], "is not like key=value"),
        (["--set", "other.window_m=1"], "is not like key=value"),
        (["--strain-method", "magic"], "no strain method"),
        (["--device", "abacus"], "expected auto, cpu or cuda"),
    ],
)
def test_estimate_refuses(
    rf_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert words in refused(capsys, *estimate(rf_file, tmp_path / "r.h5", *arguments))
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_method_is_answered_with_those_there_are(
    rf_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refused(capsys, "estimate", str(rf_file), "-o", str(tmp_path / "r.h5"), "--method", "crystal-ball")
    assert "ncc" in line


def test_files_that_are_not_what_was_asked_for(
    rf_file: Path, result_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.h5").write_text("not HDF5")
    (tmp_path / "empty.h5").write_bytes(b"")
    cut = rf_file.read_bytes()
    (tmp_path / "cut.h5").write_bytes(cut[: len(cut) // 3])
    out = tmp_path / "out.h5"
    assert "holds a result" in refused(capsys, *estimate(result_file, out))
    assert "holds RF" in refused(capsys, "metrics", str(rf_file))
    assert "holds RF" in refused(capsys, "figure", str(rf_file), "-o", str(tmp_path / "f.png"))
    assert "not a result" in refused(capsys, "metrics", str(tmp_path / "text.h5"))
    for name in ("text.h5", "empty.h5", "cut.h5", "absent.h5"):
        assert name in refused(capsys, *estimate(tmp_path / name, out))
        assert name in refused(capsys, "info", str(tmp_path / name))
        assert name in refused(capsys, "metrics", str(tmp_path / name))
    assert not out.exists()


def test_recordings_that_cannot_be_strained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    random = np.random.default_rng(0)
    geometry = ["--sampling-hz", "40e6", "--center-hz", "5e6", "--pitch-m", "3e-4"]
    one = random.standard_normal((1, 200, 20)).astype(np.float32)
    holed = random.standard_normal((2, 200, 20)).astype(np.float32)
    holed[0, 5, 5] = np.nan
    for name, rf in (("one", one), ("holed", holed), ("bmode", np.abs(one))):
        np.save(tmp_path / f"{name}.npy", rf)
    out = tmp_path / "r.h5"
    assert "one frame" in refused(capsys, *estimate(tmp_path / "one.npy", out, *geometry))
    assert "not finite" in refused(capsys, *estimate(tmp_path / "holed.npy", out, *geometry))
    assert "B-mode" in refused(capsys, *estimate(tmp_path / "bmode.npy", out, *geometry))
    assert "--sampling-hz" in refused(capsys, *estimate(tmp_path / "one.npy", out))
    assert not out.exists()


def test_outputs_that_cannot_be_written(
    rf_file: Path, result_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "folder" in refused(capsys, *estimate(rf_file, tmp_path))
    assert "does not exist" in refused(capsys, *estimate(rf_file, tmp_path / "absent" / "r.h5"))
    assert "ends in" in refused(capsys, "figure", str(result_file), "-o", str(tmp_path / "f.bmp"))
    assert "dpi" in refused(capsys, "figure", str(result_file), "-o", str(tmp_path / "f.png"), "--dpi", "1e6")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the administrator may read and write everything")
def test_no_permission_is_one_line(rf_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    closed = tmp_path / "closed.h5"
    closed.write_bytes(rf_file.read_bytes())
    closed.chmod(0)
    assert "permission" in refused(capsys, "info", str(closed)).lower()
    assert "permission" in refused(capsys, "metrics", str(closed)).lower()
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)
    assert "denied" in refused(capsys, *estimate(rf_file, folder / "r.h5")).lower()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--target", "1,2,3"], "--target"),
        (["--target", "0,6,-2,2"], "positive"),
        (["--background", "a,b,c,d"], "--background"),
        (["--frame", "0"], "frame 0 was not estimated"),
        (["--ddof", "2"], "--ddof"),
        (["--json", "--csv"], "not both"),
    ],
)
def test_metrics_refuses(
    result_file: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert words in refused(capsys, "metrics", str(result_file), *arguments)


def test_a_recording_of_another_size_is_no_background_for_a_figure(
    result_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "other.h5"
    with h5py.File(path, "w") as file:
        file["rf"] = np.random.default_rng(0).standard_normal((2, 100, 20)).astype(np.float32)
        file.attrs.update(format="strainscope-rf", version=1)
    line = refused(capsys, "figure", str(result_file), "--rf", str(path), "-o", str(tmp_path / "f.png"))
    assert "do not belong" in line
    assert "limits" in refused(capsys, "figure", str(result_file), "-o", str(tmp_path / "f.png"), "--limits", "2,1")
    assert "colour map" in refused(
        capsys, "figure", str(result_file), "-o", str(tmp_path / "f.png"), "--colormap", "mud"
    )


def test_ctrl_c_is_one_line_and_leaves_nothing(
    rf_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import engine.pipeline

    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(engine.pipeline, "run", interrupted)
    assert main(estimate(rf_file, tmp_path / "r.h5")) == 130
    assert capsys.readouterr().err == "strainscope: interrupted\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", [MemoryError, type("OutOfMemoryError", (RuntimeError,), {})])
def test_running_out_of_memory_is_one_line(
    rf_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, kind: type[Exception]
) -> None:
    import engine.readers

    def full(*arguments: object) -> None:
        raise kind("allocate 80 GiB\nlong story")

    monkeypatch.setattr(engine.readers, "open_recording", full)
    assert "out of memory" in refused(capsys, "info", str(rf_file))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried 9 bytes"), "out of memory"),
        (RecursionError("deep"), "nested more deeply"),
        (OverflowError("int too large"), "larger than can be computed"),
        (ValueError("ParseSyntaxException: $"), "mathematics"),
    ],
)
def test_known_errors_of_libraries_say_what_to_do(
    rf_file: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    words: str,
) -> None:
    import engine.readers

    def broken(*arguments: object) -> None:
        raise error

    monkeypatch.setattr(engine.readers, "open_recording", broken)
    assert words in refused(capsys, "info", str(rf_file))


def test_a_fault_of_our_own_is_one_line_and_its_trace_is_kept(
    rf_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import engine.readers

    def broken(*arguments: object) -> None:
        raise RuntimeError("a bug\x1b[2J")

    monkeypatch.setenv("STRAINSCOPE_CONFIG", str(tmp_path))
    monkeypatch.setattr(engine.readers, "open_recording", broken)
    assert main(["info", str(rf_file)]) == 1
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1
    assert "a bug\\x1b[2J (RuntimeError)" in shown
    log = tmp_path / "failures.log"
    assert str(log) in shown
    assert "in broken" in log.read_text(encoding="utf-8")


def test_a_name_that_is_no_text_is_shown_all_the_same(tmp_path: Path) -> None:
    name = os.fsdecode(b"scan\xff\x1b]0;title\x07.npy")
    try:
        np.save(tmp_path / "scan.npy", np.random.default_rng(0).standard_normal((2, 64, 8)).astype(np.float32))
        (tmp_path / "scan.npy").rename(tmp_path / name)
    except OSError:
        pytest.skip("this file system takes valid names only")
    call = [sys.executable, "-m", "app", "info", str(tmp_path / name)]
    shown = subprocess.run(
        call, capture_output=True, check=True, env={**os.environ, "PYTHONIOENCODING": "utf-8:strict"}
    )
    assert b"scan\\udcff" in shown.stdout
    assert b"\x1b" not in shown.stdout


def test_an_old_result_survives_a_failed_run(
    rf_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import engine.pipeline
    from engine.errors import MethodError

    def failing(*arguments: object) -> None:
        raise MethodError("ncc cannot run: no reason")

    path = tmp_path / "r.h5"
    path.write_text("precious")
    monkeypatch.setattr(engine.pipeline, "run", failing)
    assert "no reason" in refused(capsys, *estimate(rf_file, path))
    assert path.read_text() == "precious"
    assert list(tmp_path.iterdir()) == [path]


def test_a_reader_that_leaves_early_is_no_error(rf_file: Path) -> None:
    closed, output = os.pipe()
    os.close(closed)
    command = [sys.executable, "-m", "app", "info", str(rf_file), "--json"]
    done = subprocess.run(command, stdout=output, stderr=subprocess.PIPE, text=True, check=False)
    os.close(output)
    assert done.stderr == ""


def test_help_and_version_need_no_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("strainscope ")
    assert main(["--help"]) == 0
    assert "estimate" in capsys.readouterr().out
    for name in cli.COMMANDS:
        assert main([name, "--help"]) == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_output_to_a_full_disk_is_one_line(result_file: Path) -> None:
    with open("/dev/full", "w") as full:
        run = subprocess.run(
            [sys.executable, "-m", "app", "info", str(result_file)], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert run.returncode == 2
    assert run.stderr.splitlines() == ["strainscope: No space left on device"]


def test_a_program_without_a_console_ends_well(result_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    assert main(["info", str(result_file)]) == 0
