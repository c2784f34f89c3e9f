"""Region templates: keep the drawn regions by name, apply them to other recordings, delete them."""

from collections.abc import Callable

from PySide6.QtCore import QObject, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QComboBox, QInputDialog, QMenu

from app.actions import Action
from app.features.templates.controller import TemplatesController
from app.state import Regions, Role
from app.window.feature import FEATURES, Entry, FeatureContext, FilledMenu
from engine.errors import StrainscopeError

QUESTION = "Name of the template. Under a name that exists the new regions replace the old ones."


class TemplatesFeature(QObject):
    """Asks for a name, and fills the two menus."""

    def __init__(self, context: FeatureContext) -> None:
        super().__init__(context.window)
        self._window = context.window
        self._state = context.state
        self._controller = context.commands.part(TemplatesController)
        self._controller.failed.connect(context.show_error)

    @Slot()
    def ask_name(self) -> None:
        """Ask under which name the regions are kept."""
        try:
            names = list(self._controller.all())
        except StrainscopeError as error:
            self._controller.failed.emit(str(error))
            return
        dialog = QInputDialog(self._window)
        dialog.setWindowTitle("Save regions as template")
        dialog.setLabelText(QUESTION)
        dialog.setComboBoxItems(names)
        dialog.setComboBoxEditable(True)
        dialog.setTextValue("")
        dialog.setOkButtonText("Save")
        box = dialog.findChild(QComboBox)
        if box is not None:
            box.setAccessibleName("Name of the template")
        dialog.textValueSelected.connect(self._controller.save)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def fill_apply(self, menu: QMenu) -> None:
        """List the templates to apply."""
        self._fill(menu, self._apply, enabled=self._state.recording is not None)

    def fill_delete(self, menu: QMenu) -> None:
        """List the templates to delete."""
        self._fill(menu, self._delete, enabled=True)

    def _fill(self, menu: QMenu, chosen: Callable[[], None], *, enabled: bool) -> None:
        try:
            templates = self._controller.all()
        except StrainscopeError:
            menu.addAction("The templates cannot be read").setEnabled(False)
            return
        menu.setToolTipsVisible(True)
        for name, regions in templates.items():
            action = menu.addAction(name.replace("&", "&&"))
            action.setData(name)
            action.setToolTip(_words(regions))
            action.setEnabled(enabled)
            action.triggered.connect(chosen)
        if not templates:
            menu.addAction("No template kept yet").setEnabled(False)

    @Slot()
    def _apply(self) -> None:
        self._controller.apply(self._chosen())

    @Slot()
    def _delete(self) -> None:
        self._controller.delete(self._chosen())

    def _chosen(self) -> str:
        action = self.sender()
        assert isinstance(action, QAction)
        return str(action.data())


def _words(regions: Regions) -> str:
    """Say what a template holds: each region with its width and height."""
    drawn = ((role, regions.get(role)) for role in Role)
    return "\n".join(
        f"{role.label}: {2e3 * ellipse.semi_lateral_m:.1f} x {2e3 * ellipse.semi_axial_m:.1f} mm "
        f"at {1e3 * ellipse.lateral_m:.1f}, {1e3 * ellipse.depth_m:.1f} mm"
        for role, ellipse in drawn
        if ellipse is not None
    )


def build(context: FeatureContext) -> tuple[Entry, ...]:
    """Edit menu: templates."""
    feature, state = TemplatesFeature(context), context.state
    return (
        Action(
            "save_template",
            "&Save regions as template\u2026",
            feature.ask_name,
            menu="Edit",
            place=300,
            tip="Keep the regions, in millimetres, to use them on other recordings",
            enabled=lambda: state.regions != Regions(),
        ),
        FilledMenu("apply_template", "&Apply template", feature.fill_apply, "Edit", 301),
        FilledMenu("delete_template", "Delete &template", feature.fill_delete, "Edit", 302),
    )


FEATURES.register("templates", build)
