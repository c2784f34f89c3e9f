"""`strainscope view` and `strainscope demo`: the window. Qt is imported only when one is asked for."""

import ctypes
import gc
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from engine.errors import ParameterError, ReadError

X11_LIBRARIES = {
    "libxcb.so.1": "libxcb1",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libfontconfig.so.1": "libfontconfig1",
    "libdbus-1.so.3": "libdbus-1-3",
}
"""What Qt's X11 plug-in needs of a Linux system beside itself, with the packages of Debian and Ubuntu."""

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
    require_display()
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


def require_display() -> None:
    """Say it in a line where Qt would abort the process: without a display, or without the libraries it needs."""
    if not sys.platform.startswith("linux"):
        return
    if not any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")):
        raise ParameterError("a window needs a display, and DISPLAY is not set; `strainscope estimate` needs none")
    if os.environ.get("DISPLAY") and os.environ.get("QT_QPA_PLATFORM", "xcb").startswith("xcb"):
        _require_x11()


def _require_x11() -> None:
    """Look for what Qt's X11 plug-in links to, then ask the display whether it takes a connection."""
    absent = [package for library, package in X11_LIBRARIES.items() if not _loads(library)]
    if absent:
        raise ParameterError(f"Qt cannot open a window: install its libraries with `apt install {' '.join(absent)}`")
    xcb = ctypes.CDLL("libxcb.so.1")
    xcb.xcb_connect.restype = ctypes.c_void_p
    connection = ctypes.c_void_p(xcb.xcb_connect(None, None))
    refused = xcb.xcb_connection_has_error(connection)
    xcb.xcb_disconnect(connection)
    if refused:
        raise ParameterError(
            f"the display {os.environ['DISPLAY']} refuses a connection: log in on it, or connect with `ssh -X`"
        )


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
