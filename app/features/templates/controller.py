"""Keep the drawn regions as a template, and put a template onto the open recording."""

from PySide6.QtCore import QObject, Signal

from app.controllers.commands import Commands
from app.controllers.processing import in_words
from app.features.templates.storage import delete_template, fitted, load_templates, save_template
from app.state import Regions, Role
from engine.errors import StrainscopeError


class TemplatesController(QObject):
    """Templates hold places and sizes in millimetres, so they suit recordings of other depths and spacings."""

    failed = Signal(str)

    def __init__(self, commands: Commands) -> None:
        super().__init__(commands.parent)
        self._state = commands.state
        self._regions = commands.regions

    def all(self) -> dict[str, Regions]:
        """Every template by name; a StrainscopeError says why they cannot be read."""
        return load_templates()

    def save(self, name: str) -> None:
        """Keep the regions under a name."""
        try:
            save_template(name, self._state.regions)
        except StrainscopeError as error:
            self.failed.emit(in_words(error))
            return
        self._state.set_notice(f"Template kept: {' '.join(name.split())}")

    def apply(self, name: str) -> None:
        """Put the regions of a template onto the open recording, shifted into its image; others stay."""
        recording = self._state.recording
        try:
            template = load_templates().get(name)
        except StrainscopeError as error:
            self.failed.emit(in_words(error))
            return
        if recording is None or template is None:
            return
        regions, edges = self._state.regions, recording.grid.edges_m()
        moved = []
        for role in Role:
            wanted = template.get(role)
            if wanted is not None:
                placed = fitted(wanted, edges)
                regions = regions.replaced(role, placed)
                moved += [role.words] if placed != wanted else []
        self._regions.replace_all(regions, f"template {name}")
        fitting = f"; {' and '.join(moved)} moved or made smaller to fit the image" if moved else ""
        self._state.set_notice(f"Template applied: {name}{fitting}")

    def delete(self, name: str) -> None:
        """Forget a template."""
        try:
            delete_template(name)
        except StrainscopeError as error:
            self.failed.emit(in_words(error))
            return
        self._state.set_notice(f"Template deleted: {name}")
