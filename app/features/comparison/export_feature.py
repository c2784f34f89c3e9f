"""Export the comparison that is shown as a figure: from the File menu, and by the button in its view."""

from app.actions import Action
from app.features.comparison.export import CompareExportController
from app.features.comparison.state import CompareState
from app.features.comparison.view import CompareView
from app.features.export.controller import FigureOptions
from app.features.export.dialog import ask_figure
from app.features.export.figure_dialog import FigureDialog
from app.window.feature import FEATURES, Entry, FeatureContext

CHOICES = ("ellipses", "numbers", "caption")


def build(context: FeatureContext) -> tuple[Entry, ...]:
    """File menu: the comparison."""
    compare = context.state.slice(CompareState)
    exporting = context.commands.part(CompareExportController)
    exporting.failed.connect(context.show_error)
    view = context.central.images.findChild(CompareView)
    assert isinstance(view, CompareView)

    def export() -> None:
        limits = view.limits
        source = exporting.source(None if limits is None else (limits.low_percent, limits.high_percent))
        if source is None:
            return
        dialog = FigureDialog(context.window, "Export the comparison", FigureOptions(caption=True), CHOICES)
        ask_figure(dialog, context.commands, exporting, source, "comparison.png")

    view.export_requested.connect(export)
    compare.prepared.connect(context.refresh)
    return (
        Action(
            "compare_figure",
            "Export com&parison\u2026",
            export,
            menu="File",
            place=314,
            key="Ctrl+Shift+C",
            tip="Both maps, their difference and the numbers of both as one figure",
            enabled=lambda: compare.active and compare.comparison is not None,
        ),
    )


FEATURES.register("compare_export", build)
