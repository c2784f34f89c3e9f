"""Show the log of what the program has told."""

from PySide6.QtWidgets import QDockWidget

from app.actions import Action
from app.features.log.controller import LogController
from app.window.feature import FEATURES, Entry, FeatureContext


def build(context: FeatureContext) -> tuple[Entry, ...]:
    """Help menu: the log."""
    controller = context.commands.part(LogController)
    context.at_close.append(controller.close)

    def show() -> None:
        dock = context.window.findChild(QDockWidget, "log")
        if dock is not None:
            dock.show()
            dock.raise_()

    return (Action("log", "Show the &log", show, "Help", 200, tip="What the program has told so far, with the time"),)


FEATURES.register("log", build)
