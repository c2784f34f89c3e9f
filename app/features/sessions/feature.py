"""Sessions: save, open, recover; the title's star; nothing unsaved is lost without a question."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, Qt, Slot
from PySide6.QtWidgets import QBoxLayout

from app.actions import Action
from app.controllers.files import OpenedFile
from app.features.base import FEATURES, Entry, FeatureContext
from app.features.comparison.state import CompareState
from app.features.maps.state import MapState
from app.features.profile.state import ProfileState
from app.features.sessions.autosaving import AutosaveController
from app.features.sessions.controller import SessionsController
from app.features.sessions.dialog import ask_open, ask_other, ask_place, ask_save, ask_unsaved
from app.features.sessions.file import EXTENSION, is_session
from app.features.sessions.loading import Loaded
from app.features.sessions.parts import compare_part, layout_part, maps_part, profile_part
from app.features.sessions.recovery_bar import RecoveryBar
from app.features.sessions.restoring import RestoringController
from app.features.sessions.state import SessionState
from app.views.dual_view import LayoutName

LONGEST_NAME = 40


class Sessions(QObject):
    """Brings state, controllers, questions and window together; a test puts its own functions in place of `ask_...`."""

    def __init__(self, context: FeatureContext) -> None:
        super().__init__(context.window)
        self._context = context
        self._window = context.window
        self._state = context.state
        self._sessions = context.state.slice(SessionState)
        self._controller = context.commands.part(SessionsController)
        self._autosave = context.commands.part(AutosaveController)
        self._let_pass: tuple[Path, ...] = ()
        self._after_save: Callable[[], None] | None = None
        self.ask_open = ask_open
        self.ask_save = ask_save
        self.ask_place = ask_place
        self.bar = RecoveryBar()
        self._add_parts()
        self._connect()

    def _add_parts(self) -> None:
        sessions, view = self._sessions, self._context.central.view
        maps, compare = self._state.slice(MapState), self._state.slice(CompareState)
        sessions.add_part("map", maps_part(maps), maps.kind_changed, maps.modulus_changed)
        restoring = self._context.commands.part(RestoringController)
        sessions.add_part("compare", compare_part(compare, restoring), compare.changed)
        profile = self._state.slice(ProfileState)
        sessions.add_part("profile", profile_part(profile), profile.line_changed)
        layout = layout_part(self._context.preferences, self._show_layout)
        sessions.add_part("layout", layout, view.layout_changed)

    def _connect(self) -> None:
        sessions, controller, context = self._sessions, self._controller, self._context
        controller.failed.connect(context.show_error)
        controller.place_needed.connect(self._find_recording)
        controller.other_found.connect(self._other_found)
        controller.save_ended.connect(self._save_ended)
        self._state.recording_changed.connect(self._show_title)
        sessions.changed.connect(self._show_title)
        sessions.recoverable_changed.connect(self._offer)
        sessions.recoverable_changed.connect(context.refresh)
        welcome = context.central.welcome.layout()
        assert isinstance(welcome, QBoxLayout)
        welcome.insertSpacing(welcome.count() - 1, 24)
        welcome.insertWidget(welcome.count() - 1, self.bar, 0, Qt.AlignmentFlag.AlignHCenter)
        self.bar.recover_requested.connect(self.recover)
        self.bar.discard_requested.connect(self.discard)
        context.openers.append(self._take)
        context.at_start.append(self._autosave.start)
        context.at_close.append(self._autosave.close)
        self._window.installEventFilter(self)

    # -- saving -----------------------------------------------------------------------------------------------------

    def save(self) -> None:
        """Save to the session's file, or ask for one."""
        path = self._sessions.path
        if path is None:
            self.save_as()
        else:
            self._controller.save(path)

    def save_as(self) -> None:
        """Ask for a file and save there."""
        recording = self._state.recording
        if recording is None or not self._controller.can_save():
            return
        path = self.ask_save(self._window, self._sessions.path or self._proposed(recording.sequence.paths[0]))
        if path is not None:
            self._controller.save(path)

    def _proposed(self, first: Path) -> Path:
        """Propose a file beside the recording, or where that may not be written, in the user's own folder."""
        folder = first.parent if os.access(first.parent, os.W_OK) else Path.home()
        return folder / first.with_suffix(EXTENSION).name

    @Slot(bool)
    def _save_ended(self, good: bool) -> None:
        after, self._after_save = self._after_save, None
        if good and after is not None:
            after()

    # -- opening ----------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Ask for a session and open it."""
        path = self.ask_open(self._window, self._context.preferences.last_folder)
        if path is not None:
            self._context.open_paths((path,))

    def _take(self, paths: tuple[Path, ...]) -> bool:
        """Open a session; before anything else opens, ask what becomes of unsaved changes."""
        passed, self._let_pass = self._let_pass == paths, ()
        sessions = [path for path in paths if is_session(path)]
        if sessions and len(paths) > 1:
            self._context.show_error("Open one session at a time, without other files.")
            return True
        if not passed and self._ask_first(partial(self._pass, paths)):
            return True
        if not sessions:
            self._controller.cancel()
            return False
        self._controller.open(paths[0])
        return True

    def _pass(self, paths: tuple[Path, ...]) -> None:
        self._let_pass = paths
        self._context.open_paths(paths)

    def _ask_first(self, go_on: Callable[[], None]) -> bool:
        """Ask about unsaved changes, if there are any; `go_on` is called once that is settled."""
        self._controller.look()
        path = self._sessions.path
        if path is None or not self._sessions.is_worth_asking:
            return False
        ask_unsaved(self._window, path.name, partial(self._save_and, go_on), go_on)
        return True

    def _save_and(self, go_on: Callable[[], None]) -> None:
        self._after_save = go_on
        self.save()

    @Slot(object)
    def _find_recording(self, loaded: Loaded) -> None:
        folder = self._context.preferences.last_folder
        self._controller.place(loaded, self.ask_place(self._window, loaded.session, folder))

    @Slot(object, object)
    def _other_found(self, loaded: Loaded, opened: OpenedFile) -> None:
        text = f"{opened.recording.paths[0].name} is another recording than that of the session {loaded.name}."
        use = partial(self._controller.use_other, loaded, opened)
        ask_other(self._window, text, use, partial(self._find_recording, loaded))

    def _show_layout(self, layout: LayoutName) -> None:
        self._context.preferences.layout = layout
        self._context.central.view.set_layout(layout)

    # -- recovery ---------------------------------------------------------------------------------------------------

    def can_recover(self) -> bool:
        """Say whether a crash left something behind."""
        return bool(self._sessions.recoverable)

    @Slot()
    def recover(self) -> None:
        """Open what was left behind last, after asking about unsaved changes."""
        entry = self._sessions.recoverable[0]
        go_on = partial(self._controller.recover, entry)
        if not self._ask_first(go_on):
            go_on()

    @Slot()
    def discard(self) -> None:
        """Delete what was left behind last."""
        self._autosave.discard(self._sessions.recoverable[0])

    @Slot()
    def _offer(self) -> None:
        found = self._sessions.recoverable
        words = f"{_short(found[0].name)} was not closed properly on {found[0].time:%d %B at %H:%M}." if found else ""
        self.bar.offer(words)
        if found and self._state.recording is not None:
            self._state.set_notice(f"{words} File > Recover last session brings it back.")

    # -- the window -------------------------------------------------------------------------------------------------

    @Slot()
    def _show_title(self) -> None:
        recording, path = self._state.recording, self._sessions.path
        names = ["Strainscope"] if recording is None else [recording.sequence.name, "Strainscope"]
        title = " \u2013 ".join(names if path is None else [f"{path.stem}[*]", *names])
        if self._window.windowTitle() != title:
            self._window.setWindowModified(False)
            self._window.setWindowTitle(title)
        self._window.setWindowModified(self._sessions.is_modified)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Hold the window open for a session that is being saved, and for the question about unsaved changes."""
        if event.type() is not QEvent.Type.Close or watched is not self._window:
            return False
        if self._controller.is_saving():
            self._after_save = self._close
        elif not self._ask_first(self._close):
            return False
        event.ignore()
        return True

    def _close(self) -> None:
        self._sessions.set_file(None, None)
        self._window.close()


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME // 2]}\u2026{name[-LONGEST_NAME // 2 :]}"


def build(context: FeatureContext) -> tuple[Entry, ...]:
    """File menu: sessions."""
    feature = Sessions(context)
    can_save = context.commands.part(SessionsController).can_save
    return (
        Action(
            "open_session", "Open sessio&n\u2026", feature.open, "File", 103, key="Ctrl+Shift+O",
            tip="Open a session: recording, method, ellipses and display as they were saved",
        ),
        Action(
            "recover", "Reco&ver last session", feature.recover, "File", 104, enabled=feature.can_recover,
            tip="Open the session of a window that was not closed properly",
        ),
        Action(
            "save_session", "&Save session", feature.save, "File", 250, key="Ctrl+S", enabled=can_save,
            tip="Save recording, method, ellipses and display, without results",
        ),
        Action(
            "save_session_as", "Save session &as\u2026", feature.save_as, "File", 251, key="Ctrl+Shift+S",
            enabled=can_save, tip="Save the session under another name",
        ),
    )  # fmt: skip


FEATURES.register("sessions", build)
