"""Two maps and their difference: one zoom, one cursor, the same regions, the numbers of both below."""

import math

from PySide6.QtCore import QRectF, QSignalBlocker, QSize, Signal, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QGridLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import QFlowLayout

from app.features.comparison.state import OTHER_FRAME, Comparison, Side
from app.state import Display, Regions, Role
from app.state.image_grid import ImageGrid
from app.state.raster import Limits, color_table, strain_index
from app.views.image_pane import ImagePane, image_scale, map_caption
from app.views.linked_plots import LinkedPlots
from engine.figures.content import DIFFERENCE_COLORS, difference_quantity, suggest_limits
from engine.maps.base import other_map
from engine.metrics.base import metrics_shown
from engine.metrics.number_text import DASH, three_figures
from engine.metrics.relative import relative_strain
from engine.quantity import Quantity, strain_quantity
from engine.types import Map

WIDGET_MAX_PX = 16_777_215
"""Qt's word for no limit."""
HARDLY_COMPRESSED = "Hardly compressed: no relative strain."


class CompareView(QWidget):
    """Draws a comparison; the choice of the other map leaves as a signal."""

    chosen = Signal(int, int)
    """Number of the other run, or OTHER_FRAME, and the frame."""
    cursor_moved = Signal(object)
    export_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.first, self.second, self.difference = (ImagePane(name) for name in ("A", "B", "A \u2212 B"))
        self.other = QComboBox()
        self.other.setAccessibleName("Compare with")
        self.other.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.frame = QSpinBox()
        self.frame.setAccessibleName("Other frame")
        self.frame.setPrefix("frame ")
        self.export = QPushButton("Export figure\u2026")
        self.export.setToolTip("Both maps, their difference and the numbers of both as one figure (Ctrl+Shift+C)")
        self.export.setEnabled(False)
        self.export.clicked.connect(self.export_requested)
        self.limits: Limits | None = None
        """What both maps are shown under."""
        self.cells: dict[tuple[str, str], QLabel] = {}
        self._metrics = metrics_shown("figure")
        self._grid: ImageGrid | None = None
        self._extent = QRectF()
        self._places = QGridLayout()
        self._in_a_row: bool | None = None
        self._table = QWidget()
        self._numbers = QScrollArea()
        self._numbers.setWidgetResizable(True)
        self._numbers.setFrameShape(QFrame.Shape.NoFrame)
        self._lay_out()
        self._arrange(in_a_row=True)
        self.other.currentIndexChanged.connect(self._tell)
        self.frame.valueChanged.connect(self._tell)
        self._linked = LinkedPlots([pane.plot for pane in self.panes], self)
        for pane in self.panes:
            pane.plot.cursor_moved.connect(self._tell_cursor)
            for item in pane.regions.values():
                item.set_mouse_enabled(False)

    @property
    def panes(self) -> tuple[ImagePane, ImagePane, ImagePane]:
        """First, second, difference."""
        return self.first, self.second, self.difference

    def show_grid(self, grid: ImageGrid) -> None:
        """Lay out the plane in which the maps lie; one that lies there already keeps its zoom."""
        if grid is self._grid:
            return
        self._grid = grid
        self._extent = QRectF(*(1e3 * edge for edge in grid.edges_m()))
        for pane in self.panes:
            pane.set_extent(self._extent)
        self._choose_places()
        self._linked.fit()

    def show_choice(self, runs: tuple[tuple[int, str], ...], other: int, frame: int, frames: int) -> None:
        """List what the shown map can be compared with."""
        with QSignalBlocker(self.other), QSignalBlocker(self.frame):
            self.other.clear()
            for number, title in runs:
                self.other.addItem(f"{title}, same frame", number)
            self.other.addItem("Another frame of this run", OTHER_FRAME)
            self.other.setCurrentIndex(max(self.other.findData(other), 0))
            self.frame.setRange(0, max(frames - 1, 0))
            self.frame.setValue(frame)
        self.frame.setVisible(self.other.currentData() == OTHER_FRAME)

    def show_comparison(self, comparison: Comparison | None, display: Display, why_not: str) -> None:
        """Draw both maps under the same limits, and their difference under limits symmetric about zero."""
        for pane in self.panes:
            pane.set_smooth(display.smooth)
            pane.set_message("" if comparison is not None else why_not or "Preparing\u2026")
        self._show_numbers(comparison)
        self.export.setEnabled(comparison is not None)
        if comparison is None:
            self.limits = None
            for pane in self.panes:
                pane.image.set_indices(None)
                pane.bar.clear()
                pane.set_caption("")
                pane.set_badge("")
            return
        entry = other_map(comparison.first.map)
        relative = display.relative and entry is None
        quantity = entry.quantity if entry else strain_quantity(display.quantity, relative=relative)
        colors = color_table((entry.colormap if entry else "") or display.colormap, reverse=display.reverse)
        sides = (comparison.first, comparison.second)
        stored = [relative_strain(side.shown, side.mean) if relative else side.shown for side in sides]
        by_hand = display.limits == "manual" and entry is None
        limits = self.limits = Limits(*(display.manual if by_hand else suggest_limits(*stored, quantity=quantity)))
        for pane, side, values in zip((self.first, self.second), sides, stored, strict=True):
            pane.image.set_table(colors)
            pane.image.set_indices(strain_index(quantity.shown(values), None, limits, 0.0))
            pane.bar.show_scale(colors, (limits.low_percent, limits.high_percent), quantity.label, quantity.ends)
            pane.set_caption(map_caption(side.title, side.frame))
            pane.show_regions(side.regions, None)
            pane.set_message(HARDLY_COMPRESSED if relative and math.isnan(side.mean) else "")
            averaged = 1 if entry else len(side.averaged)
            pane.set_badge(f"{averaged} frames\naveraged" if averaged > 1 else "")  # three images are narrow
        self._show_difference(stored[0] - stored[1], difference_quantity(quantity))

    def show_regions(self, regions: Regions, selection: Role | None) -> None:
        """Show both ellipses in all panes."""
        for pane in self.panes:
            pane.show_regions(regions, selection)

    def show_cursor(self, place_m: tuple[float, float] | None) -> None:
        """Mark the cursor's place in all panes."""
        place = None if place_m is None else (place_m[0] * 1e3, place_m[1] * 1e3)
        for pane in self.panes:
            pane.plot.show_crosshair(place)

    def minimumSizeHint(self) -> QSize:
        """Return the width of two images beside each other: with less the numbers scroll."""
        pane = self.first.minimumSizeHint()
        return QSize(2 * pane.width(), 2 * pane.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Arrange the panes anew for the new size."""
        super().resizeEvent(event)
        self._choose_places()

    def _lay_out(self) -> None:
        choice = QFlowLayout()
        choice.setContentsMargins(10, 6, 10, 6)
        choice.setSpacing(8)
        label = QLabel("Compare with")
        height = max(widget.sizeHint().height() for widget in (self.other, self.frame, self.export))
        for widget in (label, self.other, self.frame, self.export):
            widget.setMinimumHeight(height)  # such a layout puts all of a row at its top
            choice.addWidget(widget)
        grid = QGridLayout(self._table)
        grid.setHorizontalSpacing(16)
        for column, metric in enumerate(self._metrics, start=1):
            heading = self.cells["heading", metric.name] = QLabel(metric.short)
            grid.addWidget(heading, 0, column)
        for line, (key, title) in enumerate((("first", "A"), ("second", "B"), ("difference", "A \u2212 B")), start=1):
            grid.addWidget(QLabel(title), line, 0)
            for column, metric in enumerate(self._metrics, start=1):
                cell = self.cells[key, metric.name] = QLabel()
                cell.setAccessibleName(f"{metric.short} of {title}")
                grid.addWidget(cell, line, column)
        grid.setColumnStretch(len(self._metrics) + 1, 1)
        grid.setRowStretch(4, 1)
        self._numbers.setWidget(self._table)
        column_layout = QVBoxLayout(self)
        column_layout.setContentsMargins(0, 0, 0, 0)
        column_layout.addLayout(choice)
        column_layout.addLayout(self._places, 1)

    def _choose_places(self) -> None:
        """Lay the three maps in a row, or two above one where that shows them larger, as it does wide ones."""
        if self._extent.isEmpty():
            return
        image = self._extent.width(), self._extent.height()
        below = self._table.sizeHint().height()
        in_a_row = image_scale((self.width(), self.height() - below), image, 3, 1)
        self._arrange(in_a_row=in_a_row >= image_scale((self.width(), self.height()), image, 2, 2))

    def _arrange(self, *, in_a_row: bool) -> None:
        if in_a_row == self._in_a_row:
            return
        self._in_a_row = in_a_row
        places = ((0, 0), (0, 1), (0, 2)) if in_a_row else ((0, 0), (0, 1), (1, 0))
        for pane, place in zip(self.panes, places, strict=True):
            self._places.addWidget(pane, *place)
        self._numbers.setMaximumHeight(self._table.sizeHint().height() + 12 if in_a_row else WIDGET_MAX_PX)
        if in_a_row:
            self._places.addWidget(self._numbers, 1, 0, 1, 3)
        else:
            self._places.addWidget(self._numbers, 1, 1)
        for column, stretch in enumerate((1, 1, int(in_a_row))):
            self._places.setColumnStretch(column, stretch)
        for line, stretch in enumerate((1, int(not in_a_row))):
            self._places.setRowStretch(line, stretch)

    def _show_difference(self, stored: Map, quantity: Quantity) -> None:
        limits = Limits(*suggest_limits(stored, quantity=quantity))
        colors = color_table(DIFFERENCE_COLORS, reverse=False)
        self.difference.image.set_table(colors)
        self.difference.image.set_indices(strain_index(quantity.shown(stored), None, limits, 0.0))
        ends = (limits.low_percent, limits.high_percent)
        self.difference.bar.show_scale(colors, ends, quantity.label, quantity.ends)
        self.difference.set_caption("")

    def _show_numbers(self, comparison: Comparison | None) -> None:
        for name in (metric.name for metric in self._metrics):
            first = _value(None if comparison is None else comparison.first, name)
            second = _value(None if comparison is None else comparison.second, name)
            gap = None if first is None or second is None else first - second
            measured = comparison is None or name in comparison.first.metrics
            for key in ("heading", "first", "second", "difference"):
                self.cells[key, name].setVisible(measured)
            for key, value in (("first", first), ("second", second), ("difference", gap)):
                self.cells[key, name].setText(DASH if value is None else three_figures(value))

    @Slot()
    def _tell(self) -> None:
        if self.other.currentIndex() >= 0:
            self.chosen.emit(int(self.other.currentData()), self.frame.value())

    @Slot(object)
    def _tell_cursor(self, place_mm: tuple[float, float] | None) -> None:
        self.cursor_moved.emit(None if place_mm is None else (place_mm[0] * 1e-3, place_mm[1] * 1e-3))


def _value(side: Side | None, name: str) -> float | None:
    entry = None if side is None else side.metrics.get(name)
    return None if entry is None or entry.reason else entry.value
