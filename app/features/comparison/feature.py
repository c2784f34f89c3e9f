"""Two methods or two frames side by side, with their difference, in the window and as a figure."""

from collections.abc import Callable
from functools import cached_property

from PySide6.QtCore import Qt

from app.actions import Action
from app.features.comparison.controller import CompareController
from app.features.comparison.export import CompareExportController
from app.features.comparison.kept import ComparisonKeeper
from app.features.comparison.state import CompareState
from app.features.comparison.view import CompareView
from app.features.export.dialog import ask_figure
from app.features.export.figure_dialog import FigureDialog
from app.features.export.options_form import remembered
from app.window.feature import FEATURES, Entry, FeatureContext
from engine.figures.options import FigureOptions

CHOICES = ("ellipses", "numbers", "caption", "settings", "scale_bar")


class Binding:
    """Keeps the comparison's view in step with the state."""

    def __init__(self, context: FeatureContext, export: Callable[[], None]) -> None:
        self._state, self._export = context.state, export
        self._compare = context.state.slice(CompareState)
        self._images, self._usual = context.central.images, context.central.view
        self._compare.changed.connect(self.show_page)
        for signal in (self._compare.changed, self._state.runs_changed, self._state.recording_changed):
            signal.connect(self.show_choice)
        for signal in (self._compare.prepared, self._state.display_changed, self._state.picture_changed):
            signal.connect(self.show)
        self._state.recording_changed.connect(self._show_grid)
        self._state.regions_changed.connect(self._show_regions)
        self._state.selection_changed.connect(self._show_regions)
        self._state.cursor_changed.connect(self._show_cursor)

    @cached_property
    def view(self) -> CompareView:
        """The view, made when it is first shown: three images more would delay every window's start."""
        view = CompareView()
        self._images.addWidget(view)
        view.chosen.connect(self._compare.choose)
        view.cursor_moved.connect(self._state.set_cursor)
        view.export_requested.connect(self._export)
        return view

    def toggle(self) -> None:
        """Show the comparison, or the usual view again."""
        active = not self._compare.active
        candidates = self._compare.candidates()
        if active and candidates and self._compare.other not in {run.number for run in candidates}:
            self._compare.choose(candidates[-1].number, self._compare.other_frame)
        self._compare.set_active(active)

    def show_page(self) -> None:
        """Bring the comparison to the front, or the usual view."""
        self._images.setCurrentWidget(self.view if self._compare.active else self._usual)
        self._show_grid()
        self._show_regions()

    def show_choice(self) -> None:
        """List what can be compared."""
        if not self._compare.active:
            return
        recording = self._state.recording
        runs = tuple((run.number, run.title) for run in self._compare.candidates())
        frames = 0 if recording is None else recording.frames
        self.view.show_choice(runs, self._compare.other, self._compare.other_frame, frames)
        self.show()

    def show(self) -> None:
        """Draw what was prepared."""
        if self._compare.active:
            self.view.show_comparison(self._compare.comparison, self._state.display, self._compare.why_not())

    def _show_grid(self) -> None:
        if self._state.recording is not None and self._compare.active:
            self.view.show_grid(self._state.recording.grid)

    def _show_regions(self) -> None:
        if self._compare.active:
            self.view.show_regions(self._state.regions, self._state.selection)

    def _show_cursor(self) -> None:
        if self._compare.active:
            self.view.show_cursor(self._state.cursor)


def build(context: FeatureContext) -> tuple[Entry, ...]:
    """View menu, and the figure in the File menu."""
    state, compare = context.state, context.state.slice(CompareState)
    exporting = context.commands.part(CompareExportController)
    for controller in (context.commands.part(CompareController), exporting):
        controller.failed.connect(context.show_error)
    context.commands.part(ComparisonKeeper)

    def export() -> None:
        limits = binding.view.limits if compare.active else None
        source = exporting.source(None if limits is None else (limits.low_percent, limits.high_percent))
        if source is None:
            return
        kept = remembered(context.commands.preferences, "comparison", FigureOptions())
        dialog = FigureDialog(context.window, "Export the comparison", kept, CHOICES)
        ask_figure(dialog, context.commands, exporting, source, "comparison")

    binding = Binding(context, export)
    for signal in (compare.changed, compare.prepared):
        signal.connect(context.refresh)
    return (
        Action(
            "compare",
            "&Compare two methods or frames",
            binding.toggle,
            menu="View",
            place=102,
            plain_keys=(Qt.Key.Key_C,),
            tip="Two strain maps side by side, with their difference",
            checkable=True,
            enabled=lambda: state.run is not None or compare.active,
            checked=lambda: compare.active,
        ),
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


FEATURES.register("comparing", build)
