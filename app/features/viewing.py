"""How the images are shown: the whole image, the overlay, and leaving a tool or a selection."""

from PySide6.QtCore import Qt

from app.actions import Action
from app.state import Tool
from app.window.feature import FEATURES, Entry, FeatureContext


def build(context: FeatureContext) -> tuple[Entry, ...]:
    """View menu: images."""
    state, commands = context.state, context.commands

    def opened() -> bool:
        return state.recording is not None

    def toggle_overlay() -> None:
        commands.change_display(overlay=not state.display.overlay)

    def toggle_relative() -> None:
        commands.change_display(relative=not state.display.relative)

    def escape() -> None:
        commands.playback.pause()
        if state.tool is not Tool.PAN:
            commands.regions.choose_tool(Tool.PAN)
            return
        for drawn in context.drawn:
            drawn.deselect()

    return (
        Action(
            "fit",
            "Show the &whole image",
            context.central.view.fit,
            menu="View",
            place=100,
            tool_bar=400,
            icon="fit",
            plain_keys=(Qt.Key.Key_F,),
            enabled=opened,
        ),
        Action(
            "overlay",
            "Strain &over B-mode",
            toggle_overlay,
            menu="View",
            place=101,
            tool_bar=401,
            short_text="Overlay",
            icon="overlay",
            plain_keys=(Qt.Key.Key_O,),
            checkable=True,
            enabled=opened,
            checked=lambda: state.display.overlay,
        ),
        Action(
            "relative",
            "Relative strai&n",
            toggle_relative,
            menu="View",
            place=103,
            plain_keys=(Qt.Key.Key_N,),
            key_words="Strain relative to the frame\u2019s mean, or in %",
            tip="Strain of every frame divided by its mean",
            checkable=True,
            enabled=opened,
            checked=lambda: state.display.relative,
        ),
        Action(
            "escape",
            "Leave",
            escape,
            plain_keys=(Qt.Key.Key_Escape,),
            key_words="Leave the tool, then the selection; stop playing",
        ),
    )


FEATURES.register("viewing", build)
