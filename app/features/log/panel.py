"""The log: what the program has told, with the time; to be copied or saved."""

from pathlib import Path

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import QApplication, QFileDialog, QHBoxLayout, QPlainTextEdit, QPushButton

from app.controllers.commands import Commands
from app.features.log.controller import LogController
from app.features.log.state import KEPT_ENTRIES, LogEntry, LogState
from app.panels.base import PANELS, Panel, PanelInfo
from app.state import ViewerState
from engine.errors import StrainscopeError


class LogPanel(Panel):
    """A text nobody can edit, and three buttons."""

    def __init__(self, state: ViewerState, commands: Commands) -> None:
        super().__init__(state, commands)
        self._log = state.slice(LogState)
        self._controller = commands.part(LogController)
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setMaximumBlockCount(KEPT_ENTRIES)
        self.text.setAccessibleName("Log")
        self.text.setPlaceholderText("Nothing has been told yet.")
        self.text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.copy = self._button("Copy all", "Copy the whole log to the clipboard")
        self.save = self._button("Save\u2026", "Write the log to a text file")
        self.clear = self._button("Clear", "Forget what was told so far")
        row = QHBoxLayout()
        for button in (self.copy, self.save, self.clear):
            row.addWidget(button)
        row.addStretch(1)
        self.column.addWidget(self.text, 1)
        self.column.addLayout(row)
        self.copy.clicked.connect(self._copy)
        self.save.clicked.connect(self._save)
        self.clear.clicked.connect(self._log.clear)
        self._log.added.connect(self._append)
        self._log.cleared.connect(self.text.clear)
        self.text.setPlainText(self._log.text().rstrip("\n"))

    def _button(self, text: str, words: str) -> QPushButton:
        button = QPushButton(text)
        button.setToolTip(words)
        button.setAccessibleName(words)
        return button

    @Slot(object)
    def _append(self, entry: LogEntry) -> None:
        self.text.appendPlainText(entry.line())

    @Slot()
    def _copy(self) -> None:
        QApplication.clipboard().setText(self._log.text())

    @Slot()
    def _save(self) -> None:
        folder = Path(self.commands.preferences.last_export_folder)
        name, _ = QFileDialog.getSaveFileName(
            self.window(), "Save the log", str(folder / "strainscope.log"), "Text (*.log *.txt)"
        )
        if not name:
            return
        try:
            self._controller.save(Path(name))
        except StrainscopeError as error:
            self.state.set_notice(str(error))
        else:
            self.state.set_notice(f"Written: {name}")


PANELS.register("log", PanelInfo("log", "Log", "bottom", LogPanel, shown=False))
