"""Results: opened from Open, by a drop or the command line, with their recording if it can be found or is named."""

from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Qt, Slot
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

from app.actions import Action
from app.controllers.reading import OpenedFile
from app.features.results.controller import ResultFilesController
from app.features.results.state import ResultListState
from app.window.feature import FEATURES, Entry, FeatureContext


class ResultsFeature(QObject):
    """Asks for a recording that is not found, once, and brings the list to the front."""

    def __init__(self, context: FeatureContext) -> None:
        super().__init__(context.window)
        self._window, self._preferences, self._files = context.window, context.preferences, context.commands.files
        self._results = context.state.slice(ResultListState)
        self._show_panel = context.show_panel
        self._listed: tuple[Path, ...] = ()
        self.ask_recording = ask_recording
        self._files.rf_needed.connect(self._ask)
        self._results.changed.connect(self._changed)
        self._results.changed.connect(context.refresh)

    @Slot()
    def _changed(self) -> None:
        if self._results.paths and self._results.paths != self._listed:
            self._show_panel("results")
        self._listed = self._results.paths

    @Slot(object)
    def _ask(self, opened: OpenedFile) -> None:
        """Ask where the recording of a result is; it is shown without one all the same."""
        assert opened.result is not None
        name = opened.result.provenance.recording_name
        words = f"The recording of {opened.paths[0].name}{f', {name},' if name else ''} was not found beside it."
        box = QMessageBox(QMessageBox.Icon.Question, "Strainscope", words, parent=self._window)
        box.setInformativeText("Without it there is no B-mode, and no strain can be estimated anew.")
        choose = box.addButton("Choose the recording\u2026", QMessageBox.ButtonRole.AcceptRole)
        without = box.addButton("Show it without B-mode", QMessageBox.ButtonRole.ActionRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        choose.clicked.connect(partial(self._choose, opened))
        without.clicked.connect(partial(self._without, opened))
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.open()

    def _choose(self, opened: OpenedFile, _checked: bool = False) -> None:
        chosen = self.ask_recording(self._window, self._preferences.last_folder)
        if chosen:
            self._files.open(opened.paths, rf=chosen, listed=opened.listed)

    def _without(self, opened: OpenedFile, _checked: bool = False) -> None:
        self._files.open(opened.paths, rf=(), listed=opened.listed)


def ask_recording(parent: QWidget, folder: str) -> tuple[Path, ...]:
    """Ask for the files of a recording."""
    chosen, _ = QFileDialog.getOpenFileNames(parent, "The recording of this result", folder, "All files (*)")
    return tuple(Path(name) for name in chosen)


def build(context: FeatureContext) -> tuple[Entry, ...]:
    """View menu: the result before and after."""
    ResultsFeature(context)
    controller = context.commands.part(ResultFilesController)
    return (
        Action(
            "next_result", "Ne&xt result", partial(controller.step, 1), "View", 120, key="Ctrl+PgDown",
            enabled=partial(controller.can_step, 1), tip="The next result of the folder that was opened",
        ),
        Action(
            "previous_result", "Pre&vious result", partial(controller.step, -1), "View", 121, key="Ctrl+PgUp",
            enabled=partial(controller.can_step, -1), tip="The result before this one in the folder that was opened",
        ),
    )  # fmt: skip


FEATURES.register("results", build)
