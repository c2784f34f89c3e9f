"""The profile line: drawn on either image, moved with mouse and keys, exported as CSV."""

from pathlib import Path

from PySide6.QtCore import QObject, QPoint, Qt, Slot
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import QFileDialog, QMenu

from app.actions import Action
from app.features.export.dialog import named_after
from app.features.profile.controller import ProfileController
from app.features.profile.item import ProfileItem
from app.features.profile.state import ProfileState
from app.state import Tool
from app.state.workspace import Kept, Part, WorkspaceParts
from app.window.feature import FEATURES, Entry, FeatureContext
from engine.metrics.profile import ProfileLine


class KeptProfile(Kept):
    """The profile line, if one is drawn."""

    line: ProfileLine | None = None


class ProfileFeature(QObject):
    """Keeps one item in each view in step with the line, and the requests of both in step with the controller."""

    def __init__(self, context: FeatureContext) -> None:
        super().__init__(context.window)
        self._context = context
        self._state = context.state
        self._profile = context.state.slice(ProfileState)
        self._controller = context.commands.part(ProfileController)
        self._controller.failed.connect(context.show_error)
        context.drawn.append(self._controller)
        self.items = [ProfileItem() for _ in context.central.view.panes]
        for pane, item in zip(context.central.view.panes, self.items, strict=True):
            pane.plot.addItem(item, ignoreBounds=True)
            pane.plot.box.line_drawn.connect(self._controller.draw)
            pane.plot.box.empty_clicked.connect(self._controller.deselect)
            item.edited.connect(self._controller.edit)
            item.picked.connect(self._controller.select)
            item.menu_requested.connect(self._show_menu)
        self._profile.line_changed.connect(self.show_line)
        self._profile.selection_changed.connect(self.show_selection)
        self._state.tool_changed.connect(self.show_tool)
        self._profile.profile_changed.connect(context.refresh)

    @Slot()
    def show_line(self) -> None:
        """Show the line in both views."""
        for item in self.items:
            item.set_line(self._profile.line)

    @Slot()
    def show_selection(self) -> None:
        """Show whether the keys work on the line."""
        for item in self.items:
            item.set_selected(self._profile.selected)
        if self._profile.selected:
            self._context.central.take_keys()
        self._context.refresh()

    @Slot()
    def show_tool(self) -> None:
        """Let a drag draw, or move the line; whoever draws a line wants to see its graph."""
        for item in self.items:
            item.set_mouse_enabled(self._state.tool is Tool.PAN)
        if self._state.tool is Tool.PROFILE:
            self._context.show_panel("profile")

    def menu(self) -> QMenu:
        """Return what can be done with the line."""
        menu = QMenu(self._context.window)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.addAction("Copy values", self.copy_line)
        actions = (self._context.window.findChild(QAction, name) for name in ("export_profile", "remove_profile"))
        menu.addActions([action for action in actions if action is not None])
        return menu

    def copy_line(self) -> None:
        """Copy both ends as the command line takes them."""
        line = self._profile.line
        if line is not None:
            ends = (line.start_lateral_m, line.start_depth_m, line.end_lateral_m, line.end_depth_m)
            QGuiApplication.clipboard().setText("--line=" + ",".join(f"{1e3 * end:.4g}" for end in ends))

    @Slot(QPoint)
    def _show_menu(self, at: QPoint) -> None:
        self._controller.select()
        self.menu().popup(at)

    @Slot()
    def export(self) -> None:
        """Ask where the profile goes."""
        preferences = self._context.preferences
        proposed = str(Path(preferences.last_export_folder) / named_after(self._state, "profile.csv"))
        chosen, _ = QFileDialog.getSaveFileName(self._context.window, "Export the profile", proposed, "Table (*.csv)")
        if chosen:
            path = Path(chosen)
            path = path if path.suffix else path.with_suffix(".csv")
            preferences.last_export_folder = str(path.parent)
            self._controller.save(path)


def build(context: FeatureContext) -> tuple[Entry, ...]:
    """View menu: the tool; Edit menu: removal; File menu: export."""
    state, profile = context.state, context.state.slice(ProfileState)
    controller = context.commands.part(ProfileController)
    feature = ProfileFeature(context)
    part = Part(
        "profile",
        KeptProfile,
        take=lambda: KeptProfile(line=profile.line),
        restore=lambda kept: profile.set_line(kept.line),
        travels=True,
    )
    state.slice(WorkspaceParts).add(part, profile.line_changed)
    return (
        Action(
            "profile",
            "Draw p&rofile line",
            controller.toggle_tool,
            menu="Edit",
            place=404,
            tool_bar=204,
            short_text="Profile",
            icon="profile",
            plain_keys=(Qt.Key.Key_P,),
            press=controller.press_key,
            tip="Map and B-mode level along a line",
            key_words="Select the profile line; again, or without one: draw it",
            checkable=True,
            enabled=lambda: state.recording is not None,
            checked=lambda: state.tool is Tool.PROFILE,
        ),
        Action(
            "remove_profile",
            "Remove profile &line",
            controller.remove,
            menu="Edit",
            place=203,
            enabled=lambda: profile.line is not None,
        ),
        Action(
            "export_profile",
            "Export prof&ile\u2026",
            feature.export,
            menu="File",
            place=303,
            tip="Map and B-mode level along the profile line, in the shown frame",
            enabled=lambda: profile.profile is not None and profile.profile.values is not None,
        ),
    )


FEATURES.register("profile", build)
