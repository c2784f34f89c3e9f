"""Export the shown run: a figure, the table of all metrics, the result."""

from app.actions import Action
from app.features.export.dialog import ExportDialogs
from app.window.feature import FEATURES, Entry, FeatureContext


def build(context: FeatureContext) -> tuple[Entry, ...]:
    """File menu: exports."""
    state = context.state
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
            "table",
            "Export &table\u2026",
            exports.table,
            menu="File",
            place=301,
            tool_bar=601,
            short_text="Table",
            icon="table",
            key="Ctrl+Shift+E",
            tip="Export the table of all metrics",
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
        Action(
            "arrays",
            "Export &arrays\u2026",
            exports.arrays,
            "File",
            312,
            enabled=estimated,
            tip="Displacement, strain and quality for MATLAB or NumPy",
        ),
        Action(
            "zea",
            "Export for &zea\u2026",
            exports.zea,
            "File",
            313,
            enabled=estimated,
            tip="Recording, B-mode, displacement, strain and quality in the zea data format",
        ),
        Action("save_result", "Save &result\u2026", exports.result, "File", 302, key="Ctrl+Shift+R", enabled=estimated),
    )


FEATURES.register("exporting", build)
