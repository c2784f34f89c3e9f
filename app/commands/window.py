"""`strainscope view` and `strainscope demo`: the window. Qt is imported only here, when a window is asked for."""

import sys
from collections.abc import Sequence
from pathlib import Path


def view(files: Sequence[Path] = (), device: str = "auto") -> int:
    """Open the window, with these files as one recording if there are any; returns when it is closed."""
    return _run_window(tuple(files), demo=False, device=device)


def demo(device: str = "auto") -> int:
    """Open the window on the bundled recording with its two ellipses drawn."""
    return _run_window((), demo=True, device=device)


def _run_window(files: tuple[Path, ...], *, demo: bool, device: str) -> int:
    if sys.platform == "win32":
        import torch  # noqa: F401 - its libraries fail to load once Qt's are there
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication

    from app.main_window import MainWindow
    from app.preferences import load_preferences
    from app.theme import apply_theme

    application = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(application, QApplication)
    application.setApplicationName("Strainscope")
    application.setDesktopFileName("strainscope")
    preferences = load_preferences()
    apply_theme(application, preferences.theme)
    window = MainWindow(preferences, device)
    window.show()
    if demo:
        QTimer.singleShot(0, window.commands.files.open_demo)
    elif files:
        QTimer.singleShot(0, window, lambda: window.open_paths(files))
    return int(application.exec())
