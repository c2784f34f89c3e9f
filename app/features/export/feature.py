"""Export the shown run: a figure, a movie, a contact sheet, and every format of data there is."""

from collections.abc import Callable
from functools import partial

from app.actions import Action
from app.features.export.controller import ExportController
from app.features.export.dialog import ExportDialogs
from app.window.feature import FEATURES, Entry, FeatureContext
from engine.export.base import WRITERS, Writer


def build(context: FeatureContext) -> tuple[Entry, ...]:
    """File menu: exports."""
    state = context.state
    context.commands.part(ExportController).failed.connect(context.show_error)
    exports = ExportDialogs(context.commands, context.central.view, context.window)

    def estimated() -> bool:
        return state.run is not None and bool(state.run.store.frames())

    return (
        Action(
            "figure",
            "Export &figure\u2026",
            exports.figure,
            menu="File",
            place=300,
            tool_bar=600,
            short_text="Figure",
            icon="export",
            key="Ctrl+E",
            enabled=estimated,
        ),
        Action(
            "movie",
            "Export &movie\u2026",
            exports.movie,
            "File",
            310,
            key="Ctrl+Shift+M",
            enabled=estimated,
            tip="All frames as MP4 or GIF",
        ),
        Action(
            "sheet",
            "Export &contact sheet\u2026",
            exports.sheet,
            "File",
            311,
            enabled=estimated,
            tip="The strain of all frames side by side",
        ),
        *(_data(exports, writer, place, estimated) for place, writer in enumerate(WRITERS, 302)),
    )


def _data(exports: ExportDialogs, writer: Writer, place: int, enabled: Callable[[], bool]) -> Action:
    """Return the action of a format of data: those with a key lie in the menu itself; the table has a button."""
    button = writer.name == "table"
    return Action(
        writer.name,
        f"Export {writer.title.lower()}\u2026",
        partial(exports.data, writer),
        menu="File" if writer.key else "File/Export data",
        place=place if writer.key else place + 18,
        tool_bar=601 if button else None,
        short_text=writer.title,
        icon="table" if button else "",
        key=writer.key,
        tip=writer.help,
        enabled=enabled,
    )


FEATURES.register("exporting", build)
