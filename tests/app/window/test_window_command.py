"""`strainscope view` and `demo` from the command line: mistakes are one line, and Qt waits until it is needed."""

import subprocess
import sys
from pathlib import Path

import pytest

from app.cli import main


def test_missing_file_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["view", str(tmp_path / "nowhere.h5")]) == 2
    said = capsys.readouterr().err
    assert "nowhere.h5" in said
    assert said.count("\n") == 1


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only there a display may be missing")
def test_missing_display_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    assert main(["demo"]) == 2
    assert "display" in capsys.readouterr().err


def test_unknown_device_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["view", "--device", "abacus"]) == 2
    assert "abacus" in capsys.readouterr().err


def test_the_command_itself_imports_neither_qt_nor_torch() -> None:
    script = "import sys, app.commands.window; print('PySide6' in sys.modules, 'torch' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["False", "False"]


def test_a_session_alone_asks_for_the_window(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A desktop opens a file by giving its path to the program, and nothing else."""
    asked: list[tuple[tuple[Path, ...], str]] = []
    monkeypatch.setattr(
        "app.commands.window._run_window", lambda files, *, demo, device: asked.append((files, device)) or 0
    )
    path = tmp_path / "study.strainscope"
    path.write_text("{}")
    assert main([str(path)]) == 0
    assert main([str(path), "--device", "cpu"]) == 0
    assert asked == [((path,), "auto"), ((path,), "cpu")]
    path.unlink()
    assert main([str(path)]) == 2
    assert "study.strainscope" in capsys.readouterr().err


def test_absent_libraries_are_named_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("app.commands.window.sys.platform", "linux")
    monkeypatch.setenv("DISPLAY", ":7")
    monkeypatch.setenv("QT_QPA_PLATFORM", "xcb")
    monkeypatch.setattr("app.commands.window._loads", lambda name: "keysyms" not in name and "icccm" not in name)
    assert main(["demo"]) == 2
    error = capsys.readouterr().err
    assert "apt install libxcb-icccm4 libxcb-keysyms1" in error
    assert error.count("\n") == 1


def test_a_display_that_refuses_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    class Refusing:
        class _Connect:
            restype = None

            def __call__(self, *_: object) -> int:
                return 1

        xcb_connect = _Connect()

        @staticmethod
        def xcb_connection_has_error(_connection: object) -> int:
            return 1

        @staticmethod
        def xcb_disconnect(_connection: object) -> None:
            return None

    monkeypatch.setattr("app.commands.window.sys.platform", "linux")
    monkeypatch.setenv("DISPLAY", ":7")
    monkeypatch.setenv("QT_QPA_PLATFORM", "xcb")
    monkeypatch.setattr("app.commands.window.ctypes.CDLL", lambda _name: Refusing())
    assert main(["demo"]) == 2
    assert "the display :7 refuses a connection" in capsys.readouterr().err
