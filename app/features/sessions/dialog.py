"""The questions about sessions: where one goes, where its recording is, and what becomes of unsaved changes."""

from collections.abc import Callable
from functools import partial
from pathlib import Path, PureWindowsPath

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

from app.features.sessions.file import EXTENSION, Session

FILTER = f"Strainscope session (*{EXTENSION})"


def ask_open(parent: QWidget, folder: str) -> Path | None:
    """Ask which session to open."""
    name, _ = QFileDialog.getOpenFileName(parent, "Open a session", folder, FILTER)
    return Path(name) if name else None


def ask_save(parent: QWidget, proposed: Path) -> Path | None:
    """Ask where a session goes; the name gets its extension before the dialog asks whether to replace a file."""
    dialog = QFileDialog(parent, "Save the session", str(proposed.parent), FILTER)
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


def ask_place(parent: QWidget, session: Session, folder: str) -> tuple[Path, ...]:
    """Ask where the recording of a session is now; nothing where the user does not say."""
    names = [PureWindowsPath(path).name for path in session.source.paths]
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    chosen, _ = QFileDialog.getOpenFileNames(parent, f"Where is {names[0]}{more}?", folder, "All files (*)")
    return tuple(Path(name) for name in chosen)


def ask_other(parent: QWidget, text: str, use: Callable[[], None], choose: Callable[[], None]) -> None:
    """Ask whether a session is to be opened with another recording than its own."""
    box = _box(parent, text)
    box.setInformativeText("You can open the session with it all the same, or choose another file.")
    take = box.addButton("Use this recording", QMessageBox.ButtonRole.AcceptRole)
    other = box.addButton("Choose a file\u2026", QMessageBox.ButtonRole.ActionRole)
    box.addButton(QMessageBox.StandardButton.Cancel)
    take.clicked.connect(use)
    other.clicked.connect(choose)
    box.open()


def ask_unsaved(parent: QWidget, name: str, save: Callable[[], None], go_on: Callable[[], None]) -> None:
    """Ask what becomes of changes that no file holds yet."""
    box = _box(parent, f"Save the changes to the session {name}?")
    buttons = QMessageBox.StandardButton
    box.setStandardButtons(buttons.Save | buttons.Discard | buttons.Cancel)
    box.setDefaultButton(buttons.Save)
    box.button(buttons.Save).clicked.connect(partial(_call, save))
    box.button(buttons.Discard).clicked.connect(partial(_call, go_on))
    box.open()


def _box(parent: QWidget, text: str) -> QMessageBox:
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Question)
    box.setWindowTitle("Strainscope")
    box.setText(text)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    return box


def _call(do: Callable[[], None], _checked: bool = False) -> None:
    do()
