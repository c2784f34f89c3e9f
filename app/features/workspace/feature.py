"""The workspace of a recording: kept by itself, saved as a copy, opened from one, begun afresh, taken from another."""

import os
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Slot

from app.actions import Action
from app.features.workspace.controller import Found, WorkspaceController
from app.features.workspace.dialog import ask_other, ask_place, ask_save, ask_source
from app.features.workspace.results import ResultsController
from app.state.workspace_file import EXTENSION, is_workspace
from app.window.feature import FEATURES, Entry, FeatureContext


class WorkspaceFeature(QObject):
    """Brings controller, questions and window together; a test puts its own functions in place of `ask_...`."""

    def __init__(self, context: FeatureContext) -> None:
        super().__init__(context.window)
        self._window, self._state, self._preferences = context.window, context.state, context.preferences
        self._show_error = context.show_error
        self._controller = context.commands.part(WorkspaceController)
        self.ask_save, self.ask_source, self.ask_place = ask_save, ask_source, ask_place
        self._controller.failed.connect(context.show_error)
        self._controller.place_needed.connect(self._find_recording)
        self._controller.other_found.connect(self._other_found)
        self._state.recording_changed.connect(self._show_title)
        context.openers.append(self._take)
        context.at_close.append(self._controller.close)
        context.at_start.extend([self._controller.warm_up, context.commands.part(ResultsController).trim])

    def save_copy(self) -> None:
        """Ask for a file and write the workspace there."""
        recording = self._state.recording
        if recording is not None and self._controller.can_save():
            path = self.ask_save(self._window, _proposed(recording.sequence.paths[0]))
            if path is not None:
                self._controller.save_copy(path)

    def take_from(self) -> None:
        """Ask for another recording and take its regions and settings."""
        chosen = self.ask_source(self._window, self._preferences.last_folder)
        if chosen:
            self._controller.take_from(chosen)

    def _take(self, paths: tuple[Path, ...]) -> bool:
        """Open a workspace file, if it is one."""
        self._controller.cancel()
        if not any(is_workspace(path) for path in paths):
            return False
        if len(paths) > 1:
            self._show_error("Open one workspace at a time, without other files.")
        else:
            self._controller.open(paths[0])
        return True

    @Slot(object)
    def _find_recording(self, found: Found) -> None:
        folder = self._preferences.last_folder
        self._controller.look_in(found, self.ask_place(self._window, found.workspace, folder))

    @Slot(object)
    def _other_found(self, found: Found) -> None:
        text = f"{found.recording[0].name} is another recording than that of {found.path.name}."
        use, choose = partial(self._controller.open_with, found), partial(self._find_recording, found)
        ask_other(self._window, text, use, choose)

    @Slot()
    def _show_title(self) -> None:
        recording = self._state.recording
        names = ["Strainscope"] if recording is None else [recording.sequence.name, "Strainscope"]
        self._window.setWindowTitle(" \u2013 ".join(names))


def _proposed(first: Path) -> Path:
    """Propose a file beside the recording, or where that may not be written, in the user's own folder."""
    folder = first.parent if os.access(first.parent, os.W_OK) else Path.home()
    return folder / first.with_suffix(EXTENSION).name


def build(context: FeatureContext) -> tuple[Entry, ...]:
    """File menu: the copy; Edit menu: taking over and beginning afresh."""
    feature = WorkspaceFeature(context)
    controller = context.commands.part(WorkspaceController)
    return (
        Action(
            "save_workspace", "&Save a copy of the workspace\u2026", feature.save_copy, "File", 250, key="Ctrl+S",
            enabled=controller.can_save,
            tip="Regions, method, display and all else, to give away; here everything is kept by itself",
        ),
        Action(
            "take_workspace", "&Take regions and settings from another recording\u2026", feature.take_from, "Edit", 210,
            enabled=controller.can_save, tip="From what is kept of it, or from a workspace file; one step of undo",
        ),
        Action(
            "start_afresh", "Start a&fresh", controller.start_afresh, "Edit", 211, enabled=controller.can_save,
            tip="As if this recording had never been opened; one step of undo",
        ),
    )  # fmt: skip


FEATURES.register("workspace", build)
