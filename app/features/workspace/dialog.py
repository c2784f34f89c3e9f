"""The questions about workspaces: where a copy goes, where its recording is, whether another one will do."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

from app.state.workspace_file import EXTENSION, Workspace

FILTER = f"Strainscope workspace (*{EXTENSION})"


def ask_save(parent: QWidget, proposed: Path) -> Path | None:
    """Ask where a copy goes; the name gets its extension before the dialog asks whether to replace a file."""
    dialog = QFileDialog(parent, "Save a copy of the workspace", str(proposed.parent), FILTER)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setDefaultSuffix(EXTENSION.removeprefix("."))
    dialog.selectFile(proposed.name)
    accepted = dialog.exec()
    names = dialog.selectedFiles()
    dialog.deleteLater()
    if not accepted or not names:
        return None
    path = Path(names[0])
    return path if path.suffix.lower() == EXTENSION else path.with_name(path.name + EXTENSION)


def ask_source(parent: QWidget, folder: str) -> tuple[Path, ...]:
    """Ask from which recording, or workspace file, regions and settings are taken."""
    title = "Take regions and settings from this recording, or workspace"
    chosen, _ = QFileDialog.getOpenFileNames(parent, title, folder, "All files (*)")
    return tuple(Path(name) for name in chosen)


def ask_place(parent: QWidget, workspace: Workspace, folder: str) -> tuple[Path, ...]:
    """Ask where the recording of a workspace is now; nothing where the user does not say."""
    chosen, _ = QFileDialog.getOpenFileNames(parent, f"Where is {workspace.recording_name}?", folder, "All files (*)")
    return tuple(Path(name) for name in chosen)


def ask_other(parent: QWidget, text: str, use: Callable[[], None], choose: Callable[[], None]) -> None:
    """Ask whether a workspace is to be opened with another recording than its own."""
    box = QMessageBox(QMessageBox.Icon.Question, "Strainscope", text, QMessageBox.StandardButton.Cancel, parent)
    box.setInformativeText("You can open the workspace with it all the same, or choose another file.")
    box.addButton("Use this recording", QMessageBox.ButtonRole.AcceptRole).clicked.connect(use)
    box.addButton("Choose a file\u2026", QMessageBox.ButtonRole.ActionRole).clicked.connect(choose)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.open()
