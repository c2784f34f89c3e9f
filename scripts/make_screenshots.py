"""Make the pictures of README and guide from the bundled recording, every panel in both themes.

QT_QPA_PLATFORM=offscreen python scripts/make_screenshots.py [README_FOLDER GUIDE_FOLDER]
"""

import io
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from PySide6.QtCore import QBuffer, QIODevice, QPointF
from PySide6.QtWidgets import QApplication, QWidget

from app.features.export.figure_dialog import FigureDialog
from app.features.maps.controller import MapsController
from app.features.opening.geometry_dialog import GeometryDialog
from app.features.profile.state import ProfileState
from app.preferences import Preferences
from app.state import Role, Tool
from app.state.maps import MapState
from app.theme import apply_theme
from app.window.main_window import MainWindow
from engine.metrics.profile import ProfileLine
from engine.quantity import AXIAL_STRAIN

RESOURCES = Path(__file__).parents[1] / "resources"
TARGET = RESOURCES / "screenshots"
GUIDE = RESOURCES / "guide" / "images"
FRAME = 4


def spin(application: QApplication, until: Callable[[], bool], seconds: float = 300.0) -> None:
    """Run the window until something holds."""
    end = time.monotonic() + seconds
    while not until() and time.monotonic() < end:
        application.processEvents()
        time.sleep(0.002)


def settle(application: QApplication, seconds: float = 0.5) -> None:
    """Let everything that is under way be painted."""
    end = time.monotonic() + seconds
    spin(application, lambda: time.monotonic() > end)


def shoot(widget: QWidget, path: Path) -> None:
    """Write a picture of a widget, small."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    widget.grab().save(buffer, "PNG")
    Image.open(io.BytesIO(buffer.data().data())).convert("RGB").save(path, optimize=True)


def shoot_panels(application: QApplication, window: MainWindow, folder: Path, theme: str) -> None:
    """Take the window, every panel, and the maps beside strain."""
    shoot(window, folder / f"window-{theme}.png")
    for name in window.docks.titles:
        dock = window.docks.dock(name)
        shown = dock.isVisible()
        window.docks.show(name)
        settle(application)
        shoot(dock, folder / f"{name}-{theme}.png")
        dock.setVisible(shown)
    maps, controller = window.state.slice(MapState), window.commands.part(MapsController)
    controller.compute()
    spin(application, lambda: maps.map is not None and maps.map.kind == "modulus")
    settle(application)
    shoot(window.central, folder / f"modulus-{theme}.png")
    maps.choose(AXIAL_STRAIN)
    for name in window.docks.docks:
        if window.docks.docks[name].isVisible():
            window.docks.show(name)


def shoot_geometry(application: QApplication, window: MainWindow, folder: Path) -> None:
    """Open an array that says nothing of itself, and take the dialog that asks for its geometry in both themes."""
    sequence = window.state.recording.sequence
    with tempfile.TemporaryDirectory() as scratch:
        array = Path(scratch) / "scan.npy"
        np.save(array, np.stack([sequence.frame(index).T for index in (0, 1)]))
        window.open_paths((array,))
        spin(application, lambda: window.findChild(GeometryDialog) is not None)
        dialog = window.findChild(GeometryDialog)
        assert isinstance(dialog, GeometryDialog)
        for theme in ("dark", "light"):
            window.set_theme(theme)
            settle(application)
            shoot(dialog, folder / f"geometry-{theme}.png")
        dialog.reject()


def shoot_moving(application: QApplication, window: MainWindow, folder: Path) -> None:
    """Take the images with lateral strain in deformed shape over the B-mode, its profile line, and a part drawn."""
    maps, line = window.state.slice(MapState), window.state.slice(ProfileState)
    before = window.state.display
    maps.choose("lateral-strain")
    line.set_line(ProfileLine(-10e-3, 14e-3, 10e-3, 14e-3))
    window.commands.change_display(deformed=True, overlay=True)
    window.actions_by_name["draw_part"].trigger()
    window.central.view.bmode.plot.box.line_drawn.emit(QPointF(-9.0, 8.0), QPointF(11.0, 24.0), False)
    spin(application, lambda: window.state.picture is not None and window.state.picture.shape is not None)
    settle(application, 2.0)
    shoot(window.central, folder / "moving-dark.png")
    window.state.set_tool(Tool.PAN)
    line.set_line(None)
    maps.choose(AXIAL_STRAIN)
    window.commands.change_display(**before.as_dict())


def main() -> None:
    """Open the example, estimate its strain, and take every picture."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET
    guide = Path(sys.argv[2]) if len(sys.argv) > 2 else GUIDE
    for made in (folder, guide):
        made.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as config:
        os.environ["STRAINSCOPE_CONFIG"] = config
        application = QApplication([])
        apply_theme(application, "dark")
        window = MainWindow(Preferences(theme="dark"), "cpu")
        window.resize(1600, 860)
        window.show()
        spin(application, lambda: bool(window.state.methods))
        settle(application)
        shoot(window, folder / "empty-dark.png")
        window.commands.files.open_demo()
        spin(application, lambda: window.state.run is not None and window.state.run.status == "complete")
        window.commands.playback.show_frame(FRAME)
        window.commands.regions.select(Role.TARGET)
        for theme in ("dark", "light"):
            window.set_theme(theme)
            settle(application)
            shoot(window, folder / f"window-{theme}.png")
            shoot_panels(application, window, guide, theme)
        window.set_theme("dark")
        shoot_moving(application, window, guide)
        window.actions_by_name["figure"].trigger()
        dialog = window.findChild(FigureDialog)
        assert isinstance(dialog, FigureDialog)
        spin(application, lambda: dialog.picture() is not None)
        settle(application)
        shoot(dialog, folder / "figure-export-dark.png")
        dialog.reject()
        shoot_geometry(application, window, guide)
        window.close()


if __name__ == "__main__":
    main()
