"""A small graph over all frames: one metric, the shown frame marked; a click goes to a frame."""

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QWidget

from app.theme import Theme
from app.views.graph import Graph


class TraceView(Graph):
    """Draws (frame, value) points; frames count from 0 as everywhere."""

    frame_requested = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Graph over frames", parent)
        plot = self.getPlotItem()
        plot.setLabel("bottom", "Frame (from 0)")
        self._curve = plot.plot([], [], symbol="o", symbolSize=5)
        self._marker = pg.InfiniteLine(angle=90, movable=False)
        plot.addItem(self._marker, ignoreBounds=True)
        self._count = 0
        self.scene().sigMouseClicked.connect(self._clicked)
        self.restyle()

    def show_points(self, frames: Sequence[int], values: Sequence[float], title: str, count: int) -> None:
        """Draw one metric over `count` frames; NaN leaves a gap."""
        self._count = count
        self.setLabel("left", title)
        places, heights = np.asarray(frames, float), np.asarray(values, float)
        finite = np.isfinite(heights)
        # A line joins neighbours that both have a value; pyqtgraph itself stumbles over NaN in symbols.
        joined = np.diff(np.flatnonzero(finite), append=-1) == 1
        self._curve.setData(places[finite], heights[finite], connect=joined.astype(np.int32))
        self.setXRange(-0.5, max(count, 2) - 0.5, padding=0)
        self.enableAutoRange(axis="y")

    def show_frame(self, frame: int) -> None:
        """Mark the shown frame."""
        self._marker.setValue(frame)

    def restyle(self) -> None:
        """Take the colours of the theme in force."""
        super().restyle()
        colors = Theme.colors
        self._curve.setPen(pg.mkPen(colors.accent, width=1.6))
        self._curve.setSymbolBrush(QColor(colors.accent))
        self._curve.setSymbolPen(None)
        self._marker.setPen(pg.mkPen(colors.text, width=1, style=Qt.PenStyle.DashLine))

    def _clicked(self, event: object) -> None:
        box = self.getPlotItem().getViewBox()
        position = event.scenePos()  # type: ignore[attr-defined]
        if self._count and box.sceneBoundingRect().contains(position):
            frame = round(box.mapSceneToView(position).x())
            self.frame_requested.emit(max(0, min(frame, self._count - 1)))
