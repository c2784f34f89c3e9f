"""`strainscope view` and `strainscope demo`: the window. Qt is imported only when one is asked for."""

import gc
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from engine.errors import ParameterError, ReadError

Device = Annotated[str, typer.Option("--device", metavar="auto|cpu|cuda", help="Where to compute.")]
Files = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[FILE]...",
        help="A recording, a result (or folder of them) or a workspace; files of one frame each make one.",
    ),
]


def view(files: Files = None, device: Device = "auto") -> int:
    """Open the window, with a recording, result or workspace if one is given."""
    paths = tuple(files or ())
    for path in paths:
        if not path.exists():
            raise ReadError(path, "there is no such file")
    return _run_window(paths, demo=False, device=device)


def demo(device: Device = "auto") -> int:
    """Open the window on the bundled recording, with a target and a background drawn."""
    return _run_window((), demo=True, device=device)


def _run_window(files: tuple[Path, ...], *, demo: bool, device: str) -> int:
    if device not in {"auto", "cpu", "cuda"}:
        raise ParameterError(f"device: expected auto, cpu or cuda, found {device!r}")
    _require_display()
    if sys.platform == "win32":
        import torch  # noqa: F401 - its libraries fail to load once Qt's are there
    from PySide6.QtCore import QTimer
    from PySide6.QtGui import QIcon
    from PySide6.QtWidgets import QApplication

    gc.disable()  # until everything is loaded: see app/window/start_up/warming.py
    from app.preferences import load_preferences
    from app.theme import apply_theme, program_icon
    from app.window.main_window import MainWindow

    application = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(application, QApplication)
    application.setApplicationName("Strainscope")
    application.setDesktopFileName("strainscope")
    application.setWindowIcon(QIcon(program_icon()))
    preferences = load_preferences()
    apply_theme(application, preferences.theme)
    window = MainWindow(preferences, device)
    window.show()
    if demo:
        QTimer.singleShot(0, window.commands.files.open_demo)
    elif files:
        QTimer.singleShot(0, window, lambda: window.open_paths(files))
    return int(application.exec())


def _require_display() -> None:
    """Say it in a line where Qt would abort the process."""
    named = any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))
    if sys.platform.startswith("linux") and not named:
        raise ParameterError("a window needs a display, and DISPLAY is not set; `strainscope estimate` needs none")
