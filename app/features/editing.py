"""Draw, select and remove the regions, with undo and redo."""

from functools import partial

from PySide6.QtCore import Qt

from app.actions import Action
from app.controllers.regions import RegionsController
from app.state import Regions, Role, Tool, ViewerState
from app.window.feature import FEATURES, Entry, FeatureContext

DRAW = {Role.TARGET: "Draw &target", Role.BACKGROUND: "Draw &background", Role.LESION: "Draw the l&esion on B-mode"}
TIPS = {
    Role.TARGET: "Drag an ellipse over the lesion in the strain map",
    Role.BACKGROUND: "Drag an ellipse over tissue to compare with, at the same depth",
    Role.LESION: "Outline the same lesion as the B-mode shows it: the target's size over it is the E/B size ratio",
}


def build(context: FeatureContext) -> tuple[Entry, ...]:
    """Edit menu, with the tools."""
    state, regions = context.state, context.commands.regions
    stack = regions.undo_stack
    context.drawn.append(regions)

    def selected() -> bool:
        return any(entry.is_selected() for entry in context.drawn)

    def delete() -> None:
        for entry in context.drawn:
            entry.delete_selected()

    def take_focus() -> None:
        """Give the keys to the images: arrows move what is selected, Return draws, whatever was pressed last."""
        if state.selection is not None or state.tool is not Tool.PAN:
            context.central.take_keys()

    state.selection_changed.connect(take_focus)
    state.tool_changed.connect(take_focus)
    stack.indexChanged.connect(context.refresh)
    stack.cleanChanged.connect(context.refresh)
    return (
        Action(
            "undo", "&Undo", regions.history.undo, "Edit", 100, 300, icon="undo", key="Ctrl+Z",
            enabled=stack.canUndo, words=lambda: f"Undo {stack.undoText()}".strip(),
        ),
        Action(
            "redo", "&Redo", regions.history.redo, "Edit", 101, 301, icon="redo", key="Ctrl+Shift+Z",
            more_keys=("Ctrl+Y",), enabled=stack.canRedo, words=lambda: f"Redo {stack.redoText()}".strip(),
        ),
        Action(
            "delete", "&Delete what is selected", delete, "Edit", 200, icon="delete",
            plain_keys=(Qt.Key.Key_Delete, Qt.Key.Key_Backspace), tip="Remove the selected region or line",
            enabled=selected,
        ),
        Action(
            "mirror", "Background at the target's &depth", regions.mirror_background, "Edit", 201,
            enabled=lambda: state.regions.target is not None,
        ),
        Action(
            "clear", "&Remove all regions", regions.clear, "Edit", 202,
            enabled=lambda: state.regions != Regions(),
        ),
        *_tools(state, regions),
    )  # fmt: skip


def _tools(state: ViewerState, regions: RegionsController) -> tuple[Entry, ...]:
    pan = Action(
        "pan",
        "&Pan and zoom",
        partial(regions.choose_tool, Tool.PAN),
        menu="Edit",
        place=400,
        tool_bar=200,
        short_text="Pan",
        icon="pan",
        checkable=True,
        enabled=lambda: state.recording is not None,
        checked=lambda: state.tool is Tool.PAN,
    )
    return pan, *(_drawing(state, regions, role, place) for place, role in enumerate(Role, start=401))


def _drawing(state: ViewerState, regions: RegionsController, role: Role, place: int) -> Action:
    tool = Tool(role.value)

    def toggle() -> None:
        regions.choose_tool(Tool.PAN if state.tool is tool else tool)

    return Action(
        role.value,
        DRAW[role],
        toggle,
        menu="Edit",
        place=place,
        tool_bar=place - 200,
        short_text=role.value.capitalize(),
        tip=TIPS[role],
        icon=role.value,
        plain_keys=(Qt.Key[f"Key_{role.letter}"],),
        press=partial(regions.press_key, role),
        key_words=f"Select the {role.words}; again, or without one: draw it",
        checkable=True,
        enabled=lambda: state.recording is not None,
        checked=lambda: state.tool is tool,
    )


FEATURES.register("editing", build)
