"""Export the comparison that is shown as a figure: from the File menu, and by the button in its view."""

from app.actions import Action
from app.features.comparison.export import CompareExportController
from app.features.comparison.state import CompareState
from app.features.comparison.view import CompareView
from app.features.export.dialog import ask_figure
from app.features.export.figure_dialog import FigureDialog
from app.features.export.options_form import remembered
from app.window.feature import FEATURES, Entry, FeatureContext
from engine.figures.options import FigureOptions

CHOICES = ("ellipses", "numbers", "caption", "settings", "scale_bar")


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
        kept = remembered(context.commands.preferences, "comparison", FigureOptions())
        dialog = FigureDialog(context.window, "Export the comparison", kept, CHOICES)
        ask_figure(dialog, context.commands, exporting, source, "comparison")

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
